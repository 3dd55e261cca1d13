"""Does the mouth close, and move, when the measured one does? For takes without phones.

One signal says how far the lips are apart: the lip gap of the curves (:func:`pmmlink.lips.lip_gap_mm`), or
the parting of the lips of a mesh. With ``p95`` its 95th percentile in the take, each for itself:

* **closed**: signal ≤ 15 % of its p95 (as in :mod:`pmmlink.eval.speech`).
* **closure**: an unbroken run of closed frames of at most 0.3 s with open frames on both sides: the lips of
  P, B and M; a mouth that rests is none.
* **recall**: measured closures within which, ± 1 frame, the prediction is closed.
* **precision**: predicted closures within which, ± 1 frame, the measurement is closed.
* **lag**: of the prediction behind the measurement, frames of the greatest correlation; positive is late.
* **jitter**: root mean square of the signal's second difference over its standard deviation, per frame²,
  prediction over measurement: 1 is as restless as the actor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pmmlink.eval.speech import CLOSED_SHARE, LAGS, LEAST_OPENING_MM
from pmmlink.eval.statistics import Array
from pmmlink.types import MODEL_FPS, FloatArray

Mask = npt.NDArray[np.bool_]

LONGEST_CLOSURE_S = 0.3
_LONGEST = round(LONGEST_CLOSURE_S * float(MODEL_FPS))
_LEAST_FRAMES = 30
SUMS = (
    *("closures", "closure_hit", "closed", "closed_right"),
    *(f"lag_{lag}" for lag in LAGS),
    *("lag_frames", "jitter_frames", "jitter_predicted", "jitter_measured"),
)


def measured_sums(predicted: FloatArray, measured: FloatArray, closures: bool = True) -> dict[str, float]:
    """What a take adds to the figures.

    Args:
        predicted: ``[T]`` lips apart, millimetres.
        measured: ``[T']`` the same, NaN without a label.
        closures: whether the measurement can tell closed lips; without, only motion is compared.
    """
    frames = min(len(predicted), len(measured))
    here, there = predicted[:frames].astype(np.float64), measured[:frames].astype(np.float64)
    known = np.isfinite(there)
    sums = dict.fromkeys(SUMS, 0.0)
    if known.sum() < _LEAST_FRAMES:
        return sums
    if closures:
        ours, theirs = _closed(here), _closed(np.where(known, there, np.inf))
        wanted = [run for run in _brief_runs(theirs) if known[run[0] - 1 : run[1] + 1].all()]
        made = [run for run in _brief_runs(ours) if known[max(run[0] - 1, 0) : run[1] + 1].all()]
        sums["closures"], sums["closure_hit"] = len(wanted), _hits(wanted, ours)
        sums["closed"], sums["closed_right"] = len(made), _hits(made, theirs)
    for lag in LAGS:
        sums[f"lag_{lag}"] = known.sum() * _correlation(here, np.where(known, there, np.nan), lag)
    sums["lag_frames"] = float(known.sum())
    ours_jitter, theirs_jitter = _jitter(here), _jitter(there)
    if np.isfinite(ours_jitter) and np.isfinite(theirs_jitter):
        sums["jitter_frames"] = float(known.sum())
        sums["jitter_predicted"] = known.sum() * ours_jitter
        sums["jitter_measured"] = known.sum() * theirs_jitter
    return sums


def _closed(apart: Array) -> Mask:
    finite = apart[np.isfinite(apart)]
    p95 = float(np.percentile(finite, 95)) if len(finite) else 0.0
    closed: Mask = apart <= CLOSED_SHARE * p95
    return closed if p95 >= LEAST_OPENING_MM else np.ones(len(apart), bool)


def _brief_runs(closed: Mask) -> list[tuple[int, int]]:
    """First and past-the-last frame of closures that do not touch the ends of the take."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(int))).reshape(-1, 2)
    return [(int(a), int(b)) for a, b in steps if b - a <= _LONGEST and a > 0 and b < len(closed)]


def _hits(runs: Sequence[tuple[int, int]], closed: Mask) -> float:
    return float(sum(bool(closed[max(a - 1, 0) : b + 1].any()) for a, b in runs))


def _correlation(predicted: Array, measured: Array, lag: int) -> float:
    """Pearson's r of ``predicted[t + lag]`` and ``measured[t]`` where both are known."""
    size = len(predicted) - 2 * LAGS[-1]
    if size < 2:
        return 0.0
    x = predicted[LAGS[-1] + lag : LAGS[-1] + lag + size]
    y = measured[LAGS[-1] : LAGS[-1] + size]
    known = np.isfinite(y)
    if known.sum() < 2:
        return 0.0
    x, y = x[known] - x[known].mean(), y[known] - y[known].mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0.0 else 0.0


def _jitter(apart: Array) -> float:
    second = apart[:-2] - 2.0 * apart[1:-1] + apart[2:]
    second, spread = second[np.isfinite(second)], float(np.nanstd(apart))
    if not len(second) or spread < 1e-6:
        return float("nan")
    return float(np.sqrt(np.mean(second * second))) / spread
