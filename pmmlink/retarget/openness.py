"""A face that is let go and taken back softly: hold-and-ease to neutral on silence, on barge-in, on stop."""

from __future__ import annotations

import numpy as np

from pmmlink.types import FloatArray

ATTACK_S = 0.067
EASE_S = 0.25


class Openness:
    """Blends frames with the neutral face along a smoothstep, and leads across cuts in the stream.

    Args:
        neutral: ``[C]``, the face at rest.
        fps: frames per second.
    """

    def __init__(self, neutral: FloatArray, fps: float) -> None:
        self._neutral = neutral
        self._rise = 1.0 / max(1.0, ATTACK_S * fps)
        self._fall = 1.0 / max(1.0, EASE_S * fps)
        self._way = 0.0
        self._seam = 0.0
        self._shown = neutral

    @property
    def closed(self) -> bool:
        """The neutral face is shown."""
        return self._way == 0.0

    def seam(self) -> None:
        """The stream was cut here: lead from what was shown last to what comes."""
        self._seam = 1.0

    def apply(self, values: FloatArray, is_open: bool) -> FloatArray:
        """The next frame ``[C]``: moved towards the model's face while open, towards neutral while not."""
        self._way = min(1.0, self._way + self._rise) if is_open else max(0.0, self._way - self._fall)
        out = self._neutral + _smooth(self._way) * (values - self._neutral)
        if self._seam > 0.0:
            self._seam = max(0.0, self._seam - self._fall)
            out = out + _smooth(self._seam) * (self._shown - out)
        else:
            self._shown = out
        return np.asarray(out, np.float32)


def _smooth(way: float) -> float:
    return way * way * (3.0 - 2.0 * way)
