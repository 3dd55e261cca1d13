"""The phone set of the text branch, the corpus and the coarticulation targets.

ARPAbet without stress, plus a few classes whose mouth shape English lacks, so that other languages
keep their lips: front rounded vowels, the velar fricative, the uvular or trilled r and the close
central vowel of Mandarin *si*. Diphthongs and affricates of other languages are written as sequences.
"""

from __future__ import annotations

SILENCE = "SIL"

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
"""The ARPAbet vowels."""

CONSONANTS = (
    *("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG"),
    *("P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH"),
)
"""The ARPAbet consonants."""

EXTRA_VOWELS = ("UE", "OE", "IX")
"""UE: close front rounded (IPA y, ʏ); OE: mid front rounded (ø, œ); IX: close central (ɨ, Mandarin -i)."""

EXTRA_CONSONANTS = ("KX", "RX")
"""KX: x, ç, ɣ; RX: uvular or trilled r (ʁ, r), unrounded unlike English R."""

PHONES: tuple[str, ...] = (SILENCE, *VOWELS, *EXTRA_VOWELS, *CONSONANTS, *EXTRA_CONSONANTS)
"""Every phone; the position is its class number in the text branch. Frozen: weights depend on it."""

PHONE_INDEX: dict[str, int] = {phone: i for i, phone in enumerate(PHONES)}

BILABIALS = frozenset({"P", "B", "M"})
LABIODENTALS = frozenset({"F", "V"})
OPEN_VOWELS = frozenset({"AA", "AE", "AO", "AW", "AY"})
ROUNDED = frozenset({"UW", "UH", "AO", "OW", "OY", "W", "UE", "OE", "SH", "ZH", "CH", "JH", "R", "ER"})


def is_vowel(phone: str) -> bool:
    """Whether a phone of :data:`PHONES` is a vowel."""
    return phone in VOWELS or phone in EXTRA_VOWELS


def strip_stress(phone: str) -> str:
    """``AH0`` → ``AH``. Anything that is not in the phone set becomes silence.

    >>> strip_stress("AH0"), strip_stress("P"), strip_stress("SPN")
    ('AH', 'P', 'SIL')
    """
    bare = phone.rstrip("012")
    return bare if bare in PHONE_INDEX else SILENCE
