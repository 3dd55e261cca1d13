"""From the model's frame rate to the target's, by linear interpolation in time.

Output frame ``n`` stands at ``n / fps_out`` seconds and lies between two input frames; where both rates share
an instant the input frame is passed on bit for bit. Positions are integers over a common denominator, so
there is no rounding to add up over hours.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from pmmlink.types import FloatArray


class FrameRateConverter:
    """Streaming conversion of ``[K, C]`` curve rows between two rational frame rates.

    Holds one row, whatever the length of the stream.

    Attributes:
        latency_s: longest wait for the later one of the two frames around an output frame.
    """

    def __init__(self, fps_in: Fraction, fps_out: Fraction, width: int) -> None:
        ratio = fps_in / fps_out
        # Output frame n lies at input position n * _p / _q.
        self._p, self._q = ratio.numerator, ratio.denominator
        self.latency_s = Fraction(self._q - 1, self._q) / fps_in
        self._last = np.zeros((1, width), np.float32)
        self._received = 0
        self._emitted = 0

    def push(self, rows: FloatArray) -> FloatArray:
        """Take ``[K, C]`` rows; give all output rows that are now certain, ``[M, C]``."""
        if not len(rows):
            return self._last[:0]
        first = self._received
        self._received += len(rows)
        # Certain: ceil(n p / q) <= newest input index.
        end = (self._received - 1) * self._q // self._p + 1
        known = np.concatenate((self._last, rows)) if first else np.concatenate((rows[:1], rows))
        self._last = known[-1:].copy()
        position = np.arange(self._emitted, end, dtype=np.int64) * self._p
        self._emitted = end
        below = position // self._q
        weight = ((position - below * self._q) / self._q).astype(np.float32)[:, None]
        row = below - (first - 1)
        next_row = np.minimum(row + 1, len(known) - 1)
        return known[row] + (known[next_row] - known[row]) * weight

    def flush(self, total: int) -> FloatArray:
        """The rows still owed at the end of the stream, holding the last input frame.

        Args:
            total: number of output frames of the whole stream.
        """
        owed = max(0, total - self._emitted) if self._received else 0
        self._emitted += owed
        return np.repeat(self._last, owed, axis=0)
