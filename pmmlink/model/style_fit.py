"""The style vector p fitted to an actor's take: gradients through the decoder alone.

A style that fits its own take better need not fit the next one. The end of the take is therefore held out
first: only when a style fitted to the beginning helps there, is p fitted to the whole take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pmmlink.errors import DataError
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.types import FloatArray

_STEPS = 120
_RATE = 0.03
_WINDOW = 300
"""Frames per decoder pass; its own left context is a second, so the cut costs little."""

_OFF_SPAN = 0.02
_SPREAD = 0.002

_HELD_OUT = 0.25
_LEAST_FRAMES = 240
_LEAST_GAIN = 0.01
"""A style must lower the held-out error by this share, or it is not worth a file."""

_Piece = tuple[Tensor, Tensor, Tensor]
"""Features ``[1, T, F]``, targets ``[1, T, 32]`` and which of them are known ``[1, T, 32]``."""


@dataclass(frozen=True, slots=True)
class StyleFit:
    """A fitted style.

    Attributes:
        vector: ``[P]``; the style begun from when ``kept``.
        error_before: mean absolute error of the recorded curves with the style begun from.
        error_after: with the fitted style.
        held_out_before: as ``error_before``, over the last quarter of the take.
        held_out_after: over the last quarter, with a style fitted to the others.
        kept: why the style begun from was kept; empty when one was fitted.
    """

    vector: Tensor
    error_before: float
    error_after: float
    held_out_before: float
    held_out_after: float
    kept: str = ""


def fit_style(
    model: PMMTalk, clips: Sequence[tuple[FloatArray, FloatArray]], start: Tensor, steps: int = _STEPS
) -> StyleFit:
    """Fit p to recorded curves; the weights stay as they are.

    The features of all branches are computed once; each step runs the decoder only. p is ``start`` plus a
    mixture of the stored styles' differences plus a rest, and the rest is held small: the decoder has
    only been trained on what the stored styles span.

    Args:
        model: the model.
        clips: per clip mono sound ``[N]`` at 16 kHz and recorded curves ``[T, 32]``, NaN where unknown.
        start: ``[P]``, the style to begin from.
        steps: of Adam.

    Raises:
        DataError: nothing recorded, or too little to hold any of it out.
    """
    takes = [_features(model, sound, recorded) for sound, recorded in clips]
    whole = [piece for take in takes for piece in _windows(take, 0.0, 1.0)]
    if not whole:
        raise DataError("no recorded curves to fit a style to")
    frames = sum(piece[0].shape[1] for piece in whole)
    if frames < _LEAST_FRAMES:
        raise DataError(f"{frames} frames are too few to fit a style to; record at least {_LEAST_FRAMES}")
    first = [piece for take in takes for piece in _windows(take, 0.0, 1.0 - _HELD_OUT)]
    last = [piece for take in takes for piece in _windows(take, 1.0 - _HELD_OUT, 1.0)]
    was = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_(False)
    try:
        with torch.no_grad():
            before, last_before = (float(_error(model, pieces, start)) for pieces in (whole, last))
            last_after = last_before
        if first and last:
            trial = _descend(model, first, start, steps)
            with torch.no_grad():
                last_after = float(_error(model, last, trial))
        if not last_after <= (1.0 - _LEAST_GAIN) * last_before:
            kept = "a style fitted to three quarters of the take does not help on the last"
            return StyleFit(start.clone(), before, before, last_before, last_after, kept)
        vector = _descend(model, whole, start, steps)
        with torch.no_grad():
            after = float(_error(model, whole, vector))
    finally:
        for parameter, needed in zip(model.parameters(), was, strict=True):
            parameter.requires_grad_(needed)
    return StyleFit(vector, before, after, last_before, last_after)


def style_error(model: PMMTalk, clips: Sequence[tuple[FloatArray, FloatArray]], vector: Tensor) -> float:
    """Mean absolute error of recorded curves with a style ``[P]``; clips as for :func:`fit_style`.

    Raises:
        DataError: nothing recorded.
    """
    takes = [_features(model, sound, recorded) for sound, recorded in clips]
    pieces = [piece for take in takes for piece in _windows(take, 0.0, 1.0)]
    if not pieces:
        raise DataError("no recorded curves to compare a style with")
    with torch.no_grad():
        return float(_error(model, pieces, vector))


def _error(model: PMMTalk, pieces: Sequence[_Piece], vector: Tensor) -> Tensor:
    """Mean absolute error over all known values."""
    wrong, count = [], []
    for features, target, known in pieces:
        style = vector[None, None].expand(1, features.shape[1], -1)
        curves = model.finish(model.decoder(torch.cat([features, style], dim=-1)))
        wrong.append(((curves - target).abs() * known).sum())
        count.append(known.sum())
    return torch.stack(wrong).sum() / torch.stack(count).sum().clamp_min(1.0)


def _descend(model: PMMTalk, pieces: Sequence[_Piece], start: Tensor, steps: int) -> Tensor:
    """The best style that Adam meets on its way down."""
    spread = model.styles.detach() - start
    mixture = torch.zeros(len(spread), requires_grad=True)
    rest = torch.zeros_like(start, requires_grad=True)
    best, best_error = start.clone(), float("inf")
    optimiser = torch.optim.Adam([mixture, rest], lr=_RATE)
    for _ in range(steps):
        optimiser.zero_grad()
        vector = start + mixture @ spread + rest
        fit_error = _error(model, pieces, vector)
        loss = fit_error + _OFF_SPAN * rest.square().sum() + _SPREAD * mixture.square().sum()
        if (reached := float(fit_error.detach())) < best_error:
            best, best_error = vector.detach().clone(), reached
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return best


def _features(model: PMMTalk, sound: FloatArray, recorded: FloatArray) -> _Piece:
    """A whole clip as one piece."""
    with torch.no_grad():
        prediction = model.predict(torch.from_numpy(np.ascontiguousarray(sound))[None, :, None])
        features = torch.cat(prediction.features, dim=-1)
    count = min(features.shape[1], len(recorded))
    target = torch.from_numpy(recorded[:count].astype(np.float32))[None]
    return features[:, :count].clone(), torch.nan_to_num(target), torch.isfinite(target).float()


def _windows(take: _Piece, start: float, stop: float) -> list[_Piece]:
    """A clip in windows that see all of it, and score the frames between two shares of its length."""
    features, target, known = take
    count = features.shape[1]
    scored = torch.zeros_like(known)
    scored[:, round(start * count) : round(stop * count)] = 1.0
    cuts = [slice(at, at + _WINDOW) for at in range(0, count, _WINDOW)]
    pieces = [(features[:, cut], target[:, cut], (known * scored)[:, cut]) for cut in cuts]
    return [piece for piece in pieces if piece[2].any()]
