"""Lip gap in millimetres of a frame of curves: the number that says whether a mouth is shut.

Blendshapes are linear, so the distance between the inner edges of the lips is linear in the curves:
``gap = neutral + sum(mm_per_unit[k] * value[k])``. The figures below are those of the human head that
pmmlink ships (MakeHuman base mesh with the ARKit face units of Mika Suominen, CC0, unit decimetre):
``100 * (y[474] - y[523])``, where vertex 474 is the middle of the inner upper lip and 523 that of the
inner lower lip. A test recomputes every figure from the mesh.

``mouthClose`` has ARKit's meaning: it undoes what ``jawOpen`` does to the lips and leaves the jaw where
it is, so ``mouthClose == jawOpen`` closes the lips over an open jaw, and more than that is no mouth.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pmmlink.curves import MODEL_32
from pmmlink.types import FloatArray

UPPER_LIP_VERTEX = 474
LOWER_LIP_VERTEX = 523

LIP_GAP_NEUTRAL_MM = 0.24
"""The gap of the resting face, all curves zero."""

_MM_PER_UNIT = {
    "jawForward": 1.4,
    "jawOpen": 34.2,
    "mouthClose": -34.2,
    "mouthFunnel": 13.2,
    "mouthPucker": -1.2,
    "mouthLeft": -1.1,
    "mouthRight": -1.1,
    "mouthSmileLeft": -1.5,
    "mouthSmileRight": -1.5,
    "mouthFrownLeft": 0.1,
    "mouthFrownRight": 0.1,
    "mouthDimpleLeft": 0.1,
    "mouthDimpleRight": 0.2,
    "mouthStretchLeft": 0.2,
    "mouthStretchRight": 0.2,
    "mouthRollLower": -3.2,
    "mouthRollUpper": -2.8,
    "mouthShrugLower": -5.0,
    "mouthShrugUpper": 4.1,
    "mouthPressLeft": -1.3,
    "mouthPressRight": -1.3,
    "mouthLowerDownLeft": 1.9,
    "mouthLowerDownRight": 1.9,
    "mouthUpperUpLeft": 2.4,
    "mouthUpperUpRight": 2.4,
    "cheekPuff": -1.2,
    "noseSneerLeft": 0.1,
    "noseSneerRight": 0.1,
}

LIP_GAP_MM_PER_UNIT: FloatArray = np.array([_MM_PER_UNIT.get(n, 0.0) for n in MODEL_32.names], np.float32)
"""``[32]`` millimetres of lip gap per unit of each curve, in the order of ``MODEL_32``."""

MOUTH_CLOSE_MM = -_MM_PER_UNIT["mouthClose"]
"""Millimetres that ``mouthClose = 1`` takes away."""

JAW_OPEN_MM = _MM_PER_UNIT["jawOpen"]
"""Millimetres that ``jawOpen = 1`` gives."""


def lip_gap_mm(values: npt.NDArray[np.floating], *, signed: bool = False) -> FloatArray:
    """Gap between the inner lips.

    Args:
        values: ``[..., 32]`` curves in the order of ``MODEL_32``.
        signed: keep negative gaps, which mean lips pressed together; otherwise they count as 0.

    Returns:
        ``[...]`` float32 millimetres.

    >>> round(float(lip_gap_mm(np.zeros(32, np.float32))), 2)
    0.24
    """
    gap: FloatArray = np.asarray(values, np.float32) @ LIP_GAP_MM_PER_UNIT + np.float32(LIP_GAP_NEUTRAL_MM)
    parted: FloatArray = gap if signed else np.maximum(gap, np.float32(0.0))
    return parted
