"""English text for the synthetic voices: sentences of our own, drawn from templates and word lists.

The lists lean on what a mouth model must see: P, B, M at the start, middle and end of words, in
clusters and after each other; F and V; rounded vowels and glides; every diphthong; long words,
numbers, letters, names, questions, lists with pauses, one-word answers.
"""

from __future__ import annotations

import random
import re


def _list(text: str) -> tuple[str, ...]:
    """Words separated by bars, over any number of lines."""
    return tuple(" ".join(word.split()) for word in text.split("|"))


_WORDS: dict[str, tuple[str, ...]] = {
    "name": _list(
        """
        Bob | Pam | Emma | Philip | Vivian | Abby | Tom | Eve | Oliver | Bobby | Faye | Joan |
        Maeve | Hubert | Ruth | Wayne | Sophie | Jim | Bev | Umberto | Yvonne | Zoe | Roy | Shawn
        | Priscilla | Bartholomew | Paolo | Mabel | Kim | Theo | George | Julia | Chuck | Hugh
        """
    ),
    "place": _list(
        """
        Boston | Paris | Vienna | Oxford | Bombay | Cape Town | Memphis | Hanover | Peru | Wyoming
        | Buffalo | Venice | Moscow | Zurich | Lima | Tokyo | Java | Denmark | Warsaw | Birmingham
        | the farm | the museum | the pub | the beach | the chapel | the bathroom | the workshop
        """
    ),
    "thing": _list(
        """
        apple | problem | camera | pebble | bamboo flute | map | lamp | violin | coffee cup | robe
        | pump | bomb | trumpet | phone book | knife | glove | stove | oven | sofa | elephant |
        shrimp | stamp | tomb | ribbon | puppet | bubble | mop | tape | shoe | judge | boat |
        window | yoyo | thumb | feather | vase | pipe | tube | globe | web | hoof | roof | cave |
        wave | leaf | basket | pudding | mushroom | kangaroo | umbrella | newspaper | volume |
        vehicle | diploma | toothbrush | wheelbarrow | poem | oyster | toy | couch | towel | bird
        | church | journal | treasure | garage | beige blouse | yellow tulip | wooden spoon |
        football | bathtub
        """
    ),
    "mass": _list(
        """
        butter | jam | soap | milk | pepper | beef | syrup | foam | rum | maple wood | fur |
        velvet | money | music | oil | ivory | honey | bread | plum juice | coffee | smoke |
        lumber | mud
        """
    ),
    "adj": _list(
        """
        big | brave | blue | plump | famous | heavy | smooth | soft | vivid | bumpy | deep | cheap
        | purple | pompous | warm | thin | rough | loud | proud | oval | awful | lovely | stubborn
        | simple | impossible | humble | rubber | empty | damp | round | royal | moist | busy |
        fluffy | clever | grumpy | early | weird | pure | yellow | huge | tiny | beautiful |
        remarkable
        """
    ),
    "verb": _list(
        """
        bump | move | push | paint | shove | wrap | rub | help | prove | save | love | stop | grab
        | clean | film | remember | improve | forget | chop | drop | blow up | pick up | vacuum |
        boil | borrow | swap | jump over | climb | weave | choose | measure | throw | roll | join
        | deserve
        """
    ),
    "past": _list(
        """
        bought | found | broke | moved | pushed | painted | wrapped | robbed | helped | saved |
        sold | stopped | grabbed | filmed | remembered | improved | forgot | dropped | blew up |
        picked up | swapped | jumped over | climbed | chose | measured | threw | joined | carved |
        drew | hid
        """
    ),
    "adv": _list(
        """
        slowly | by hand | in vain | perhaps twice | all above board | before lunch | at home |
        for fun | behind the boathouse | with both thumbs | from above | every evening |
        without a map | in February | under the apple tree | in front of the bank |
        for five months | over the hump | at half past four | through the fog | by the river |
        on the roof | at the pump | up the hill | beyond the bridge
        """
    ),
    "job": _list(
        """
        plumber | beekeeper | bishop | farmer | painter | pilot | barber | professor | officer |
        teacher | chef | judge | nurse | driver | weaver | composer | mayor | lawyer | boxer
        """
    ),
    "number": _list(
        """
        one | two | three | four | five | six | seven | eight | nine | ten | eleven | twelve |
        fifteen | twenty seven | forty four | fifty five | sixty | ninety nine | a hundred and one
        | two thousand and five | a million | zero | eighty | thirty two | a dozen |
        half a billion
        """
    ),
    "letter": _list(
        """
        A | B | C | D | E | F | G | H | I | J | K | L | M | N | O | P | Q | R | S | T | U | V | W
        | X | Y | Z
        """
    ),
    "month": _list(
        """
        January | February | March | April | May | June | July | August | September | October |
        November | December
        """
    ),
    "short": _list(
        """
        Yes | No | Maybe | Of course | Stop | Help me | Beautiful | Oh boy | Why not | Absolutely
        | Mum | Pop | Bob | Wow | Move over | Put it up | Give up | Hmm, maybe | Goodbye | Above |
        Enough | Boo | Hope so | Five, four, three | Mine | Fifty fifty | Welcome home | Probably
        | Umbrella
        """
    ),
}

