"""Sample-rate conversion of a stream (libsoxr), aligned to the sample.

Output sample ``i`` stands at ``i / rate_out`` seconds of the input: libsoxr's linear-phase filter delay is
already taken off, it only means that output arrives later than its input. A stream of ``N`` samples gives
``round(N * rate_out / rate_in)`` in all, and any cutting into pieces gives the same samples.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np
import soxr

from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

QUALITY = "HQ"
"""20 bit, pass band to 0.912 of the lower Nyquist frequency: nothing a 16 kHz speech model could miss."""


class Resampler:
    """Streaming conversion from one sample rate to another; equal rates pass through untouched.

    Args:
        rate_in_hz: rate of what is pushed.
        rate_out_hz: rate of what comes out.
        channels: 1 for ``[N]`` arrays, more for ``[N, channels]``.
    """

    def __init__(self, rate_in_hz: int, rate_out_hz: int = SAMPLE_RATE_HZ, channels: int = 1) -> None:
        self.rate_in_hz = rate_in_hz
        self.rate_out_hz = rate_out_hz
        self._stream: soxr.ResampleStream | None = None
        if rate_in_hz != rate_out_hz:
            self._stream = soxr.ResampleStream(
                rate_in_hz, rate_out_hz, channels, dtype="float32", quality=QUALITY
            )
        self._none = np.zeros((0,) if channels == 1 else (0, channels), np.float32)

    @property
    def latency_s(self) -> float:
        """Longest time that output trails its input, seconds."""
        return 0.0 if self._stream is None else _latency_s(self.rate_in_hz, self.rate_out_hz)

    def push(self, samples: FloatArray) -> FloatArray:
        """Take float32 samples; give what is final."""
        if self._stream is None:
            return samples
        out: FloatArray = self._stream.resample_chunk(np.ascontiguousarray(samples, np.float32))
        return out

    def flush(self) -> FloatArray:
        """What the end of the stream still owes. Nothing may be pushed afterwards."""
        if self._stream is None:
            return self._none
        out: FloatArray = self._stream.resample_chunk(self._none, last=True)
        return out


@lru_cache(maxsize=16)
def _latency_s(rate_in_hz: int, rate_out_hz: int) -> float:
    """Measured, once for each pair of rates: libsoxr works in blocks and does not state its worst delay."""
    stream = soxr.ResampleStream(rate_in_hz, rate_out_hz, 1, dtype="float32", quality=QUALITY)
    piece = np.zeros(max(1, rate_in_hz // 1000), np.float32)
    pushed, received, worst = 0, 0, Fraction(0)
    while pushed < rate_in_hz:
        trailing = Fraction(pushed + len(piece), rate_in_hz) - Fraction(received, rate_out_hz)
        worst = max(worst, trailing)
        received += len(stream.resample_chunk(piece))
        pushed += len(piece)
    return float(worst)
