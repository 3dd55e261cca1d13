"""How far predicted curves follow measured ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.eval.statistics import Array, Estimate, draws
from pmmlink.types import FloatArray

LIVE_SPREAD = 0.005
"""A measured curve whose standard deviation is below this does not move: no correlation is given."""


@dataclass(frozen=True, slots=True)
class CurveSums:
    """Sums over the frames of one clip, from which pooled correlations follow.

    Attributes:
        sums: ``[6, 32]``: n, Σx, Σy, Σx², Σy², Σxy for prediction x and label y.
    """

    sums: Array


def compare(predicted: FloatArray, labels: FloatArray) -> CurveSums:
    """Sums of one clip. Frames without a label (NaN) are left out, curve by curve.

    Args:
        predicted: ``[T, 32]``.
        labels: ``[T', 32]``; the shorter of the two decides.
    """
    frames = min(len(predicted), len(labels))
    x, y = predicted[:frames].astype(np.float64), labels[:frames].astype(np.float64)
    known = np.isfinite(y)
    x, y = np.where(known, x, 0.0), np.where(known, y, 0.0)
    return CurveSums(
        np.stack([known.sum(0), x.sum(0), y.sum(0), (x * x).sum(0), (y * y).sum(0), (x * y).sum(0)])
    )


def correlations(clips: Sequence[CurveSums], seed: int = 0) -> dict[str, Estimate]:
    """Pearson's r of each curve that moves in the labels, pooled over frames, resampled over clips."""
    if not clips:
        return {}
    table = np.stack([clip.sums for clip in clips])
    drawn = np.vstack([np.ones((1, len(clips))), draws(len(clips), seed)])
    n, x, y, xx, yy, xy = np.einsum("bc,cks->kbs", drawn, table)
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = xy / n - x * y / n**2
        spread_x = np.sqrt(np.maximum(xx / n - (x / n) ** 2, 0.0))
        spread_y = np.sqrt(np.maximum(yy / n - (y / n) ** 2, 0.0))
        r = np.where(spread_x > 1e-6, covariance / (spread_x * spread_y), 0.0)
        r = np.where(n > 0, r, np.nan)  # no take with a label of this curve was drawn
    return {
        name: Estimate.of(r[0, i], r[1:, i], n[0, i])
        for i, name in enumerate(MODEL_32.names)
        if n[0, i] > 0 and spread_y[0, i] >= LIVE_SPREAD
    }
