"""Where a live stream stands: positions in 16 kHz samples, and the host time that belongs to them."""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction

from pmmlink.types import SAMPLE_RATE_HZ


class Arrivals:
    """When the sound of a position was delivered, for the newest minute or so of a stream."""

    def __init__(self) -> None:
        self._runs: deque[tuple[int, float]] = deque(maxlen=16384)

    def add(self, end: int, at_s: float) -> None:
        """The samples up to ``end`` were delivered at this host time."""
        self._runs.append((end, at_s))

    def of(self, position: int) -> float | None:
        """Host time of a position; positions are asked for in order, and older ones are forgotten."""
        while self._runs and self._runs[0][0] <= position:
            self._runs.popleft()
        return self._runs[0][1] if self._runs else None


class Pace:
    """Host time at which speech is heard by somebody who hears it as soon as it comes.

    Speech that comes faster than real time is heard from its first sample on, without gaps; after a silence
    it starts anew. A writer in real time whose crystal is not ours would pile up a lead over hours; a small
    lead that never goes away is therefore taken back, 1 ms a second at most, which no eye sees.
    """

    _WINDOW_S = 5.0
    _LEAD_S = (0.005, 0.5)
    _STEP_S = 0.005

    def __init__(self) -> None:
        self.origin_s = 0.0
        self._window_ends_s = -math.inf
        self._least_s, self._most_s = math.inf, 0.0

    def anchor(self, position: int, at_s: float) -> None:
        """This position is heard now."""
        self.origin_s = at_s - position / SAMPLE_RATE_HZ
        self._window_ends_s = at_s + self._WINDOW_S
        self._least_s, self._most_s = math.inf, 0.0

    def due_s(self, position: float) -> float:
        """When a position is heard."""
        return self.origin_s + position / SAMPLE_RATE_HZ

    def came(self, end: int, at_s: float) -> None:
        """Speech up to ``end`` had come at a host time."""
        lead = self.due_s(end) - at_s
        self._least_s, self._most_s = min(self._least_s, lead), max(self._most_s, lead)
        if at_s >= self._window_ends_s:
            low, high = self._LEAD_S
            if self._least_s > low and self._most_s < high:
                self.origin_s -= min(self._STEP_S, self._least_s)
            self._window_ends_s = at_s + self._WINDOW_S
            self._least_s, self._most_s = math.inf, 0.0


def first_frame_from(position: int, fps: Fraction) -> int:
    """The first frame at or behind a position."""
    return math.ceil(position * fps / SAMPLE_RATE_HZ)


def position_of(frame: int, fps: Fraction) -> int:
    """The first sample at or behind a frame's instant."""
    return math.ceil(frame * SAMPLE_RATE_HZ / fps)
