"""Ranks, areas and resampling over clips, on plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval from resampling whole clips.

    Attributes:
        value: the figure on all clips; NaN when nothing was there to count.
        low: 2.5th percentile of the resampled figures.
        high: 97.5th percentile.
        count: on how many phones, frames or events it rests.
        samples: ``[RESAMPLES]`` the resampled figures; those of two sets of the same clips are paired.
    """

    value: float
    low: float
    high: float
    count: int
    samples: Array

    @classmethod
    def of(cls, value: float, samples: Array, count: float) -> Estimate:
        """An estimate from resampled figures; NaNs among them (nothing drawn to count) are left out."""
        valid = samples[np.isfinite(samples)]
        low, high = np.percentile(valid, (2.5, 97.5)) if len(valid) else (np.nan, np.nan)
        return cls(float(value), float(low), float(high), round(float(count)), samples)

    def over(self, other: Estimate) -> Estimate:
        """This figure as a part of another one measured on the same clips."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.float64(self.value) / other.value
            return Estimate.of(float(value), self.samples / other.samples, min(self.count, other.count))


def draws(clips: int, seed: int = 0) -> Array:
    """``[RESAMPLES, clips]`` how often each clip is drawn in each resample."""
    rng = np.random.default_rng(seed)
    drawn: Array = rng.multinomial(clips, np.full(clips, 1.0 / clips), RESAMPLES).astype(np.float64)
    return drawn


def ranks(values: npt.NDArray[np.floating]) -> Array:
    """Ranks from 0, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    shared: Array = (ends - (counts + 1) / 2.0)[inverse]
    return shared


def spearman(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    """Rank correlation; 0 when one side does not vary.

    >>> spearman(np.array([1.0, 2.0, 9.0]), np.array([0.1, 0.2, 0.3]))
    1.0
    """
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0.0 else 0.0


def weighted_auc(positive: Array, negative: Array, weight_pos: Array, weight_neg: Array) -> Array:
    """Area under the ROC curve: how often a positive exceeds a negative, ties counting one half.

    Args:
        positive: ``[P]`` scores.
        negative: ``[N]`` scores.
        weight_pos: ``[B, P]`` weights, one row for each resample.
        weight_neg: ``[B, N]``.

    Returns:
        ``[B]``; NaN where one side has no weight.

    >>> one = np.ones((1, 2))
    >>> weighted_auc(np.array([2.0, 3.0]), np.array([1.0, 2.0]), one, one)
    array([0.875])
    """
    order = np.argsort(negative)
    ordered = negative[order]
    below = np.zeros((len(weight_neg), len(negative) + 1))
    np.cumsum(weight_neg[:, order], axis=1, out=below[:, 1:])
    under = below[:, np.searchsorted(ordered, positive, "left")]
    up_to = below[:, np.searchsorted(ordered, positive, "right")]
    won = (weight_pos * 0.5 * (under + up_to)).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        area: Array = won / (weight_pos.sum(1) * weight_neg.sum(1))
    return area
