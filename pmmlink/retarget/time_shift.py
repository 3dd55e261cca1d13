"""A profile's delay: the curves shifted in time by any fraction of a frame."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from pmmlink.types import FloatArray


class TimeShift:
    """Streaming shift of ``[K, C]`` rows: output frame n shows the input at ``n - delay`` frames.

    Between two frames the value is interpolated; before the first and after the last it is held. A positive
    delay adds no latency (older rows are shown), a negative one waits for the rows it shows early. As many
    rows come out as go in.

    Args:
        delay_s: positive: the face follows.
        fps: frame rate of the rows.
        width: C.

    Attributes:
        latency_s: longest wait for the rows that a frame shows.
    """

    def __init__(self, delay_s: float, fps: Fraction, width: int) -> None:
        self._delay = delay_s * float(fps)
        self.latency_s = math.ceil(max(0.0, -self._delay)) / float(fps)
        self._keep = math.ceil(max(0.0, self._delay)) + 2
        self._rows = np.zeros((0, width), np.float32)
        self._first = 0
        self._emitted = 0

    def push(self, rows: FloatArray) -> FloatArray:
        """Take ``[K, C]`` rows; give all output rows that are now certain."""
        self._rows = np.concatenate((self._rows, rows))
        received = self._first + len(self._rows)
        # Certain: n - delay <= newest input index; and never ahead of the input's own frames.
        return self._emit(min(received, math.floor(received - 1 + self._delay) + 1))

    def flush(self) -> FloatArray:
        """The rows still owed at the end of the stream."""
        return self._emit(self._first + len(self._rows))

    def _emit(self, end: int) -> FloatArray:
        if end <= self._emitted:
            return self._rows[:0]
        last = self._first + len(self._rows) - 1
        position = np.clip(np.arange(self._emitted, end) - self._delay, 0, last)
        below = np.floor(position).astype(np.int64)
        weight = (position - below).astype(np.float32)[:, None]
        low = self._rows[below - self._first]
        high = self._rows[np.minimum(below + 1, last) - self._first]
        self._emitted = end
        dropped = max(0, min(end - self._keep, last) - self._first)
        self._rows, self._first = self._rows[dropped:], self._first + dropped
        shifted: FloatArray = low + (high - low) * weight
        return shifted
