"""Text of our own in Mandarin, German, French, Spanish and Italian for the synthetic voices.

Mandarin is written in pinyin with tone numbers, as ``espeak-ng`` reads it without a character
dictionary. What is said matters less than the phones: lips closed, rounded, spread, in every order.
"""

from __future__ import annotations

import random
import re

_SLOTS: dict[str, dict[str, str]] = {
    "zh": {
        "who": "wo3 | ni3 | ta1 | wo3 men5 | ba4 ba5 | ma1 ma5 | bo2 bo5 | peng2 you5 | lao3 shi1"
        " | xiao3 ming2 | po2 po5 | mei4 mei5 | yi1 sheng1 | fang1 fang1 | nü3 er2 | di4 di5"
        " | biao3 mei4 | lao3 ban3",
        "when": "jin1 tian1 | ming2 tian1 | xing1 qi1 wu3 | ba1 yue4 | zao3 shang5 | wan3 shang5 | xia4 wu3"
        " | qu4 nian2 | mei3 tian1 | xian4 zai4 | ban4 ye4 | fang4 xue2 yi3 hou4",
        "do": "mai3 ping2 guo3 | chi1 mian4 bao1 | he1 pu2 tao5 zhi1 | bao1 bao1 zi5 | pao3 bu4"
        " | pa2 shan1 | mo1 mao1 | fang4 feng1 zheng5 | bang1 mang2 | ban1 fang2 zi5"
        " | fei1 bei3 jing1 | xie3 mao2 bi3 zi4 | kan4 bao4 zhi3 | mi2 lu4 | wen4 wen4 ti2"
        " | bu3 mao4 zi5 | chuan1 hong2 pi2 xie2 | chui1 pao4 pao5 | mai4 yu2 | xue2 zhong1 wen2"
        " | chang4 min2 ge1 | zuo4 huo3 che1 | tiao4 wu3 | hua4 hua4 | he1 lü4 cha2"
        " | da3 yu3 mao2 qiu2 | qi2 zi4 xing2 che1 | yong4 kuai4 zi5 | kai1 men2 | guan1 chuang1",
        "where": "zai4 gong1 yuan2 li3 | zai4 bin1 guan3 men2 kou3 | cong2 shang4 hai3 | zai4 hu2 bian1"
        " | zai4 fu4 mu3 jia1 | zai4 mo4 fang1 | zai4 tu2 shu1 guan3 | zai4 fei1 ji1 shang5",
        "thing": "bei1 zi5 | pan2 zi5 | mao4 zi5 | fang2 zi5 | ping2 guo3 | wo1 niu2 | mi4 feng1 | bao3 bei4"
        " | shui3 hu2 | yu3 san3 | shou3 biao3 | mao2 yi1 | feng1 mi4 | hu2 die2 | xiong2 mao1"
        " | mo2 gu5",
        "how": "hen3 piao4 liang5 | fei1 chang2 hao3 | bu4 pian2 yi5 | you4 da4 you4 yuan2 | tai4 man4"
        " | bi3 jiao4 pang4 | zhen1 de5 bu2 cuo4 | you3 dian3 ku3 | te4 bie2 ruan3"
        " | mei2 you3 wen4 ti2",
        "num": "yi1 | er4 | san1 | si4 | wu3 | liu4 | qi1 | ba1 | jiu3 | shi2 | ling2 | bai3 | qian1 | wan4",
    },
    "de": {
        "wer": "Peter | meine Mutter | Bärbel | der Bäcker | die Maus | Paul | ein Wolf | Frau Müller"
        " | Uwe | der Papagei | Familie Bauer | Sophie | ein Professor | mein Bruder | die Köchin"
        " | Jürgen | Barbara",
        "tut": "kauft | bemalt | findet | verliert | braucht | öffnet | verpackt | wäscht | prüft"
        " | vermisst | umarmt | beobachtet | baut | schiebt | wiegt | versteckt | pflückt"
        " | verspeist | bewegt",
        "was": "eine Banane | das Pferd | zwölf Äpfel | das Bügeleisen | süße Pfirsiche | eine Pumpe"
        " | fünf Bücher | die Schöpfkelle | das Boot | eine Möwe | warme Milch | das Kopfkissen"
        " | die Trompete | grüne Bohnen | das Fahrrad | neue Schuhe | ein Klavier | die Blumenvase"
        " | Kartoffelpuffer | das Euter",
        "wo": "am Bahnhof | im Büro | auf dem Pflaumenbaum | beim Bäcker | über der Brücke"
        " | vor dem Museum | in Wuppertal | unter dem Apfelbaum | im Februar | am Fluss | ohne Mühe"
        " | bei Nebel | zu Hause",
        "zahl": "eins | zwei | drei | vier | fünf | sechs | sieben | acht | neun | zehn | elf | zwölf"
        " | fünfundfünfzig | hundert | tausendvierhundert | null",
    },
    "fr": {
        "qui": "Pierre | ma mère | Babette | le boulanger | une poule | Philippe | mon frère | la bouchère"
        " | Bruno | un éléphant | le professeur | Émilie | un petit homme | la femme | Paul"
        " | ma voisine",
        "fait": "achète | mange | peint | pousse | trouve | embrasse | fabrique | prépare | emporte | vend"
        " | boit | promène | oublie | ouvre | veut | mesure | balaie | enveloppe | offre | mord",
        "quoi": "une pomme rouge | du bon pain | le bateau | un œuf | deux bouteilles | une mouche"
        " | la fenêtre | un beau vélo | du beurre | une brouette | le tambour | une plume"
        " | un parapluie | la voiture | du jambon | un vieux meuble | les abeilles | un bijou"
        " | une lampe | le fauteuil",
        "où": "sur le pont | au bord du fleuve | à Bordeaux | dans la forêt | devant le musée"
        " | en février | sous la pluie | avec un ami | au beau milieu | près du feu | pour la fête"
        " | chez nous",
        "combien": "un | deux | trois | quatre | cinq | six | sept | huit | neuf | dix | vingt-deux | cent"
        " | mille | quarante-neuf | soixante-dix | quatre-vingt-un",
    },
    "es": {
        "quién": "Pablo | mi mamá | Bárbara | el panadero | una vaca | Felipe | mi abuelo | la paloma"
        " | Emilio | un bombero | la profesora | Fabiola | el mono | un hombre | Violeta | mi primo",
        "hace": "compra | pinta | busca | empuja | come | rompe | prueba | mueve | prepara | bebe"
        " | envuelve | olvida | abre | lava | lleva | quiere | fabrica | sube | ama | dibuja",
        "qué": "una manzana | el barco | un libro | pan blanco | la bombilla | un tambor | dos huevos"
        " | el globo | una pompa | mucho humo | una pluma | el mapa | un búho | la puerta | jabón"
        " | el autobús | un paraguas | la lluvia | un jefe viejo | una flor",
        "dónde": "en Bilbao | por la mañana | bajo el puente | con mi hermano | en el pueblo | sin problema"
        " | en febrero | sobre la mesa | junto al fuego | en La Paz | por un euro | a las ocho",
        "cuántos": "uno | dos | tres | cuatro | cinco | seis | siete | ocho | nueve | diez | veinte | cien"
        " | mil | cuarenta y nueve | quinientos",
    },
    "it": {
        "chi": "Pippo | la mamma | Beppe | il bambino | una farfalla | Fabrizio | mio babbo"
        " | la professoressa | un uomo | il pompiere | Emma | la gallina | il medico | zia Bruna"
        " | un lupo | Paolo",
        "fa": "compra | dipinge | trova | spinge | mangia | rompe | prova | muove | prepara | beve"
        " | dimentica | apre | lava | porta | vuole | fabbrica | pulisce | abbraccia | vende"
        " | disegna",
        "cosa": "una mela | il battello | un libro | del pane | la lampada | un tamburo | due uova"
        " | la pompa | molto fumo | una piuma | la mappa | un gufo | la porta | il sapone"
        " | l'ombrello | la pioggia | un bel vaso | gli gnocchi | una foglia | il pallone",
        "dove": "a Padova | di mattina | sotto il ponte | con mio fratello | nel bosco | senza problemi"
        " | in febbraio | sopra il tavolo | vicino al fuoco | per un euro | alle otto | in pubblico",
        "quanti": "uno | due | tre | quattro | cinque | sei | sette | otto | nove | dieci | venti | cento"
        " | mille | quarantanove | cinquecento",
    },
    "ru": {
        "кто": "папа | мама | бабушка | Пётр | моя подруга | повар | Фома | пилот | маленький мальчик | Борис"
        " | Марфа | белый волк | муха | бобёр | Вова | фермер",
        "что": "яблоко | большой арбуз | хлеб | пять бутылок молока | вафли | фонарь | бумагу | рыбу | мыло"
        " | пуговицу | автобус | тёплую шапку | воздушный шар | юбку | мёд | зонт | кофе | пальму | флейту",
        "делает": "любит | покупает | моет | ломает | видит | берёт | рубит | забывает | пьёт | ловит"
        " | прячет | обнимает | мешает | продаёт | бьёт | обещает",
        "где": "в парке | на мосту | в феврале | под водой | у бабушки | в Москве | без проблем | утром"
        " | на юге | в лифте | около фонтана",
        "сколько": "один | два | три | четыре | пять | шесть | семь | восемь | девять | десять | сорок | сто",
    },
}

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "zh": (
        "{who} {when} {do}.",
        "{when}, {who} {where} {do}.",
        "{who} bu4 xiang3 {do}, xiang3 {do}.",
        "{thing} {how}.",
        "zhe4 ge5 {thing} he2 na4 ge5 {thing} dou1 {how}.",
        "{who} you3 {num} ge5 {thing} ma5?",
        "{num}, {num}, {num}, {num}, {num}.",
        "qing3 wen4, {who} wei4 shen2 me5 {where} {do}?",
        "{thing}, {thing}, hai2 you3 {thing}.",
        "mei2 guan1 xi5, {who} bang1 ni3 {do}.",
        "{who} shuo1: bie2 {do}!",
        "bu4, bu4. {who} bu2 hui4 {do}.",
    ),
    "de": (
        "{wer} {tut} {was} {wo}.",
        "Warum {tut} {wer} {was}?",
        "{wer} und {wer} wohnen {wo}.",
        "{zahl}, {zahl}, {zahl} und {zahl}.",
        "Heute {tut} {wer} {wo} {was}, und morgen {was}.",
        "Ob {wer} wohl {was} mag? Vielleicht, aber bestimmt nicht {wo}.",
        "Bitte, {wer}, nimm {was} und komm!",
        "Pass auf: {wer} {tut} {was}!",
    ),
    "fr": (
        "{qui} {fait} {quoi} {où}.",
        "Pourquoi est-ce que {qui} {fait} {quoi}?",
        "{qui} et {qui} habitent {où}.",
        "{combien}, {combien}, {combien} et {combien}.",
        "Aujourd'hui, {qui} {fait} {quoi}, puis {quoi}.",
        "Bon, {qui} n'aime pas {quoi}.",
        "Oh, regardez: {qui} {fait} {quoi}!",
        "{où}, on voit {quoi} et {quoi}.",
    ),
    "es": (
        "{quién} {hace} {qué} {dónde}.",
        "¿Por qué {quién} {hace} {qué}?",
        "{quién} y {quién} viven {dónde}.",
        "{cuántos}, {cuántos}, {cuántos} y {cuántos}.",
        "Hoy {quién} {hace} {qué}, y mañana {qué}.",
        "Bueno, {quién} no tiene {qué}.",
        "¡Mira, {quién} {hace} {qué}!",
        "{dónde} hay {qué}, {qué} y {qué}.",
    ),
    "it": (
        "{chi} {fa} {cosa} {dove}.",
        "Perché {chi} {fa} {cosa}?",
        "{chi} e {chi} abitano {dove}.",
        "{quanti}, {quanti}, {quanti} e {quanti}.",
        "Oggi {chi} {fa} {cosa}, e domani {cosa}.",
        "Bene, {chi} non ha {cosa}.",
        "Guarda, {chi} {fa} {cosa}!",
        "{dove} ci sono {cosa}, {cosa} e {cosa}.",
    ),
    "ru": (
        "{кто} {делает} {что} {где}.",
        "Почему {кто} {делает} {что}?",
        "{кто} и {кто} живут {где}.",
        "{сколько}, {сколько}, {сколько}.",
        "Сегодня {кто} {делает} {что}, а завтра {что}.",
        "Нет, {кто} не {делает} {что}!",
        "Ой, смотри: {что} {где}.",
    ),
}

LANGUAGES = tuple(_TEMPLATES)


def foreign_prompts(language: str, *, seed: int, count: int) -> list[str]:
    """Sentences in one of :data:`LANGUAGES`, in a fixed order; other seeds give other sentences.

    >>> len(set(foreign_prompts("de", seed=1, count=50)))
    50
    """
    draw = random.Random(f"pmmlink-prompts-{language}-{seed}")
    slots = {slot: text.split(" | ") for slot, text in _SLOTS[language].items()}
    templates = _TEMPLATES[language]
    prompts: list[str] = []
    while len(prompts) < count:
        template = templates[len(prompts) % len(templates)]
        text = re.sub(r"\{(\w+)\}", lambda match: draw.choice(slots[match[1]]), template)
        if language != "zh":
            text = text[0].upper() + text[1:]
        if text not in prompts:
            prompts.append(text)
    return prompts
