"""From the International Phonetic Alphabet to the phone set.

One table serves all languages; what a mouth shows decides, not the sound: Mandarin ɕ is spread like
S, not rounded like SH; Spanish β never closes the lips and becomes V; a nasal vowel is its oral one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pmmlink.phones import SILENCE, is_vowel
from pmmlink.train.corpus.base import Segment


def _table(text: str) -> dict[str, list[str]]:
    """Lines of ``phones: signs, signs, …``; a sign written without phones is not heard as one."""
    table: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        phones, signs = line.split(":", 1)
        for sign in signs.split():
            table[sign.replace("_", "ː")] = phones.split()
    return table


_TABLE = _table(
    """
    AY: aɪ ai aj ɑɪ ɑi
    AW: aʊ au aw ɑu ɑʊ ɑo
    OY: ɔɪ ɔø ɔʏ ɔy oɪ oi
    EY: eɪ ei ej ɛɪ e_
    OW: oʊ əʊ ou ow o_ o-u
    IH R: ɪɹ
    UH R: ʊɹ
    EH R: ɛɹ
    AO R: ɔ_ɹ o_ɹ
    AA R: ɑ_ɹ
    ER: ɜ_ɹ ɜ_ ɝ ɚ ɜ ɜɹ əɹ ər
    IH AH: ɪə
    IY AH: iə
    EH AH: eə
    UH AH: ʊə
    AY ER: aɪɚ
    AY AH: aɪə
    AH L: əl l̩
    AH N: n̩
    AA: a ɑ
    AO: ɒ ɔ o
    AE: æ
    AH: ɐ ʌ ə ᵊ ɘ ɤ o-
    EH: e ɛ
    IY: i
    IH: ɪ ᵻ
    IX: ɨ ɯ ɿ ʅ i. i̪
    UE: y ʏ ɥ
    OE: ø œ ɵ
    UW: u ʉ
    UH: ʊ
    UW AH: uə
    UW EY: uei
    Y OW: iou
    Y AA: iɑ
    Y AE: iɛ
    UE EH: yɛ
    UE AE: yæ
    P: p ph
    B: b
    T: t th ʈ
    D: d ɾ ɖ
    K: k kh q c
    G: ɡ g ɟ
    CH: tʃ ʧ ts. ts.h tʂ ʈʂ
    JH: dʒ ʤ dʐ
    T S: ts tsh ʦ tɕ tɕh ʨ
    D Z: dz ʣ dʑ ʥ
    P F: pf
    M: m m̩
    N: n ɳ
    N Y: ɲ
    NG: ŋ ɴ
    F: f ɸ ɱ
    V: v ʋ β
    TH: θ
    DH: ð
    S: s ɕ
    Z: z ʑ
    SH: ʃ ʂ s.
    ZH: ʒ
    HH: h ɦ
    KX: x ç χ ɣ
    L: l ɫ ɭ
    L Y: ʎ
    R: ɹ ɻ ʐ
    RX: r ʁ ʀ ɽ
    Y: j ʝ
    W: w
    """
)

_BY_LANGUAGE: dict[str, dict[str, list[str]]] = {
    # The vocalised r of German -er is neither rounded nor an English r.
    "de": {"ɜ": ["AH"], "ɾ": ["RX"]},
    "zh": {"h": ["KX"], "ph": ["P"], "yæ": ["UE", "AE"]},
}
"""What differs from the common table."""

_TAPPED_R = frozenset({"es", "it", "fr", "pt", "ca", "ru", "fi"})
"""Languages whose ɾ is an r, not the English flapped t."""

_DROP = frozenset(
    "\u02c8\u02cc\u02b0\u02b2\u02b7\u02e0\u02e4"  # stress and superscripts
    "\u0303\u0361\u035c\u032f\u0325\u032c\u0320\u031f\u031d\u031e\u0324\u0330\u0306\u031a"  # marks
    "\u02e5\u02e6\u02e7\u02e8\u02e9\u2197\u2198\u2191\u2193\u203f"  # tones and links
    "'|-_^~;:\u00b7\"1234567890"
)
_WIDEST = max(map(len, _TABLE))


@dataclass(frozen=True, slots=True)
class IpaSegment:
    """A piece of IPA and where it lies; an empty ``text`` is silence. Stress as in ARPAbet, or None."""

    text: str
    start_s: float
    end_s: float
    stress: int | None = None


def to_phones(text: str, language: str = "en") -> list[str]:
    """Phones of an IPA string, without stress and silence; unknown signs are left out.

    >>> to_phones("həlˈoʊ"), to_phones("ʃøːn", "de"), to_phones("pˈepe", "es")
    (['HH', 'AH', 'L', 'OW'], ['SH', 'OE', 'N'], ['P', 'EH', 'P', 'EH'])
    """
    decomposed = unicodedata.normalize("NFD", text).replace("c\u0327", "\u00e7")
    signs = "".join(c for c in decomposed if c not in _DROP)
    return [phone for phones, _, _ in _pieces(signs, language) for phone in phones]


def _pieces(signs: str, language: str) -> Iterator[tuple[list[str], int, int]]:
    """Longest matches of the table as (phones, first sign, end); a sign it lacks is passed over."""
    own = _BY_LANGUAGE.get(language, {})
    at = 0
    while at < len(signs):
        for width in range(min(_WIDEST, len(signs) - at), 0, -1):
            piece = signs[at : at + width]
            if piece == "ɾ" and language in _TAPPED_R:
                yield ["RX"], at, at + 1
            elif piece in own:
                yield own[piece], at, at + width
            elif piece in _TABLE:
                yield _TABLE[piece], at, at + width
            else:
                continue
            at += width
            break
        else:
            at += 1


def timed_word(signs: Iterable[tuple[str, float, float]], language: str = "en") -> list[Segment]:
    """Phones of one word, from its signs as (sign, start, end) in the order in which a voice takes them.

    Time given to a stress mark belongs to the sign after it, that of a length mark to the one before.
    """
    kept: list[tuple[str, float, float]] = []
    stressed: dict[int, int] = {}
    from_s: float | None = None
    for text, start_s, end_s in signs:
        if text in ("\u02c8", "\u02cc"):
            stressed[len(kept)] = 1 if text == "\u02c8" else 2
            from_s = start_s if from_s is None else from_s
        elif (text in _DROP or text == "ː") and kept:
            kept[-1] = (kept[-1][0], kept[-1][1], end_s)
            if text == "ː":
                kept.append((text, end_s, end_s))
        elif text not in _DROP:
            begin_s = start_s if from_s is None else from_s
            share_s = (end_s - begin_s) / len(text)
            kept.extend((c, begin_s + i * share_s, begin_s + (i + 1) * share_s) for i, c in enumerate(text))
            from_s = None
    out: list[Segment] = []
    stress = 0
    for phones, first, end in _pieces("".join(sign for sign, _, _ in kept), language):
        stress = max((stressed[i] for i in range(first, end) if i in stressed), default=stress)
        a, b = kept[first][1], kept[end - 1][2]
        share_s = (b - a) / max(len(phones), 1)
        for i, phone in enumerate(phones):
            mark = stress if is_vowel(phone) else None
            out.append(Segment(phone, a + i * share_s, a + (i + 1) * share_s, mark))
            stress = 0 if is_vowel(phone) else stress
    return out


def segments(pieces: Iterable[IpaSegment], language: str = "en") -> list[Segment]:
    """Phones with times: a piece of several phones is shared out evenly."""
    out: list[Segment] = []
    for piece in pieces:
        if not piece.text:
            out.append(Segment(SILENCE, piece.start_s, piece.end_s))
            continue
        phones = to_phones(piece.text, language)
        if not phones and out and piece.end_s > piece.start_s:
            # A glottal stop or bare mark lengthens what came before.
            out[-1] = Segment(out[-1].phone, out[-1].start_s, piece.end_s, out[-1].stress)
        share_s = (piece.end_s - piece.start_s) / max(len(phones), 1)
        for i, phone in enumerate(phones):
            a = piece.start_s + i * share_s
            b = piece.end_s if i + 1 == len(phones) else a + share_s
            out.append(Segment(phone, a, b, piece.stress if is_vowel(phone) else None))
    return out
