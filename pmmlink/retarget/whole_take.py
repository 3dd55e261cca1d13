"""A profile over a whole take at once: what the stream would have made of it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from pmmlink.curves import LIVELINK_61, MODEL_32, CurveSet
from pmmlink.retarget.mapping import Retargeter
from pmmlink.retarget.profile import Profile
from pmmlink.retarget.smooth import OneEuro, Smoother
from pmmlink.retarget.time_shift import TimeShift
from pmmlink.types import FloatArray


def retarget_take(
    profile: Profile,
    values: FloatArray,
    fps: Fraction,
    source: CurveSet = MODEL_32,
    target: CurveSet = LIVELINK_61,
) -> FloatArray:
    """Delay, smoothing and curves of a profile, in the order of the stream.

    Args:
        profile: the character.
        values: ``[N, len(source)]``.
        fps: frames per second.
        source: curves of ``values``.
        target: curves of the result, unless the profile has a rig.

    Returns:
        ``[N, C]``: as many frames as went in.
    """
    shift = TimeShift(profile.delay_ms / 1e3, fps, len(source))
    rows = np.concatenate([shift.push(np.asarray(values, np.float32)), shift.flush()])
    retargeter = Retargeter(profile, target, source)
    groups = {group: OneEuro(s.min_cutoff_hz, s.beta) for group, s in profile.smoothing.items()}
    if not groups or not len(rows):
        return retargeter.apply(rows)
    smoother = Smoother(source, float(fps), groups)
    smooth = np.stack([smoother.apply(row) for row in rows])
    return retargeter.apply(smooth, unsmoothed=rows)
