"""Frames that wait until their time, so that an uneven network does not make an uneven face."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from fractions import Fraction

from pmmlink.curves import CurveSet
from pmmlink.types import FloatArray

CAPACITY = 256
"""Frames; at 60 fps four seconds, far above any useful depth."""

_WINDOW_S = 2.0
_ROUNDING_US = 1.0


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """A frame that was checked and clamped.

    Attributes:
        session, seq: as sent.
        time_us: capture time in µs.
        fps: the sender's frame rate.
        curves: names of ``values``.
        values: ``[len(curves)]`` float32.
        arrival_s: when it arrived, on the receiver's clock.
    """

    session: int
    seq: int
    time_us: int
    fps: Fraction
    curves: CurveSet
    values: FloatArray
    arrival_s: float

    @property
    def delay_s(self) -> float:
        """Arrival minus capture: transit time plus an unknown constant, the offset between the two clocks."""
        return self.arrival_s - self.time_us * 1e-6


class DelayFloor:
    """The smallest delay of the last two to four seconds: how long the fastest packets take.

    Forgetting makes it follow clocks that run apart over hours.
    """

    def __init__(self) -> None:
        self._previous = float("inf")
        self._current = float("inf")
        self._since_s = float("-inf")

    @property
    def seconds(self) -> float:
        """Infinite before the first frame."""
        return min(self._previous, self._current)

    def add(self, frame: ReceivedFrame) -> None:
        """Takes the delay of a frame into account."""
        if frame.arrival_s - self._since_s > _WINDOW_S:
            self._previous, self._current = self._current, float("inf")
            self._since_s = frame.arrival_s
        self._current = min(self._current, frame.delay_s)


class JitterBuffer:
    """Holds frames in order of ``seq`` until capture time + delay floor + depth.

    A frame is never held longer than the depth after it arrived. Depth 0 passes frames through.
    """

    def __init__(self, depth_s: float) -> None:
        self._depth_s = depth_s
        self._frames: list[ReceivedFrame] = []
        self._floor = DelayFloor()

    def __len__(self) -> int:
        return len(self._frames)

    def push(self, frame: ReceivedFrame) -> None:
        """Takes a frame whose ``seq`` is not in the buffer."""
        self._floor.add(frame)
        insort(self._frames, frame, key=lambda held: held.seq)

    def pop_due(self, now_s: float) -> list[ReceivedFrame]:
        """Removes the frames whose time has come, and the oldest ones above capacity; in order."""
        due_us = (now_s - self._floor.seconds - self._depth_s) * 1e6 + _ROUNDING_US
        count = max(0, len(self._frames) - CAPACITY)
        while count < len(self._frames) and self._frames[count].time_us <= due_us:
            count += 1
        popped = self._frames[:count]
        del self._frames[:count]
        return popped

    def remeasure(self) -> None:
        """Forgets how long packets take: after a silence the sender's clock may have stood still."""
        self._floor = DelayFloor()

    def clear(self) -> list[ReceivedFrame]:
        """Empties the buffer for another session; returns what was in it, in order."""
        held, self._frames = self._frames, []
        self.remeasure()
        return held
