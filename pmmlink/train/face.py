"""From channels of a pose to the 32 curves of a face whose lip gap is what the constraints ask."""

from __future__ import annotations

from math import ceil

import numpy as np
import numpy.typing as npt

from pmmlink.curves import MODEL_32
from pmmlink.lips import JAW_OPEN_MM, LIP_GAP_NEUTRAL_MM, MOUTH_CLOSE_MM, lip_gap_mm
from pmmlink.train.visemes import CHANNELS

Array = npt.NDArray[np.float64]

LABIODENTAL_GAP_MM = 2.6
"""Gap that F and V hold: above the 15 % of a wide-mouthed clip, below the 35 % of a narrow one."""

LABIODENTAL_ROLL = 0.48
"""``mouthRollLower`` of F and V: the lip lies under the upper teeth. A model that is not sure gives part of
it, and a third of it is still seen as a tuck."""

_COLUMN = {name: i for i, name in enumerate(MODEL_32.names)}
_CHANNEL = {name: i for i, name in enumerate(CHANNELS)}
# Nobody's face is a mirror image: this one lifts its left side a little more (bounded, learnable).
_LEFT, _RIGHT = 1.03, 0.97


def compose(channels: Array, closure: Array, tuck: Array) -> Array:
    """``[T, 32]`` curves without ``mouthClose``."""
    curves = np.zeros((len(channels), len(MODEL_32)))

    def middle(name: str, values: Array) -> None:
        curves[:, _COLUMN[name]] = values

    def sides(name: str, values: Array) -> None:
        curves[:, _COLUMN[name + "Left"]] = _LEFT * values
        curves[:, _COLUMN[name + "Right"]] = _RIGHT * values

    channel = {name: channels[:, i] for name, i in _CHANNEL.items()}
    parted = 1.0 - closure
    upper = np.maximum(channel["mouthUpperUp"], 0.13 * tuck) * parted
    middle("jawOpen", channel["jawOpen"])
    # Protruded jaw and lips go together in SH and CH; F and V draw the lip back.
    middle("jawForward", 0.22 * channel["mouthFunnel"] * (1.0 - tuck))
    middle("mouthFunnel", channel["mouthFunnel"] * (1.0 - 0.9 * closure) * (1.0 - 0.7 * tuck))
    middle("mouthPucker", channel["mouthPucker"] * (1.0 - 0.2 * closure) * (1.0 - 0.4 * tuck))
    middle("mouthRollLower", np.maximum(LABIODENTAL_ROLL * tuck, 0.11 * closure))
    middle("mouthRollUpper", 0.09 * closure)
    middle("mouthShrugLower", 0.05 * closure)
    middle("mouthShrugUpper", channel["mouthShrugUpper"] * parted)
    middle("cheekPuff", 0.04 * closure)
    sides("mouthLowerDown", channel["mouthLowerDown"] * parted * (1.0 - 0.9 * tuck))
    sides("mouthUpperUp", upper)
    sides("mouthStretch", channel["mouthStretch"])
    sides("mouthSmile", channel["mouthSmile"])
    sides("mouthDimple", 0.3 * channel["mouthSmile"])
    sides("mouthPress", 0.2 * closure)
    sides("cheekSquint", 0.35 * channel["mouthSmile"])
    sides("noseSneer", 0.3 * upper)
    return curves


def solve_gap(curves: Array, channels: Array, closure: Array, tuck: Array) -> None:
    """Sets ``mouthClose`` (and the jaw under a tuck) so that the lip gap is what the constraints ask.

    ``mouthClose`` never exceeds ``jawOpen``: it can undo the jaw's opening of the lips and no more.
    """
    jaw, close = curves[:, _COLUMN["jawOpen"]], curves[:, _COLUMN["mouthClose"]]
    free = _free_gap(channels)
    wanted = free * (1.0 - closure) * (1.0 - tuck) + LABIODENTAL_GAP_MM * tuck * (1.0 - closure)
    gap = lip_gap_mm(curves, signed=True).astype(np.float64)
    jaw += np.clip((wanted - gap) / JAW_OPEN_MM, 0.0, None) * tuck * (1.0 - closure)
    gap = lip_gap_mm(curves, signed=True).astype(np.float64)
    close[:] = np.clip((gap - wanted) / MOUTH_CLOSE_MM, 0.0, jaw)


def _free_gap(channels: Array) -> Array:
    """Gap in mm that the poses alone would show."""
    none = np.zeros(len(channels))
    return np.maximum(lip_gap_mm(compose(channels, none, none), signed=True), LIP_GAP_NEUTRAL_MM)


_VARIED = [
    _COLUMN[n]
    for n in MODEL_32.names
    if n
    not in ("mouthClose", "cheekPuff", "mouthRollLower", "jawLeft", "jawRight", "mouthLeft", "mouthRight")
]


def vary(curves: Array, rate: float, seed: int) -> None:
    """Smooth variation in place: at most 6 % of each curve, and 0.015 of jaw and mouth sideways."""
    rng = np.random.default_rng(seed)
    frames = len(curves)
    knots = ceil(frames / rate / 0.3) + 2
    raw = np.clip(rng.standard_normal((knots, len(_VARIED) + 2)) * 0.4, -1.0, 1.0)
    where = np.arange(frames) / rate / 0.3
    base = where.astype(int)
    x = (where - base)[:, None]
    x = x * x * (3.0 - 2.0 * x)
    smooth = raw[base] * (1.0 - x) + raw[base + 1] * x
    curves[:, _VARIED] *= 1.0 + 0.06 * smooth[:, :-2]
    # Sideways movement comes with an open mouth, never from nothing.
    openness = np.clip(curves[:, [_COLUMN["jawOpen"]]] / 0.3, 0.0, 1.0)
    for column, name in ((-2, "jaw"), (-1, "mouth")):
        sway = 0.015 * smooth[:, [column]] * openness
        curves[:, [_COLUMN[name + "Left"]]] = np.maximum(sway, 0.0)
        curves[:, [_COLUMN[name + "Right"]]] = np.maximum(-sway, 0.0)
