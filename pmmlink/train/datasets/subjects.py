"""``subjects.yaml`` of a data set: whose faces these are.

.. code-block:: yaml

    anna:                       # name of her folder
      gender: female            # male or female; needed for the cross-gender protocol
      language: zh              # two-letter code
      timecode: 59.94           # only where the timecodes do not show it
      mask: [cheekPuff]         # curves without a label in truth
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.strict_yaml import Entry, YamlMapping, nearest, read_mapping
from pmmlink.wire.timecode import Clock, named_clock

SUBJECTS_FILE = "subjects.yaml"
UNKNOWN_LANGUAGE = "und"

_KEYS = ("gender", "language", "timecode", "mask")
_GENDERS = ("male", "female")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is said about one.

    Attributes:
        gender: ``male``, ``female`` or None.
        language: two-letter code, or ``und``.
        clock: what the timecodes count, None where they show it themselves.
        mask: curves whose columns are no labels.
    """

    gender: str | None = None
    language: str = UNKNOWN_LANGUAGE
    clock: Clock | None = None
    mask: tuple[str, ...] = ()


def read_subjects(root: Path, names: Sequence[str]) -> dict[str, Subject]:
    """What ``subjects.yaml`` says; empty without the file.

    Args:
        root: folder of the data set.
        names: subjects that there are.

    Raises:
        DataError: not YAML, an unknown subject, key or value; with file and line.
    """
    path = root / SUBJECTS_FILE
    if not path.is_file():
        return {}
    document = read_mapping(path, DataError)
    document.allow_only(names, "subject")
    return {name: _subject(document.mapping(name)) for name, _ in document}


def _subject(said: YamlMapping) -> Subject:
    said.allow_only(_KEYS, "key")
    gender = said.entries.get("gender")
    if gender is not None and gender.value not in _GENDERS:
        said.fail(gender.line, f"gender {gender.value!r}; write {' or '.join(_GENDERS)}")
    language = said.entries.get("language", Entry(UNKNOWN_LANGUAGE, said.line))
    if not isinstance(language.value, str) or not language.value.isalpha():
        said.fail(language.line, f"language {language.value!r}; write a code such as zh (quote 'no')")
    clock = None
    if (timecode := said.entries.get("timecode")) is not None:
        try:
            clock = named_clock(str(timecode.value))
        except DataError as error:
            said.fail(timecode.line, str(error))
    return Subject(str(gender.value) if gender else None, language.value, clock, _mask(said))


def _mask(said: YamlMapping) -> tuple[str, ...]:
    mask = said.entries.get("mask")
    if mask is None:
        return ()
    if not isinstance(mask.value, list):
        said.fail(mask.line, "mask must be a list of curves: [cheekPuff, jawForward]")
    for curve in mask.value:
        if curve not in MODEL_32:
            said.fail(mask.line, f"mask: {curve!r} is no curve; {nearest(str(curve), MODEL_32.names)}")
    return tuple(mask.value)
