"""Recorded takes as curve values at an even frame rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from pmmlink.curves import ARKIT_52
from pmmlink.errors import DataError
from pmmlink.types import MODEL_FPS, FloatArray
from pmmlink.wire import csv

_USUAL_RATES = (
    *(Fraction(rate) for rate in (24, 25, 30, 48, 50, 60)),
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 60)),
)


LARGEST_CURVE = 2.0
"""Beyond it a number is no blendshape value: a little over 1 is drawn as it is, a percentage is not."""


@dataclass(frozen=True, slots=True)
class Animation:
    """Curve values at an even rate.

    Attributes:
        values: ``[N, 52]`` float32 in ARKit order, or ``[N, 61]`` with the head's and the eyes' angles.
        fps: frame rate.
    """

    values: FloatArray
    fps: Fraction

    @property
    def duration_s(self) -> float:
        """N / fps."""
        return float(len(self.values) / self.fps)


def frame_rate(times: tuple[Fraction, ...]) -> Fraction:
    """The usual frame rate nearest to a take's median one (rows may be missing); 30 if none is within 1 %."""
    steps = sorted(later - earlier for earlier, later in pairwise(times))
    if not steps or steps[len(steps) // 2] <= 0:
        return MODEL_FPS
    median = 1 / steps[len(steps) // 2]
    nearest = min(_USUAL_RATES, key=lambda rate: abs(rate - median))
    return nearest if abs(nearest - median) < nearest / 100 else MODEL_FPS


def read_animation(path: Path, fps: Fraction | None = None) -> Animation:
    """Reads a Live Link Face CSV by its column names.

    Time 0 is the first row; values between rows are interpolated. A take with an even rate keeps its
    number of frames.

    Args:
        path: the CSV.
        fps: wanted frame rate; None keeps the take's.

    Raises:
        DataError: the file is missing, no take, empty, in per cent, or its times run backwards.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            take = csv.read(file, str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    if not take.times:
        raise DataError(f"{path}: has no frames; was the recording stopped at once?")
    rate = fps or frame_rate(take.times)
    curves = np.abs(take.values[:, : len(ARKIT_52)])
    if curves.max() > LARGEST_CURVE:
        row, column = divmod(int(curves.argmax()), curves.shape[1])
        raise DataError(
            f"{path}: frame {row}: {ARKIT_52.names[column]} is {take.values[row, column]:g}, "
            "which is no blendshape value (0 to 1)"
        )
    times = np.array([float(time - take.times[0]) for time in take.times])
    if (np.diff(times) < 0).any():
        row = int(np.flatnonzero(np.diff(times) < 0)[0]) + 1
        raise DataError(f"{path}: frame {row} is earlier than the one before; cut the take at that point")
    # A timecode is rounded to a thousandth of a sixtieth: half a frame of slack loses no last frame.
    count = int(times[-1] * float(rate) + 0.5) + 1
    at = np.arange(count) / float(rate)
    values = np.stack([np.interp(at, times, column) for column in take.values.T], axis=1)
    return Animation(values.astype(np.float32), rate)
