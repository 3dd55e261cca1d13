"""What a face does while its mouth speaks: it blinks, its gaze wanders, its head is never quite still.

Blinks come at human intervals (log-normal around 4 s; Bentivoglio et al. 1997 count 17 a minute at rest) and
close fast, open slowly. Gaze makes small saccades, and the head sways by filtered noise. Everything follows
from a seed, so a take can be made again.
"""

from __future__ import annotations

import math

import numpy as np

from pmmlink.curves import CurveSet
from pmmlink.types import FloatArray

_BLINK_MEDIAN_S = 3.5
_BLINK_SPREAD = 0.5
_BLINK_LIMITS_S = (0.8, 12.0)
_CLOSE_S, _SHUT_S, _OPEN_S = 0.07, 0.03, 0.16
_GAZE_S = (0.7, 3.5)
_GAZE = 0.12
_SACCADE_S = 0.05
_HEAD = {"headYaw": 0.035, "headPitch": 0.025, "headRoll": 0.02}
_HEAD_S = 2.0


class IdleFace:
    """Adds idle motion to eyes and head; curves of the mouth are not touched.

    Args:
        curves: the curves of the frames.
        fps: frames per second.
        seed: the same seed gives the same motion.
    """

    def __init__(self, curves: CurveSet, fps: float, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._step_s = 1.0 / fps
        self._time_s = 0.0
        self._blink_at_s = self._next_blink()
        self._gaze_at_s = 0.0
        self._gaze = np.zeros(2)
        self._wanted = np.zeros(2)
        self._head = np.zeros((2, 3))
        self._at = {name: curves.index(name) for name in _NAMES if name in curves}

    def apply(self, values: FloatArray) -> FloatArray:
        """The next frame ``[C]`` with idle motion added."""
        self._time_s += self._step_s
        out = np.array(values, np.float32)
        blink = self._blink()
        sideways, up = self._look()
        self._add(out, "eyeBlinkLeft", blink)
        self._add(out, "eyeBlinkRight", blink)
        # The face's left is positive: the left eye looks out, the right one in.
        self._add(out, "eyeLookOutLeft", max(0.0, sideways))
        self._add(out, "eyeLookInRight", max(0.0, sideways))
        self._add(out, "eyeLookInLeft", max(0.0, -sideways))
        self._add(out, "eyeLookOutRight", max(0.0, -sideways))
        for side in ("Left", "Right"):
            self._add(out, f"eyeLookUp{side}", max(0.0, up))
            self._add(out, f"eyeLookDown{side}", max(0.0, -up))
        for name, angle in zip(_HEAD, self._sway(), strict=True):
            if name in self._at:
                out[self._at[name]] += angle * _HEAD[name]
        return out

    def _add(self, out: FloatArray, name: str, amount: float) -> None:
        if name in self._at:
            at = self._at[name]
            out[at] = min(1.0, out[at] + amount)

    def _next_blink(self) -> float:
        low, high = _BLINK_LIMITS_S
        wait = _BLINK_MEDIAN_S * math.exp(_BLINK_SPREAD * self._random.standard_normal())
        return self._time_s + min(high, max(low, wait))

    def _blink(self) -> float:
        since = self._time_s - self._blink_at_s
        if since < 0.0:
            return 0.0
        if since < _CLOSE_S:
            return since / _CLOSE_S
        if since < _CLOSE_S + _SHUT_S:
            return 1.0
        way = (since - _CLOSE_S - _SHUT_S) / _OPEN_S
        if way >= 1.0:
            self._blink_at_s = self._next_blink()
            return 0.0
        return (1.0 - way) ** 2

    def _look(self) -> tuple[float, float]:
        if self._time_s >= self._gaze_at_s:
            self._gaze_at_s = self._time_s + self._random.uniform(*_GAZE_S)
            # Sideways more than up and down, and often back to the listener.
            self._wanted = self._random.normal(0.0, (_GAZE, 0.5 * _GAZE)) * (self._random.random() < 0.6)
        self._gaze += (1.0 - math.exp(-self._step_s / _SACCADE_S)) * (self._wanted - self._gaze)
        return float(self._gaze[0]), float(self._gaze[1])

    def _sway(self) -> FloatArray:
        """Yaw, pitch, roll: noise through two poles, of unit variance or about."""
        share = 1.0 - math.exp(-self._step_s / _HEAD_S)
        noise = self._random.standard_normal(3) * math.sqrt(4.0 / share)
        self._head[0] += share * (noise - self._head[0])
        self._head[1] += share * (self._head[0] - self._head[1])
        return np.asarray(np.clip(self._head[1], -2.0, 2.0), np.float32)


_NAMES = (
    *(
        f"eye{part}{side}"
        for part in ("Blink", "LookIn", "LookOut", "LookUp", "LookDown")
        for side in ("Left", "Right")
    ),
    *_HEAD,
)
