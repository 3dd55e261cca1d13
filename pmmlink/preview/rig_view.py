"""Faces of other rigs on the preview's head, which has ARKit's curves."""

from __future__ import annotations

import numpy as np

from pmmlink.curves import ARKIT_52, LIVELINK_61, CurveSet, data_name
from pmmlink.resources import shipped_rigs
from pmmlink.retarget.rig import Rig
from pmmlink.retarget.rig_file import shipped_rig
from pmmlink.sinks.base import CurveMap
from pmmlink.types import CurveFrame, FloatArray


class RigView:
    """Brings frames of any names to ``[61]``.

    ARKit's names are taken as they are. The names of a shipped rig go the way back from the rig to ARKit:
    exactly where the rig renames, and to the smallest ARKit face that would give the same where it mixes, as
    for visemes.
    """

    def __init__(self) -> None:
        self._map = CurveMap(LIVELINK_61)
        self._curves: CurveSet | None = None
        self._back: FloatArray | None = None
        self._columns: list[int] = []
        self.rig: str | None = None
        """The rig that the last frame was of; None for ARKit's curves, empty for an unknown one."""

    def __call__(self, frame: CurveFrame) -> FloatArray:
        """``[61]`` float32; an unknown rig gives a face at rest."""
        if frame.curves is not self._curves:
            self._curves = frame.curves
            self._learn(frame.curves)
        if self._back is None:
            return self._map(frame)
        face = np.zeros(len(LIVELINK_61), np.float32)
        values = np.nan_to_num(frame.values[self._columns]) @ self._back
        face[: len(ARKIT_52)] = np.clip(values, 0.0, 1.0)
        return face

    def _learn(self, curves: CurveSet) -> None:
        self._back, self.rig = None, None
        if any(name in LIVELINK_61 for name in curves.names):
            return
        self.rig = ""
        # Receivers write every name as data: with a small first letter.
        given = [data_name(one) for one in curves.names]
        for name in shipped_rigs():
            rig = shipped_rig(name)
            spelt = [data_name(one) for one in rig.curves.names]
            if set(spelt) == set(given):
                self._columns = [given.index(one) for one in spelt]
                self._back, self.rig = _way_back(rig), name
                return


def _way_back(rig: Rig) -> FloatArray:
    """``[N, 52]``: the pseudo-inverse of the rig's mix."""
    return np.linalg.pinv(rig.matrix.astype(np.float64)).astype(np.float32)
