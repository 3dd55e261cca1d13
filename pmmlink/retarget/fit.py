"""A profile fitted to an actor: gains, offsets and one delay that bring predicted curves to recorded ones.

Per curve ``recorded(t) ≈ clip(gain * predicted(t - delay) + offset)``, by iteratively reweighted least
squares with Huber weights (Huber 1964; Holland, Welsch 1977), drawn towards gain 1 and offset 0 by a normal
prior, so that little data changes little. Frames where both sides are at a limit say nothing about the
slope and are left out. The delay is the lag at which the curves correlate best, refined by a parabola.

What the data cannot say is refused, curve by curve with the reason, and its default is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.types import MODEL_FPS, FloatArray

Array = npt.NDArray[np.float64]

MAX_LAG = 5
"""Frames searched on either side."""

_FOLLOWERS = ("mouthClose",)
"""Curves that the profile derives from others."""

_LEAST_FRAMES = 60
LEAST_RECORDED_STD = 0.01
"""A curve that moves by less says nothing."""

_LEAST_PREDICTED_STD = 0.005
_LEAST_CORRELATION = 0.3
_LEAST_TAKE_CORRELATION = 0.2
_HUBER = 1.345
_GAIN_PRIOR_STD = 0.7
_OFFSET_PRIOR_STD = 0.2
_FRAMES_PER_SAMPLE = 5.0
"""Neighbouring frames resemble each other: so many count as one independent observation."""
_HELD_OUT = 0.25
_AT_LIMIT = 0.02
_GAIN_RANGE = (0.1, 5.0)


@dataclass(frozen=True, slots=True)
class Recording:
    """Predicted and recorded curves of the same speech, frame by frame.

    Attributes:
        predicted: ``[T, 32]`` as the model gives them, in the order of ``MODEL_32``.
        recorded: ``[T, 32]``; NaN where a curve was not recorded.
    """

    predicted: FloatArray
    recorded: FloatArray


@dataclass(frozen=True, slots=True)
class CurveFit:
    """What came out for one curve.

    Attributes:
        curve: data name.
        gain: 1 when kept.
        offset: 0 when kept.
        correlation: between predicted and recorded, at the fitted delay; NaN where undefined.
        gain_error: standard error of the gain; infinite when kept.
        confidence: 0 to 1: how much of the prior's doubt about the gain the data removed, times the square of
            the correlation; 0 when kept.
        error_before: mean absolute error with gain 1, offset 0 and no delay, over all frames.
        error_after: the same with the fit.
        held_out_before: as ``error_before``, over the last quarter of the frames.
        held_out_after: over the last quarter, fitted on the others.
        kept: why the default was kept; empty when fitted.
    """

    curve: str
    gain: float = 1.0
    offset: float = 0.0
    correlation: float = math.nan
    gain_error: float = math.inf
    confidence: float = 0.0
    error_before: float = math.nan
    error_after: float = math.nan
    held_out_before: float = math.nan
    held_out_after: float = math.nan
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """What came out of a calibration.

    Attributes:
        curves: one for each of ``MODEL_32``, in order.
        delay_frames: positive: the recorded face follows the predicted one.
        delay_kept: why the delay was kept at 0; empty when fitted.
        correlation: mean over the curves that move, at the fitted delay.
    """

    curves: tuple[CurveFit, ...]
    delay_frames: float
    delay_kept: str
    correlation: float

    @property
    def delay_ms(self) -> float:
        """The delay in milliseconds."""
        return self.delay_frames * 1e3 / float(MODEL_FPS)


def fit_profile(recordings: Sequence[Recording]) -> Fit:
    """Fit all curves and one common delay.

    Args:
        recordings: one or more, at 30 fps.

    Raises:
        DataError: no frames, different lengths, values that are no blendshapes, a face that does not move, or
            one that does not follow the sound.
    """
    pairs = [_checked(recording) for recording in recordings]
    usable = [i for i, name in enumerate(MODEL_32.names) if _movement(pairs, i) == ""]
    if not usable:
        raise DataError("the recorded face does not move with any predicted curve; is this the right take?")
    delay, lag, correlation, kept = _delay(pairs, usable)
    if correlation < _LEAST_TAKE_CORRELATION:
        raise DataError(
            f"the recorded face does not follow the sound (correlation {correlation:.2f} at the best lag); "
            "do the take and the sound belong together?"
        )
    fits = tuple(_fit_curve(pairs, i, delay, lag) for i in range(len(MODEL_32)))
    return Fit(fits, delay, kept, correlation)


def _checked(recording: Recording) -> tuple[Array, Array]:
    predicted, recorded = recording.predicted.astype(np.float64), recording.recorded.astype(np.float64)
    if predicted.shape != recorded.shape or predicted.ndim != 2 or predicted.shape[1] != len(MODEL_32):
        raise DataError(f"predicted {predicted.shape} and recorded {recorded.shape} curves do not match")
    if len(predicted) < _LEAST_FRAMES:
        raise DataError(
            f"{len(predicted)} frames of face and sound in common; at least {_LEAST_FRAMES} (2 s) are needed"
        )
    wrong = np.argwhere((recorded < -0.01) | (recorded > 1.5))
    if len(wrong):
        row, column = (int(at) for at in wrong[0])
        name, value = MODEL_32.names[column], recorded[row, column]
        raise DataError(f"frame {row}: {name} is {value:g}, which is no blendshape value (0 to 1)")
    return predicted, recorded


def _movement(pairs: list[tuple[Array, Array]], column: int) -> str:
    """Why a curve cannot be fitted; empty when it moves enough on both sides."""
    x = np.concatenate([predicted[:, column] for predicted, _ in pairs])
    y = np.concatenate([recorded[:, column] for _, recorded in pairs])
    labelled = np.isfinite(y)
    if MODEL_32.names[column] in _FOLLOWERS:
        return "follows jawOpen"
    if labelled.sum() < _LEAST_FRAMES:
        return "not recorded"
    if y[labelled].std() < LEAST_RECORDED_STD:
        return "hardly moves in the take"
    if x[labelled].std() < _LEAST_PREDICTED_STD:
        return "hardly predicted for this sound"
    return ""


def _delay(pairs: list[tuple[Array, Array]], columns: list[int]) -> tuple[float, float, float, str]:
    """Delay in frames, the lag at which to compare, the correlation, and why the delay was kept at 0 if so.

    The two differ where a part of a frame is not worth a delay, but would still flatten the gains.
    """
    lags = np.arange(-MAX_LAG, MAX_LAG + 1)
    score = np.array([_mean_correlation(pairs, columns, int(lag)) for lag in lags])
    best = int(score.argmax())
    if best in (0, len(lags) - 1):
        return 0.0, 0.0, float(score[MAX_LAG]), f"no best lag within {MAX_LAG} frames"
    before, at, after = score[best - 1 : best + 2]
    bend = before - 2 * at + after
    refined = float(lags[best] + (0.5 * (before - after) / bend if bend < 0 else 0.0))
    # A flat top says nothing about the lag: half a percent is within its own scatter.
    if at - score[MAX_LAG] < 0.005:
        return 0.0, refined if abs(refined) <= 1.0 else 0.0, float(score[MAX_LAG]), ""
    return refined, refined, float(at), ""


def _mean_correlation(pairs: list[tuple[Array, Array]], columns: list[int], lag: int) -> float:
    """Over the curves, weighted by how much each moves."""
    total = weights = 0.0
    for column in columns:
        x, y = _aligned(pairs, column, float(lag))
        weight = float(y.std())
        total += weight * max(0.0, _correlation(x, y))
        weights += weight
    return total / weights


def _aligned(pairs: list[tuple[Array, Array]], column: int, delay: float) -> tuple[Array, Array]:
    """Predicted values delayed, and recorded ones, where both are known; all recordings in a row."""
    xs, ys = [], []
    for predicted, recorded in pairs:
        position = np.arange(len(predicted)) - delay
        y = recorded[:, column]
        known = np.isfinite(y) & (position >= 0) & (position <= len(predicted) - 1)
        xs.append(np.interp(position[known], np.arange(len(predicted)), predicted[:, column]))
        ys.append(y[known])
    return np.concatenate(xs), np.concatenate(ys)


def _correlation(x: Array, y: Array) -> float:
    spread = float(x.std() * y.std())
    return float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread > 1e-12 else 0.0


def _fit_curve(pairs: list[tuple[Array, Array]], column: int, delay: float, lag: float) -> CurveFit:
    """Gain and offset at the lag, errors at the delay that the profile will have."""
    name = MODEL_32.names[column]
    raw_x, raw_y = _aligned(pairs, column, 0.0)
    before = float(np.abs(raw_x - raw_y).mean()) if len(raw_y) else math.nan
    if reason := _movement(pairs, column):
        return CurveFit(name, error_before=before, error_after=before, kept=reason)
    x, y = _aligned(pairs, column, delay)
    correlation = _correlation(x, y)
    plain = CurveFit(name, correlation=correlation, error_before=before, error_after=_error(x, y, 1.0, 0.0))
    if correlation < _LEAST_CORRELATION:
        return _kept(plain, f"correlation {correlation:.2f} is below {_LEAST_CORRELATION:g}")
    split = round(len(x) * (1 - _HELD_OUT))
    at_lag = _aligned(pairs, column, lag)
    gain, offset, _ = _regress(*(values[:split] for values in at_lag))
    held_before = float(np.abs(raw_x[-(len(x) - split) :] - raw_y[-(len(x) - split) :]).mean())
    held_after = _error(x[split:], y[split:], gain, offset)
    # At the lag, too: a part of a frame that is no delay would drown what a gain near 1 is worth.
    late_x, late_y = (values[split:] for values in at_lag)
    if _error(late_x, late_y, gain, offset) > _error(late_x, late_y, 1.0, 0.0):
        return _kept(plain, "the fit does not carry over to the last quarter of the take")
    gain, offset, error = _regress(*at_lag)
    return CurveFit(
        curve=name,
        gain=gain,
        offset=offset,
        correlation=correlation,
        gain_error=error,
        confidence=max(0.0, 1.0 - (error / _GAIN_PRIOR_STD) ** 2) * correlation**2,
        error_before=before,
        error_after=_error(x, y, gain, offset),
        held_out_before=held_before,
        held_out_after=held_after,
    )


def _kept(plain: CurveFit, reason: str) -> CurveFit:
    return CurveFit(
        curve=plain.curve,
        correlation=plain.correlation,
        error_before=plain.error_before,
        error_after=plain.error_after,
        kept=reason,
    )


def _error(x: Array, y: Array, gain: float, offset: float) -> float:
    return float(np.abs(np.clip(gain * x + offset, 0.0, 1.0) - y).mean())


def _regress(x: Array, y: Array) -> tuple[float, float, float]:
    """Gain, offset, and the gain's standard error, by Huber IRLS with a normal prior around (1, 0)."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    prior = np.array([1.0, 0.0])
    coefficients = prior.copy()
    precision = np.eye(2)
    for _ in range(40):
        line = design @ coefficients
        limited = ((line <= 0.0) & (y <= _AT_LIMIT)) | ((line >= 1.0) & (y >= 1.0 - _AT_LIMIT))
        residual = np.where(limited, 0.0, y - line)
        free = residual[~limited]
        scale = max(1.4826 * float(np.median(np.abs(free))) if len(free) else 0.0, 1e-4)
        weight = np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(residual), 1e-12))
        weight = np.where(limited, 0.0, weight)
        shrink = np.diag([1 / _GAIN_PRIOR_STD**2, 1 / _OFFSET_PRIOR_STD**2])
        data = (design * weight[:, None]).T @ design / (scale**2 * _FRAMES_PER_SAMPLE)
        precision = data + shrink
        target = (design * weight[:, None]).T @ y / (scale**2 * _FRAMES_PER_SAMPLE) + shrink @ prior
        new = np.linalg.solve(precision, target)
        new[0] = np.clip(new[0], *_GAIN_RANGE)
        moved = np.abs(new - coefficients).max()
        coefficients = new
        if moved < 1e-7:
            break
    error = float(np.sqrt(np.linalg.inv(precision)[0, 0]))
    return float(coefficients[0]), float(np.clip(coefficients[1], -1.0, 1.0)), error
