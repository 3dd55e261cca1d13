"""English text as the words of the pronouncing dictionary: lower case, digits spelled out, no marks."""

from __future__ import annotations

import re

_UNITS = (
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number_words(number: int) -> list[str]:
    """Words of a whole number from 0 to 999,999.

    >>> number_words(1042)
    ['one', 'thousand', 'forty', 'two']
    """
    if number < 20:
        return [_UNITS[number]]
    if number < 100:
        return [_TENS[number // 10], *(number_words(number % 10) if number % 10 else [])]
    if number < 1000:
        return [_UNITS[number // 100], "hundred", *(number_words(number % 100) if number % 100 else [])]
    return [
        *number_words(number // 1000),
        "thousand",
        *(number_words(number % 1000) if number % 1000 else []),
    ]


def spoken_words(text: str) -> list[str]:
    """Words in order.

    >>> spoken_words("Press 12, or the pound-key: don't wait.")
    ['press', 'twelve', 'or', 'the', 'pound', 'key', "don't", 'wait']
    """
    plain = text.lower().replace("\u2019", "'").replace("%", " percent ")
    words: list[str] = []
    for word in re.findall(r"[a-z]+(?:'[a-z]+)*\.?|\d+", plain):
        if word.isdigit() and int(word) < 1_000_000:
            words.extend(number_words(int(word)))
        else:
            words.append(word.rstrip("."))
    return words
