"""A stand-in for the model that opens the jaw with loudness: no weights, no torch."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.types import MODEL_FPS, SAMPLE_RATE_HZ, FloatArray

_JAW = MODEL_32.index("jawOpen")
_CLOSE = MODEL_32.index("mouthClose")


class LoudnessAnimator:
    """An :class:`~pmmlink.runtime.base.Animator`: row ``k`` is the loudness around sample ``k * 16000 / 30``.

    Streaming like the model: the window reaches ``latency_samples`` ahead, and rows depend on the sound
    alone, not on how it was cut.

    Args:
        latency_samples: half the window.
    """

    fps: Fraction = MODEL_FPS

    def __init__(self, latency_samples: int = 1600) -> None:
        self.latency_samples = latency_samples
        self.reset()

    def reset(self) -> None:
        # Zeros stand for the silence before the first sample.
        self._sound = np.zeros(self.latency_samples, np.float32)
        self._first = -self.latency_samples
        self._samples = 0
        self._rows = 0

    def push(self, samples: FloatArray) -> FloatArray:
        self._samples += len(samples)
        self._sound = np.concatenate((self._sound, samples))
        return self._ready()

    def flush(self) -> FloatArray:
        self._sound = np.concatenate((self._sound, np.zeros(2 * self.latency_samples, np.float32)))
        return self._ready(last=math.ceil(self._samples * self.fps / SAMPLE_RATE_HZ))

    def _ready(self, last: int | None = None) -> FloatArray:
        rows = []
        while last is None or self._rows < last:
            centre = math.ceil(self._rows * SAMPLE_RATE_HZ / self.fps)
            low, high = centre - self.latency_samples, centre + self.latency_samples
            if high > self._first + len(self._sound):
                break
            self._sound = self._sound[low - self._first :]
            self._first = low
            rms = float(np.sqrt(np.mean(np.square(self._sound[: high - low], dtype=np.float64))))
            row = np.zeros(len(MODEL_32), np.float32)
            row[_JAW] = min(1.0, 3.0 * rms)
            row[_CLOSE] = 0.25 * row[_JAW]
            rows.append(row)
            self._rows += 1
        return np.array(rows, np.float32).reshape(-1, len(MODEL_32))
