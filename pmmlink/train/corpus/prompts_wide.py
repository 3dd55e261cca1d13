"""English text of a hundred thousand words: none is heard often enough to be known.

The sentences of :mod:`.prompts` share some 750 words. A model that hears four seconds learns those
words, and then hears them where they are not: its lips closed on sounds of other words, most of all on N
(``docs/model-log.md``). Here nearly every word is drawn from the pronouncing dictionary that comes with
PocketSphinx (CMUdict), into frames of the common little words, whose N and TH real speech is full of.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pmmlink.errors import DataError

FRAMES: tuple[str, ...] = (
    "The _ of the _ was _ and the _ was not.",
    "We went on to the _ with no _ and no _.",
    "She has been in the _ since _.",
    "It is not _, it is _.",
    "And then they had none of their _.",
    "There are _ in each _.",
    "Nobody knew what the _ did in the _.",
    "Enter the _ number, then the _.",
    "Is this the _ that you had in _?",
    "As the _ went on, so did his _.",
    "He can _ or _ until the next _.",
    "You do not need a _ to _.",
    "_, _, _, and _.",
    "_ _.",
    "_.",
    "Another _ and one more _ would do.",
    "If there is any _ at all, then it is in the _.",
    "Those _ were neither _ nor _.",
    "I think that the _ did _ than the other _.",
    "One and nine is ten, and _ is seven.",
    "Under the _, between _ and _.",
    "Their _ has gone, and so has the _.",
    "When did you _ the _?",
    "To _ is to _.",
    "Not only the _, the _ too.",
    "An _, or rather a _.",
    "Let us _ again and again.",
    "These are the _ that the _ sent.",
    "At the end of the _ she was the only _.",
    "Who else can _ such a thing?",
    "Thank you for _, and good night.",
    "In _ there is a _ at every _.",
    "I cannot _ this without the _.",
    "_ on the left, _ on the right.",
    "The _ has to be _ again.",
    "You have no new _.",
    "Did the _ agree with the _?",
    "That is the _, this is the _, and those are the others.",
    "Not now, _. Later, _.",
    "Down in the _ there is nothing but _.",
    "_ and _, _ and _.",
    "Since when is _ a _?",
    "He and I are _ in the same _.",
    "All the _ had gone to _ by then.",
)

BILABIAL = 0.4
"""Chance that a word is drawn from those with a P, B or M alone. Drawn from all, they would be 4.7 % of the
phones; so they are 6.7 %, as in real text (6.6 % of the constitution of the United States)."""

_WORD = re.compile(r"[a-z]{3,12}")
_BILABIALS = frozenset("PBM")


@cache
def dictionary_words(*, bilabial: bool = False) -> tuple[str, ...]:
    """The words of the dictionary in its own order, without abbreviations, possessives and variants.

    Args:
        bilabial: only those with a P, B or M.

    Raises:
        DataError: PocketSphinx is not installed, or lacks its dictionary.
    """
    try:
        from pocketsphinx import get_model_path

        lines = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()
    except (ImportError, OSError) as error:
        raise DataError(
            f"the words come from PocketSphinx' dictionary: pip install pocketsphinx ({error})"
        ) from error
    spoken = (line.split() for line in lines)
    # A word with no more sounds than two letters is an abbreviation, more often than not.
    return tuple(
        word
        for word, *phones in spoken
        if _WORD.fullmatch(word) and len(phones) > 2 and (not bilabial or not _BILABIALS.isdisjoint(phones))
    )


def wide_prompts(*, seed: int, count: int) -> list[str]:
    """Sentences in a fixed order: other seeds give other sentences.

    >>> wide_prompts(seed=0, count=3) == wide_prompts(seed=0, count=600)[:3]
    True

    Raises:
        DataError: see :func:`dictionary_words`.
    """
    words, bilabial = dictionary_words(), dictionary_words(bilabial=True)
    draw = random.Random(f"pmmlink-wide-{seed}")

    def word(_blank: object) -> str:
        return draw.choice(bilabial if draw.random() < BILABIAL else words)

    prompts: list[str] = []
    left: list[str] = []
    while len(prompts) < count:
        if not left:
            left = draw.sample(FRAMES, len(FRAMES))
        text = re.sub("_", word, left.pop())
        prompts.append(text[0].upper() + text[1:])
    return prompts


def with_wide(
    name: str, prompts: Sequence[str], *, seed: int, count: int, digits: int
) -> list[tuple[str, str]]:
    """Ids and texts of a voice that reads prompts and then ``count`` sentences of other words.

    >>> [clip for clip, _text in with_wide("slt", ["Hello."], seed=0, count=2, digits=3)]
    ['slt_000', 'slt_w000', 'slt_w001']

    Raises:
        DataError: see :func:`dictionary_words`.
    """
    named = [(f"{name}_{i:0{digits}d}", text) for i, text in enumerate(prompts)]
    others = wide_prompts(seed=seed, count=count)
    return named + [(f"{name}_w{i:0{digits}d}", text) for i, text in enumerate(others)]
