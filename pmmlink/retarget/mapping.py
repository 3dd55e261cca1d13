"""The model's 32 curves as the full set of a target, through a character's profile.

The lips need care. MetaHumans close them by the quotient ``LipsTogether = mouthClose / jawOpen``, so the two
curves are treated as a pair: a gain on the jaw carries mouthClose with it, lips that were closed stay closed
whatever the profile says, and mouthClose never exceeds jawOpen.
"""

from __future__ import annotations

import numpy as np

from pmmlink.curves import LIVELINK_61, MODEL_32, ROTATIONS, CurveSet
from pmmlink.retarget.profile import CurveSetting, Profile
from pmmlink.types import FloatArray

_SHUT_JAW = np.float32(1e-3)
"""Below this opening the quotient mouthClose / jawOpen is noise and is faded out."""


class Retargeter:
    """Maps curves of one set to another by name; curves the source lacks rest at their offset (normally 0).

    Stateless: frames may come in any order and any number at once.
    """

    def __init__(self, profile: Profile, target: CurveSet = LIVELINK_61, source: CurveSet = MODEL_32) -> None:
        self.profile = profile
        self.target = target
        self.source = source
        self._columns = np.array(target.positions(source.names))
        settings = [_setting(profile, name) for name in target.names]
        self._gain = np.array([s.gain for s in settings], np.float32)
        self._offset = np.array([s.offset for s in settings], np.float32)
        self._minimum = np.array([s.minimum for s in settings], np.float32)
        self._maximum = np.array([s.maximum for s in settings], np.float32)
        self._jaw = target.index("jawOpen")
        self._close = target.index("mouthClose")

    def apply(self, values: FloatArray) -> FloatArray:
        """Retarget ``[K, len(source)]`` to a new ``[K, len(target)]``."""
        out = np.zeros((len(values), len(self.target)), np.float32)
        out[:, self._columns] = values
        jaw, close = out[:, self._jaw].copy(), out[:, self._close].copy()
        out *= self._gain
        out += self._offset
        np.clip(out, self._minimum, self._maximum, out=out)

        new_jaw = out[:, self._jaw]
        together = np.clip(close / np.maximum(jaw, _SHUT_JAW), 0.0, 1.0)
        new_close = together * new_jaw * self._gain[self._close] + self._offset[self._close]
        new_close = np.clip(new_close, self._minimum[self._close], self._maximum[self._close])
        out[:, self._close] = np.minimum(new_close, new_jaw)
        return out


def _setting(profile: Profile, curve: str) -> CurveSetting:
    if curve in ROTATIONS:
        return CurveSetting(minimum=-np.inf, maximum=np.inf)
    return profile.setting(curve)
