"""Timecodes as labels, and the clock that turns labels into seconds.

A timecode ``HH:MM:SS:FF.fff`` counts frames of a base rate: the Live Link Face app writes sixtieths of a
second, whatever the rate of the capture, but a take that was locked to a studio's clock can count 24, 25, 30
or 50, and can run at 1000/1001 of it (29.97, 59.94). **Drop-frame** timecode then leaves out labels (SMPTE
ST 12-1: two a minute at 29.97, four at 59.94, none in each tenth minute) so that its hours are the
clock's; non-drop timecode counts on and is 3.6 s an hour behind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from pmmlink.errors import DataError

TIMECODE_BASE_HZ = 60
BASES_HZ = (24, 25, 30, 48, 50, 60)

_TIMECODE = re.compile(r"(\d+):(\d\d):(\d\d)([:;])(\d\d)(?:\.(\d+))?\Z")
_DAY_S = 24 * 3600
_NTSC = Fraction(1000, 1001)
_LEAST_SPAN_S = 2
_LEAST_ROWS_A_SECOND = 20


@dataclass(frozen=True, slots=True)
class Timecode:
    """A label of a frame.

    Attributes:
        second: whole seconds since 00:00:00 as the label reads.
        frame: frames within that second, with their fraction.
        marked_drop: written ``HH:MM:SS;FF``, the sign of drop-frame.
    """

    second: int
    frame: Fraction
    marked_drop: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """What labels count.

    Attributes:
        base_hz: labels in each second of timecode.
        ntsc: runs at 1000/1001 of the base: 23.976, 29.97, 59.94.
        drop: leaves out labels to keep up with the clock on the wall.
    """

    base_hz: int = TIMECODE_BASE_HZ
    ntsc: bool = False
    drop: bool = False

    def __str__(self) -> str:
        name = f"{float(self.base_hz * _NTSC):.2f}" if self.ntsc else str(self.base_hz)
        return f"{name} drop-frame" if self.drop else name

    def seconds(self, timecodes: Sequence[Timecode]) -> tuple[Fraction, ...]:
        """Seconds since label zero of timecodes in the order of a take; past midnight they go on."""
        rate = self.base_hz * (_NTSC if self.ntsc else Fraction(1))
        out: list[Fraction] = []
        days = 0
        for i, code in enumerate(timecodes):
            if i and timecodes[i - 1].second - code.second > _DAY_S // 2:
                days += 1
            out.append(self._number(code) / rate + days * _DAY_S)
        return tuple(out)

    def _number(self, code: Timecode) -> Fraction:
        number = code.second * self.base_hz + code.frame
        if not self.drop:
            return number
        minutes = code.second // 60
        return number - dropped_a_minute(self.base_hz) * (minutes - minutes // 10)


def dropped_a_minute(base_hz: int) -> int:
    """Labels that drop-frame timecode leaves out at the start of a minute.

    >>> dropped_a_minute(30), dropped_a_minute(60)
    (2, 4)
    """
    return base_hz // 15


def parse(text: str) -> Timecode:
    """A timecode as it is written.

    Raises:
        DataError: not ``HH:MM:SS:FF.fff``.
    """
    match = _TIMECODE.match(text.strip())
    if match is None:
        raise DataError(f"timecode {text!r} is not HH:MM:SS:FF.fff")
    hour, minute, second, frame = (int(match.group(i)) for i in (1, 2, 3, 5))
    digits = match.group(6) or ""
    fraction = Fraction(int(digits or 0), 10 ** len(digits))
    return Timecode(hour * 3600 + minute * 60 + second, frame + fraction, match.group(4) == ";")


def clock_of(timecodes: Sequence[Timecode]) -> Clock:
    """The clock that the labels of a take betray; sixtieths where they do not say.

    A base below 60 shows when, over two seconds or more, no label reaches it. Drop-frame shows by its mark,
    or by labels that are left out at the full minute while frames come evenly. Non-drop 59.94 does not show
    in labels: it must be said.
    """
    if any(code.marked_drop for code in timecodes):
        base = _base_hz(timecodes)
        return Clock(base, ntsc=True, drop=True)
    base = _base_hz(timecodes)
    drop = base in (30, 60) and _drops_labels(timecodes, base)
    return Clock(base, ntsc=drop, drop=drop)


def named_clock(name: str) -> Clock:
    """A clock by its rate, e.g. ``25``, ``59.94``, ``29.97 drop-frame``.

    Raises:
        DataError: no rate of a timecode.
    """
    known = [Clock(base) for base in BASES_HZ]
    known += [Clock(base, ntsc=True) for base in (24, 30, 48, 60)]
    known += [Clock(base, ntsc=True, drop=True) for base in (30, 60)]
    for clock in known:
        if str(clock) == name.strip():
            return clock
    raise DataError(f"timecode {name!r} is not one of {', '.join(map(str, known))}")


def _base_hz(timecodes: Sequence[Timecode]) -> int:
    if not timecodes:
        return TIMECODE_BASE_HZ
    span_s = timecodes[-1].second - timecodes[0].second
    if span_s < _LEAST_SPAN_S or len(timecodes) < _LEAST_ROWS_A_SECOND * span_s:
        return TIMECODE_BASE_HZ
    highest = max(code.frame for code in timecodes)
    return next((base for base in BASES_HZ if highest < base), TIMECODE_BASE_HZ)


def _drops_labels(timecodes: Sequence[Timecode], base: int) -> bool:
    lost = dropped_a_minute(base)
    numbers = [code.second * base + code.frame for code in timecodes]
    step = float(np.median([float(b - a) for a, b in pairwise(numbers)])) if len(numbers) > 1 else 0.0
    full_minutes = [
        (i, a, b)
        for i, (a, b) in enumerate(pairwise(timecodes))
        if b.second // 60 == a.second // 60 + 1 and (b.second // 60) % 10
    ]
    return bool(full_minutes) and all(
        # The last label of the minute was there, and the next is the first that drop-frame writes.
        a.frame >= base - step - 0.5
        and b.second % 60 == 0
        and abs(float(numbers[i + 1] - numbers[i]) - step - lost) < 0.5
        for i, a, b in full_minutes
    )
