"""One-Euro smoothing of curves, one setting per group (Casiez, Roussel, Vogel: "1 € Filter", CHI 2012)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pmmlink.curves import ROTATIONS, CurveSet, group_of
from pmmlink.types import FloatArray

_SPEED_CUTOFF_HZ = 1.0


@dataclass(frozen=True, slots=True)
class OneEuro:
    """How much to smooth.

    Attributes:
        cutoff_hz: cut-off at rest; lower is calmer.
        beta: growth of the cut-off with speed (Hz for each 1/s); higher trails less.
    """

    cutoff_hz: float
    beta: float


PRESET = {
    "jaw": OneEuro(3.0, 2.0),
    "mouth": OneEuro(2.5, 2.0),
    "cheek": OneEuro(1.5, 0.5),
    "nose": OneEuro(1.5, 0.5),
}
"""A light touch: the cut-off rises with speed, so that closures of the lips survive."""


class Smoother:
    """Filters frames of one stream; groups without a setting pass through.

    Args:
        curves: the curves of the frames.
        fps: frames per second.
        groups: settings by group of curves (``jaw``, ``mouth``, ``cheek``, ``nose``, ``eye``, ``brow`` ...).
    """

    def __init__(self, curves: CurveSet, fps: float, groups: Mapping[str, OneEuro]) -> None:
        self._fps = fps
        found = [None if name in ROTATIONS else groups.get(group_of(name)) for name in curves.names]
        self._cutoff = np.array([s.cutoff_hz if s else 0.0 for s in found])
        self._beta = np.array([s.beta if s else 0.0 for s in found])
        self._smoothed = np.array([s is not None for s in found])
        self._last: FloatArray | None = None
        self._value = np.zeros(len(curves))
        self._speed = np.zeros(len(curves))

    def apply(self, values: FloatArray) -> FloatArray:
        """The next frame ``[C]``."""
        if self._last is None:
            self._value = values.astype(np.float64)
        else:
            speed = (values - self._last) * self._fps
            self._speed += self._share(np.array(_SPEED_CUTOFF_HZ)) * (speed - self._speed)
            share = self._share(self._cutoff + self._beta * np.abs(self._speed))
            self._value += np.where(self._smoothed, share, 1.0) * (values - self._value)
        self._last = values
        return self._value.astype(np.float32)

    def _share(self, cutoff_hz: FloatArray) -> FloatArray:
        turn = 2 * math.pi * cutoff_hz / self._fps
        return np.asarray(turn / (turn + 1.0))
