"""mouthClose tied to jawOpen, so that lips which the model closed stay closed whatever a profile does.

MetaHumans close their lips by the quotient ``LipsTogether = mouthClose / jawOpen``. A gain on the jaw alone
would change it, so the quotient is taken from the model's curves and carried over to the new jaw:
``mouthClose = LipsTogether * jawOpen``, never above jawOpen. mouthClose's own gain g bends the quotient to
``1 - (1 - LipsTogether) ** g``: sooner or later closed, while open stays open and closed stays closed.

Other curves part the lips too (funnel, upper lip up, lower lip down). Where the model's lips touch, measured
in millimetres on the head of :mod:`pmmlink.lips`, these are held back by as much as the new face would
open further than the model's.
"""

from __future__ import annotations

import numpy as np

from pmmlink.curves import MODEL_32, CurveSet
from pmmlink.lips import LIP_GAP_MM_PER_UNIT
from pmmlink.types import FloatArray

_SHUT_JAW = np.float32(1e-3)
"""Below this opening the quotient mouthClose / jawOpen is noise and is faded out."""

_TOUCH_MM = np.float32(0.25)
"""Lips this far from touching are no longer taken for closed."""

_ROUNDING_MM = np.float32(1e-3)
"""What rounding leaves of the gap of closed lips; a small gain of mouthClose would make a slit of it."""

_PARTING = (
    *("mouthFunnel", "mouthShrugUpper"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
)
"""Curves that move the lips apart; what others add is below 0.3 mm at the strengths of speech."""

_HOLD_MM = np.float32(1.0)
"""Curves that part the lips are free again at this gap; between, the hold fades."""


class LipTie:
    """Closes the lips of retargeted faces. Stateless.

    Args:
        curves: names of the columns; jawOpen and mouthClose must be among them.
        gain: mouthClose's own gain.
    """

    def __init__(self, curves: CurveSet, gain: float = 1.0) -> None:
        self._jaw, self._close = curves.index("jawOpen"), curves.index("mouthClose")
        self._gain = np.float32(gain)
        mm = dict(zip(MODEL_32.names, LIP_GAP_MM_PER_UNIT, strict=True))
        self._mm = np.array([mm.get(name, 0.0) for name in curves.names], np.float32)
        self._parts = np.array(curves.positions(_PARTING))

    def observe(self, face: FloatArray) -> tuple[FloatArray, FloatArray]:
        """LipsTogether and the gap above touching in mm, each ``[K]``, of the model's ``[K, C]``."""
        jaw, close = face[:, self._jaw], face[:, self._close]
        gap_mm = np.maximum((face * self._mm).sum(axis=1) - _ROUNDING_MM, 0.0)
        together = np.clip(close / np.maximum(jaw, _SHUT_JAW), 0.0, 1.0)
        together = np.maximum(together, 1.0 - gap_mm / _TOUCH_MM)
        return together.astype(np.float32), gap_mm.astype(np.float32)

    def apply(self, face: FloatArray, together: FloatArray, gap_mm: FloatArray) -> None:
        """Set mouthClose of ``[K, C]`` and hold parting curves back, in place."""
        bent = 1.0 - (1.0 - together) ** self._gain
        face[:, self._close] = np.minimum(bent, 1.0) * face[:, self._jaw]
        excess = np.maximum((face * self._mm).sum(axis=1) - gap_mm, 0.0)
        parting = (face[:, self._parts] * self._mm[self._parts]).sum(axis=1)
        share = np.clip(excess / np.maximum(parting, 1e-6), 0.0, 1.0)
        hold = share * np.clip(1.0 - gap_mm / _HOLD_MM, 0.0, 1.0)
        face[:, self._parts] *= (1.0 - hold)[:, None]
