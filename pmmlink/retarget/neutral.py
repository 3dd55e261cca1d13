"""Recentring: the face somebody makes at rest becomes the neutral one."""

from __future__ import annotations

import numpy as np

from pmmlink.curves import ROTATIONS, CurveSet
from pmmlink.types import FloatArray

_MEAN_S = 1.0


class Recentre:
    """Takes off what the curves show at rest.

    Args:
        curves: the curves of the frames.
        fps: frames per second.
    """

    def __init__(self, curves: CurveSet, fps: float) -> None:
        self._rest = np.zeros(len(curves), np.float32)
        self._mean = np.zeros(len(curves), np.float32)
        self._share = np.float32(1.0 - np.exp(-1.0 / (_MEAN_S * fps)))
        self._shapes = np.array([name not in ROTATIONS for name in curves.names])

    def recentre(self) -> None:
        """What was shown during the last second is rest from now on."""
        self._rest = self._mean.copy()

    def apply(self, values: FloatArray) -> FloatArray:
        """``[C]``, blendshapes scaled so that rest is 0 and 1 stays 1."""
        self._mean = self._mean + self._share * (values - self._mean)
        if not self._rest.any():
            return values
        scaled = np.clip((values - self._rest) / np.maximum(1.0 - self._rest, 0.1), 0.0, 1.0)
        return np.where(self._shapes, scaled, values - self._rest).astype(np.float32)
