"""Figures kept while running, in memory that does not grow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from pmmlink.types import CurveFrame, FloatArray


class Histogram:
    """Durations in logarithmic bins of 2 %, 1 µs to 1000 s; percentiles to that accuracy."""

    _STEP = math.log(1.02)
    _LOW_S = 1e-6

    def __init__(self) -> None:
        self._bins = np.zeros(1 + math.ceil(math.log(1e3 / self._LOW_S) / self._STEP), np.int64)
        self.count = 0
        self.largest_s = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        """Count a duration; a negative one counts as 0."""
        at = math.log(max(seconds, self._LOW_S) / self._LOW_S) / self._STEP
        self._bins[min(round(at), len(self._bins) - 1)] += times
        self.count += times
        self.largest_s = max(self.largest_s, seconds)

    def percentile_s(self, percent: float) -> float:
        """The duration that ``percent`` of the counted ones do not exceed; 0 when nothing was counted."""
        if not self.count:
            return 0.0
        rank = math.ceil(self.count * percent / 100)
        at = int(np.searchsorted(np.cumsum(self._bins), rank))
        return min(self._LOW_S * math.exp(at * self._STEP), self.largest_s) if at else 0.0


@dataclass(frozen=True, slots=True)
class LatencyBudget:
    """What each stage adds between a sound and the frame that shows it, in the order of the flow."""

    stages: tuple[tuple[str, float], ...]

    @property
    def total_s(self) -> float:
        return sum(seconds for _, seconds in self.stages)

    def __str__(self) -> str:
        parts = " + ".join(f"{name} {seconds * 1e3:.1f}" for name, seconds in self.stages if seconds)
        return f"{parts or 'none'} = {self.total_s * 1e3:.1f} ms"


@dataclass(slots=True)
class ComputeStats:
    """How hard the pipeline works.

    Attributes:
        per_frame: time spent for each frame that came out.
        busy_s: time spent in all.
        sound_s: sound taken in.
    """

    per_frame: Histogram = field(default_factory=Histogram)
    busy_s: float = 0.0
    sound_s: float = 0.0

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of sound: below 1 keeps up."""
        return self.busy_s / self.sound_s if self.sound_s else 0.0


class CurveTrace:
    """What was sent, in short: the range of every curve and the course of one in at most ``points`` steps."""

    def __init__(self, curve: str = "jawOpen", points: int = 512) -> None:
        self.curve = curve
        self.frames = 0
        self.names: Sequence[str] = ()
        self._low: FloatArray | None = None
        self._high: FloatArray | None = None
        self._peaks = np.zeros(points, np.float32)
        self._per_point = 1

    def add(self, frame: CurveFrame) -> None:
        """Take note of a frame."""
        if self._low is None or self._high is None:
            self.names = frame.curves.names
            if self.curve not in frame.curves:  # another rig: follow its first curve
                self.curve = self.names[0]
            self._low, self._high = frame.values.copy(), frame.values.copy()
        np.minimum(self._low, frame.values, out=self._low)
        np.maximum(self._high, frame.values, out=self._high)
        if self.frames == len(self._peaks) * self._per_point:
            # Full: halve the resolution and go on, so that a day takes no more room than a minute.
            half = len(self._peaks) // 2
            self._peaks[:half] = np.maximum(self._peaks[0::2], self._peaks[1::2])
            self._peaks[half:] = 0.0
            self._per_point *= 2
        at = self.frames // self._per_point
        self._peaks[at] = max(self._peaks[at], frame.values[frame.curves.index(self.curve)])
        self.frames += 1

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest value of each curve."""
        if self._low is None or self._high is None:
            return {}
        rows = zip(self.names, self._low, self._high, strict=True)
        return {name: (float(low), float(high)) for name, low, high in rows}

    def course(self, width: int) -> list[float]:
        """The traced curve's peaks in at most ``width`` equal stretches of time."""
        used = self._peaks[: -(-self.frames // self._per_point)]
        if not len(used):
            return []
        edges = np.linspace(0, len(used), min(width, len(used)) + 1).astype(int)
        return [float(used[a:b].max()) for a, b in pairwise(edges)]