_TEMPLATES: tuple[str, ...] = (
    "{name} {past} the {adj} {thing} {adv}.",
    "The {adj} {job} from {place} {past} {number} {adj} {thing}s.",
    "Could you {verb} my {thing}, please?",
    "I am {number}, and {name} is {number}.",
    "Before {name} came home, we {past} every {thing} and some {mass}.",
    "Why would a {job} {verb} the {thing} {adv}?",
    "{name}, {name} and {name} live in {place}.",
    "My {thing} smells of {mass}, but yours is {adj}.",
    "Never {verb} a {adj} {thing} {adv}.",
    "In {month}, {number} {job}s {past} it.",
    "{short}. I will {verb} the {thing}.",
    "The code is {letter}, {letter}, {number}, {letter}, {number}.",
    "We have {mass}, {mass}, {mass} and a {thing}.",
    "Both the {thing} and the {thing} were {adj}.",
    "If you {verb} it, {name} may {verb} it too.",
    "Some people put {mass} on top of a {thing}.",
    "{name} whispered: who {past} my {adj} {thing}?",
    "From {place} to {place} is {number} miles, more or less.",
    "How {adj} was the {thing} that {name} {past}?",
    "Fifty {adj} {job}s met {adv}, about {number} from {place}.",
    "Perhaps, {name}, we should {verb} both.",
    "A {thing}, a {thing}, and one more {thing}.",
    "Room {number}, floor {number}, ask for {name}.",
    "It was the most {adj} {thing} of them all!",
    "Move up, {name}, the {job} wants to {verb} that {thing}.",
    "You and I {past} {mass} {adv}.",
    "{name}'s {adj} mother was a {job} in {place}.",
    "Do not be so {adj}; be {adj}.",
    "They grew {mass} and {past} a {thing} {adv}.",
    "{short}. {short}. {short}.",
    "Oh, look: {number} {thing}s {adv}.",
    "The {job} said, well, {verb} it, and went away.",
)

_WHOLE: tuple[str, ...] = (
    "Peter's puppy popped up and bumped my brand new lamp.",
    "Mom and Bob may map the maple farm by moonbeam.",
    "Vivid velvet waves of fog covered five very fine ferns.",
    "Who would choose to chew blue shoes in June?",
    "Above the bathtub, a bumblebee hummed a mumbled poem.",
    "The boy enjoyed an oyster in the noisy royal alley.",
    "How now: a loud crowd found a brown cow downtown.",
    "Five elves shelved twelve leafy gloves themselves.",
    "Hubert's tube amp hums, buzzes, thumps, and dies.",
    "Jim scrubbed his crumb filled web cam with a damp shrub.",
    "We owe Joan a yellow rowboat, no more and no less.",
    "She measured the treasure with usual leisure and pleasure.",
    "The thirsty bird heard the first word and turned to the church.",
    "Father calmly parked the dark car far from the harbour.",
    "I might buy nine white kites in July.",
    "They may stay eight days by the lake in Spain.",
    "That fat cat sat back and had a sandwich in the bath.",
    "Sixth months' strength stretched the scripts' prompts.",
    "Glimpsed shrimps jumped from the swamp's damp ramp.",
    "Good cooks should put the wool hood by the brook.",
    "All autumn long, Paul thought about the small awful brawl.",
    "Keep these green beans, please, we need three each.",
    "Bid him sit in this big dim inn until six.",
    "Get ten red pens ready; then tell Ben where they went.",
    "Up, up, up, and then, bump, down we come.",
    "Mississippi, Alabama, Wyoming, Vermont, and of course, Ohio.",
    "One potato, two potato, three potato, four.",
    "Mmm, that pumpkin pie was unbelievably good.",
    "P, B, M. B, M, P. F and V. W and O.",
    "Hello, hello, can you hear me now?",
    "Five, four, three, two, one, zero, lift off.",
    "My new phone number is eight zero five, two five five, nine four one seven.",
    "To be honest, I have never been above the clouds before.",
    "Both of them probably improved because somebody helped them.",
    "Bring me a cup, a map, a web, a tomb, a glove and a roof.",
    "Who knew you two were new to the zoo?",
    "Obviously, the ambulance was impossible to move.",
    "Did the vampire vanish, or did it fly above the village?",
    "What a wonderful warm winter we were wishing for!",
    "Just a moment, please. I am coming. I am here.",
)


def english_prompts(*, seed: int, count: int = 600) -> list[str]:
    """Sentences in a fixed order: other seeds give other sentences.

    >>> english_prompts(seed=0, count=3) == english_prompts(seed=0, count=600)[:3]
    True
    """
    draw = random.Random(f"pmmlink-prompts-{seed}")
    decks = {kind: _Deck(words, draw) for kind, words in _WORDS.items()}
    templates = _Deck(_TEMPLATES, draw)
    whole = _Deck(_WHOLE, draw)
    prompts: list[str] = []
    while len(prompts) < count:
        # Every eighth sentence is one of the fixed, dense ones.
        text = whole.next() if len(prompts) % 8 == 3 else templates.next()
        prompts.append(_tidy(re.sub(r"\{(\w+)\}", lambda match: decks[match[1]].next(), text)))
    return prompts


class _Deck:
    """Deals all words in a shuffled order before any comes twice."""

    def __init__(self, words: tuple[str, ...], draw: random.Random) -> None:
        self._words, self._draw, self._left = words, draw, list[str]()

    def next(self) -> str:
        if not self._left:
            self._left = list(self._words)
            self._draw.shuffle(self._left)
        return self._left.pop()


def _tidy(text: str) -> str:
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIO])", r"\1n ", text)
    return text[0].upper() + text[1:]
