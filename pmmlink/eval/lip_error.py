"""LVE and ALE: how far the lips of a frame are off (paper, section V-A).

**LVE**: "for a single frame, the maximum l2 error among all lip vertices ... or among the blendshape
coefficients", then the average over the frames of the test set. The l2 error of a vertex is the length of
its error in millimetres; that of a coefficient, which has one dimension, its absolute value.

**ALE**: "the average l2 error of blendshape coefficients per frame", then the average over the test set. It
is the mean over coefficients, not the length of the vector of all 32: that could not be below LVE, and the
paper's ALE is an eleventh of it. The paper gives it for coefficients alone; for vertices it is the mean over
the lips.

**Squared**: the published code behind table III's figures (CodeTalker's) leaves out the square root and
counts in metres, which is why that table reads 10⁻⁵; ``lve_squared`` is that figure: the maximum squared l2
error, in m² for vertices.

Frames without a label are left out, and so are coefficients without one (NaN): of those that are left, the
maximum and the mean are taken. Where lengths differ, the shorter decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pmmlink.eval.statistics import Array
from pmmlink.types import FloatArray

M2_PER_MM2 = 1e-6


@dataclass(frozen=True, slots=True)
class LipErrors:
    """Errors of the frames of a clip that have a label.

    Attributes:
        largest: ``[F]`` maximum l2 error of each frame.
        average: ``[F]`` mean l2 error of each frame.
        largest_squared: ``[F]`` maximum squared l2 error, m² for vertices.
    """

    largest: Array
    average: Array
    largest_squared: Array

    def sums(self) -> dict[str, float]:
        """What the clip adds to the averages over frames."""
        return {
            "frames": float(len(self.largest)),
            "lve": float(self.largest.sum()),
            "ale": float(self.average.sum()),
            "lve_squared": float(self.largest_squared.sum()),
        }


def curve_errors(predicted: FloatArray, labels: FloatArray) -> LipErrors:
    """Errors of blendshape coefficients.

    Args:
        predicted: ``[T, C]``.
        labels: ``[T', C]``, NaN without a label.

    >>> errors = curve_errors(np.array([[0.5, 0.1]]), np.array([[0.2, 0.2]]))
    >>> [float(x.round(3)[0]) for x in (errors.largest, errors.average, errors.largest_squared)]
    [0.3, 0.2, 0.09]
    """
    frames = min(len(predicted), len(labels))
    error = np.abs(predicted[:frames].astype(np.float64) - labels[:frames].astype(np.float64))
    return _errors(error, 1.0)


def vertex_errors(predicted: FloatArray, labels: FloatArray, lips: npt.NDArray[np.intp]) -> LipErrors:
    """Errors of the lips of a mesh; offsets from a template and absolute positions give the same.

    Args:
        predicted: ``[T, V * 3]`` millimetres.
        labels: ``[T', V * 3]`` millimetres.
        lips: ``[L]`` which vertices are lips.
    """
    frames = min(len(predicted), len(labels))
    here, there = (
        rows[:frames].reshape(frames, -1, 3)[:, lips].astype(np.float64) for rows in (predicted, labels)
    )
    return _errors(np.linalg.norm(here - there, axis=2), M2_PER_MM2)


def _errors(error: Array, unit_squared: float) -> LipErrors:
    error = error[np.isfinite(error).any(axis=1)]
    if not len(error):
        none = np.zeros(0)
        return LipErrors(none, none, none)
    largest = np.nanmax(error, axis=1)
    return LipErrors(largest, np.nanmean(error, axis=1), largest**2 * unit_squared)
