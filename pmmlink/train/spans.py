"""Phones of a clip as spans of time without holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pmmlink.errors import DataError
from pmmlink.phones import SILENCE, strip_stress
from pmmlink.train.visemes import DIPHTHONGS

Phone = tuple[str, float, float]
"""A phone, its start and its end in seconds; ARPAbet of :mod:`pmmlink.phones`, stress digits allowed."""

TAIL_S = 0.5
"""How far the last silence goes on beyond the clip, which so does not end on a half-made movement."""

_SILENCE_NAMES = frozenset({SILENCE, "", "PAU", "SP", "<SIL>", "H#", "_"})


@dataclass(frozen=True, slots=True)
class Span:
    """A phone in time; ``known`` is False where the label says nothing about the mouth."""

    phone: str
    start: float
    end: float
    stress: int | None
    known: bool

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


def segments_of(phones: Sequence[Phone], stress: Sequence[int | None] | None, length_s: float) -> list[Span]:
    """Phones without holes: what is not labelled is silence, and neighbouring silences are one."""
    if stress is not None and len(stress) != len(phones):
        raise DataError(f"{len(stress)} stresses for {len(phones)} phones: give one each, or none")
    out: list[Span] = []
    cursor = 0.0

    def add(segment: Span) -> None:
        last = out[-1] if out else None
        if last and last.phone == segment.phone == SILENCE and last.known == segment.known:
            out[-1] = Span(SILENCE, last.start, segment.end, None, last.known)
        elif segment.duration > 1e-6:
            out.append(segment)

    for i, (name, start, end) in enumerate(phones):
        if end < start or start < cursor - 0.02:
            raise DataError(
                f"phone {i} ({name} {start:.3f}-{end:.3f} s) is out of order or ends before it starts"
            )
        phone = strip_stress(name)
        digit = int(name[-1]) if name[-1:].isdigit() else None
        if start > cursor + 1e-6:
            add(Span(SILENCE, cursor, start, None, True))
        known = phone != SILENCE or name.upper() in _SILENCE_NAMES
        add(Span(phone, max(start, cursor), end, stress[i] if stress is not None else digit, known))
        cursor = max(cursor, end)
    if cursor < length_s:
        add(Span(SILENCE, cursor, length_s + TAIL_S, None, True))
    return out


def monophthongs(segment: Span) -> list[Phone]:
    """The one or two poses of a phone, with their times."""
    if segment.phone not in DIPHTHONGS:
        return [(segment.phone, segment.start, segment.end)]
    first, second, share = DIPHTHONGS[segment.phone]
    middle = segment.start + share * segment.duration
    return [(first, segment.start, middle), (second, middle, segment.end)]
