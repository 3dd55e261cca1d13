"""The model's 32 curves as the full set of a target, through a character's profile."""

from __future__ import annotations

import numpy as np

from pmmlink.curves import ARKIT_52, LIVELINK_61, MODEL_32, ROTATIONS, CurveSet, group_of, mirror_of
from pmmlink.retarget.lip_tie import LipTie
from pmmlink.retarget.profile import SYMMETRIC_GROUPS, CurveSetting, Profile
from pmmlink.types import FloatArray

_SIDEWAYS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")


class Retargeter:
    """Maps curves of one set to another by name; curves the source lacks rest at their offset (normally 0).

    In this order: mirror, neutral, exponent, gain, offset, limits, symmetry, lips, rig.

    Stateless: frames may come in any order and any number at once.

    Attributes:
        profile: the character.
        target: curves of the result: those asked for, or the profile's rig.
    """

    def __init__(self, profile: Profile, target: CurveSet = LIVELINK_61, source: CurveSet = MODEL_32) -> None:
        self.profile = profile
        self.target = profile.rig.curves if profile.rig is not None else target
        face = ARKIT_52 if profile.rig is not None else target
        self._width = len(face)
        self._columns = np.array(face.positions(source.names))
        settings = [_setting(profile, name) for name in face.names]
        # The intensity is of the face, not of the head's turning.
        self._gain = np.array(
            [
                s.gain if n in ROTATIONS else s.gain * profile.intensity
                for s, n in zip(settings, face.names, strict=True)
            ],
            np.float32,
        )
        self._offset = np.array([s.offset for s in settings], np.float32)
        self._minimum = np.array([s.minimum for s in settings], np.float32)
        self._maximum = np.array([s.maximum for s in settings], np.float32)
        exponent = np.array([s.exponent for s in settings], np.float32)
        self._bent = np.flatnonzero(exponent != 1.0)
        self._exponent = exponent[self._bent]
        self._resting = np.array([name in profile.neutral for name in face.names])
        self._neutral = np.array([profile.neutral.get(n, 0.0) for n in face.names], np.float32)[self._resting]

        self._other_side = np.array(face.positions(mirror_of(name) for name in face.names))
        turns = [n in ROTATIONS and n.endswith(("Yaw", "Roll")) for n in face.names]
        self._turn = np.where(turns, -1.0, 1.0).astype(np.float32)
        self._paired = np.array(
            [group_of(n) in SYMMETRIC_GROUPS and n not in _SIDEWAYS for n in face.names], bool
        )
        self._sideways = np.array(face.positions(_SIDEWAYS))
        self._lips = LipTie(face, profile.setting("mouthClose").gain) if profile.tie_lips else None

    def apply(self, values: FloatArray, unsmoothed: FloatArray | None = None) -> FloatArray:
        """Retarget ``[K, len(source)]`` to a new ``[K, len(target)]``.

        Args:
            values: frames.
            unsmoothed: the same frames before a filter: whether the lips are closed is seen in these, so that
                smoothing cannot open them.
        """
        profile = self.profile
        out = np.zeros((len(values), self._width), np.float32)
        out[:, self._columns] = values
        seen = None
        if self._lips is not None:
            lips = out
            if unsmoothed is not None:
                lips = np.zeros_like(out)
                lips[:, self._columns] = unsmoothed
            seen = self._lips.observe(lips)
        if profile.mirror:
            out = out[:, self._other_side] * self._turn
        if len(self._neutral):
            rested = (out[:, self._resting] - self._neutral) / (1.0 - self._neutral)
            out[:, self._resting] = np.maximum(rested, 0.0)
        if len(self._bent):
            out[:, self._bent] = np.maximum(out[:, self._bent], 0.0) ** self._exponent
        if profile.symmetric:
            out[:, self._sideways] = 0.0
        out *= self._gain
        out += self._offset
        np.clip(out, self._minimum, self._maximum, out=out)
        if profile.symmetric:
            means = 0.5 * (out + out[:, self._other_side])
            out[:, self._paired] = means[:, self._paired]
        if self._lips is not None and seen is not None:
            self._lips.apply(out, *seen)
        return profile.rig.apply(out) if profile.rig is not None else out


def _setting(profile: Profile, curve: str) -> CurveSetting:
    if curve in ROTATIONS:
        return CurveSetting(minimum=-np.inf, maximum=np.inf)
    setting = profile.setting(curve)
    return CurveSetting(gain=0.0, maximum=0.0) if setting.mute else setting
