"""A mouth that closes softly when a stream is broken off."""

from __future__ import annotations

import math

import numpy as np

from pmmlink.types import CurveFrame

EASE_S = 0.2


def ease_to_neutral(last: CurveFrame, seconds: float = EASE_S) -> list[CurveFrame]:
    """Frames that follow ``last`` and lead all its curves to 0 along a smoothstep; the final one is all 0."""
    count = max(1, math.ceil(seconds * last.fps))
    frames = []
    for step in range(1, count + 1):
        left = 1.0 - step / count
        values = last.values * np.float32(left * left * (3.0 - 2.0 * left))
        frames.append(CurveFrame(last.index + step, last.fps, last.curves, values))
    return frames
