"""Turns head and eyes: the nine rotations that follow the 52 curves in a Live Link frame.

Angles are radians about the head's axes, right-handed, as ARKit gives them: yaw about +y (to the head's
left), pitch about +x (chin down), roll about +z. The neck follows the head less and less towards its base.
Eyes are turned by ``eyeLook…`` curves; an eye whose curves rest follows its own angles instead, never both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pmmlink.curves import ARKIT_52, LIVELINK_61
from pmmlink.preview.head import Head
from pmmlink.types import FloatArray

NECK_PIVOT_M = (0.0, -0.06, -0.07)
"""Where the head sits on its neck."""

_NECK = (-0.175, -0.115)
_NECK_SLANT = 0.4
_LARGEST_RAD = 1.2
_RESTING = 1e-3
_HEAD = LIVELINK_61.positions(f"head{axis}" for axis in ("Yaw", "Pitch", "Roll"))
_EYES = [
    LIVELINK_61.positions(f"{eye}Eye{axis}" for axis in ("Yaw", "Pitch", "Roll")) for eye in ("left", "right")
]
_LOOKS = [
    LIVELINK_61.positions(f"eyeLook{way}{side}" for way in ("In", "Out", "Up", "Down"))
    for side in ("Left", "Right")
]


def neck_weights(vertices: FloatArray) -> FloatArray:
    """``[V]``: how much of the head's turn a vertex follows: 1 on the head, 0 at the base of the neck."""
    height = vertices[:, 1] + np.float32(_NECK_SLANT) * vertices[:, 2]
    x = np.clip((height - _NECK[0]) / (_NECK[1] - _NECK[0]), 0, 1)
    weights: FloatArray = (x * x * (3 - 2 * x)).astype(np.float32)
    return weights


def eye_vertices(head: Head) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Vertices of the left and of the right eyeball."""
    eye = head.part == head.part_names.index("eye")
    return np.flatnonzero(eye & (head.vertices[:, 0] > 0)), np.flatnonzero(eye & (head.vertices[:, 0] < 0))


def rotation(yaw: float, pitch: float, roll: float) -> FloatArray:
    """``[3, 3]``: yaw after pitch after roll; no angle beyond what a neck can do."""
    (sy, sp, sr), (cy, cp, cr) = (
        f(np.clip((yaw, pitch, roll), -_LARGEST_RAD, _LARGEST_RAD)) for f in (np.sin, np.cos)
    )
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    matrix: FloatArray = (about_y @ about_x @ about_z).astype(np.float32)
    return matrix


class Turn:
    """Turns the head and the eyes of a mesh.

    Args:
        head: whose mesh it is.
        used: ``[U]`` the vertices that there are of it; None: all.
    """

    def __init__(self, head: Head, used: npt.NDArray[np.integer[Any]] | None = None) -> None:
        kept = np.arange(len(head.vertices)) if used is None else used
        self._weights = neck_weights(head.vertices[kept])[:, None]
        self._balls = [np.flatnonzero(np.isin(kept, ball)) for ball in eye_vertices(head)]
        self._pivot = np.array(NECK_PIVOT_M, np.float32)

    def apply(self, vertices: FloatArray, values: FloatArray) -> None:
        """Turns ``[U, 3]``, a face as its curves move it, in place.

        Args:
            vertices: the face.
            values: ``[61]`` in the order of ``LIVELINK_61``; of ``[52]`` nothing turns.
        """
        if len(values) < len(LIVELINK_61) or not np.any(values[len(ARKIT_52) :]):
            return
        for ball, own, looks in zip(self._balls, _EYES, _LOOKS, strict=True):
            if len(ball) and np.any(values[own]) and values[looks].max() < _RESTING:
                middle = vertices[ball].mean(axis=0)
                vertices[ball] = (vertices[ball] - middle) @ rotation(*values[own]).T + middle
        turn = rotation(*values[_HEAD]) - np.eye(3, dtype=np.float32)
        vertices += self._weights * ((vertices - self._pivot) @ turn.T)
