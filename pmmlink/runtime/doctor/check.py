"""What a check finds, and how checks are run so that none stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Level(str, Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        level: ok; warning (something does not work, or will not somewhere); fault (pmmlink does not work).
        text: what was found, one line.
        advice: what to do, one line; empty when there is nothing to do.
        facts: the same for machines, JSON values.
    """

    name: str
    level: Level
    text: str
    advice: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


Check = Callable[[], Finding]


def run_checks(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Runs one after the other; a check that breaks is itself a finding.

    Args:
        checks: names and checks; the name is used when the check breaks.
    """
    for name, check in checks:
        try:
            yield check()
        except Exception as error:  # whatever is broken on this machine must not hide the rest
            text = " ".join(str(error).split()) or "no reason given"
            yield Finding(name, Level.FAULT, f"{type(error).__name__}: {text}", _ADVICE)


_ADVICE = "this check broke; please report the line above with your system's name"
