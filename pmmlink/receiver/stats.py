"""What a receiver measures: counts, frame rate, jitter."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import sqrt

_RATE_WINDOW_S = 2.0
_RATE_FRAMES = 256


class Timing:
    """Arrival times of the frames of a subject.

    The deviation of an arrival is how much its distance from the arrival before differs from the distance of
    the two capture times: 0 on a perfect network, whatever was lost in between.

    Attributes:
        jitter_s: interarrival jitter as RTP defines it (RFC 3550, section 6.4.1): the running mean of the
            deviation.
        max_deviation_s: the largest deviation.
    """

    def __init__(self) -> None:
        self.jitter_s = 0.0
        self.max_deviation_s = 0.0
        self._intervals = 0
        self._sum_s = 0.0
        self._sum_of_squares = 0.0
        self._last: tuple[float, float] | None = None
        self._recent: deque[float] = deque(maxlen=_RATE_FRAMES)

    def add(self, arrival_s: float, capture_s: float) -> None:
        """Takes note of an arrival."""
        self._recent.append(arrival_s)
        if self._last is not None:
            interval_s = arrival_s - self._last[0]
            deviation_s = abs(interval_s - (capture_s - self._last[1]))
            self.jitter_s += (deviation_s - self.jitter_s) / 16
            self.max_deviation_s = max(self.max_deviation_s, deviation_s)
            self._intervals += 1
            self._sum_s += interval_s
            self._sum_of_squares += deviation_s * deviation_s
        self._last = (arrival_s, capture_s)

    def restart(self) -> None:
        """Another session follows: its first arrival ends no interval."""
        self._last = None

    @property
    def mean_interval_s(self) -> float:
        """Mean distance of two arrivals; 0 before the second frame."""
        return self._sum_s / self._intervals if self._intervals else 0.0

    @property
    def deviation_rms_s(self) -> float:
        """Root mean square of the deviation; 0 before the second frame."""
        return sqrt(self._sum_of_squares / self._intervals) if self._intervals else 0.0

    def fps(self, now_s: float) -> float:
        """Frames a second over the last two seconds; 0 when fewer than two came."""
        while self._recent and now_s - self._recent[0] > _RATE_WINDOW_S:
            self._recent.popleft()
        span_s = self._recent[-1] - self._recent[0] if len(self._recent) > 1 else 0.0
        return (len(self._recent) - 1) / span_s if span_s > 0 else 0.0


@dataclass(slots=True)
class SubjectStats:
    """Counts since the subject appeared, over all its sessions.

    Attributes:
        received: frames accepted.
        lost: gaps in the numbering that were never filled; None where the format does not number frames.
        reordered: frames that came after a later one, whether still in time or not.
        late: frames that came after a later one had been shown, or after ``bye``.
        duplicates: frames seen before.
        foreign: frames of a session that a newer one has replaced.
        unnamed: frames whose number of values fits no list of names.
        faceless: Live Link Face packets that say no face is seen.
        sessions: sessions shown.
        timing: intervals and jitter.
    """

    received: int = 0
    lost: int | None = 0
    reordered: int = 0
    late: int = 0
    duplicates: int = 0
    foreign: int = 0
    unnamed: int = 0
    faceless: int = 0
    sessions: int = 0
    timing: Timing = field(default_factory=Timing)
