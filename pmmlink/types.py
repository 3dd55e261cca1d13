"""What flows between the stages: chunks of sound and frames of curves.

Time is an integer sample index at a sample rate, or an integer frame index at a rational frame
rate; seconds and microseconds are derived at the edges only.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from pmmlink.curves import CurveSet

FloatArray = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
"""Rate of the sound inside the model."""

MODEL_FPS = Fraction(30)
"""Frame rate of the model's curves."""


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A run of mono samples.

    Attributes:
        samples: ``[N]`` float32 in [-1, 1].
        start: index of the first sample, counted from the start of the stream, at ``rate_hz``.
        rate_hz: sample rate.
    """

    samples: FloatArray
    start: int
    rate_hz: int = SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class CurveFrame:
    """The face at one instant.

    Frame ``index`` describes the mouth at ``index / fps`` seconds of the input sound, whatever the
    latency of the model that made it.

    Attributes:
        index: frame number, from 0.
        fps: frame rate.
        curves: names and order of ``values``.
        values: ``[len(curves)]`` float32; blendshapes in [0, 1], rotations as Live Link Face sends them.
    """

    index: int
    fps: Fraction
    curves: CurveSet
    values: FloatArray

    @property
    def time_us(self) -> int:
        """Capture time in microseconds since the session's first audio sample."""
        return round(self.index * 1_000_000 / self.fps)
