"""The style vector p fitted to an actor's take: gradients through the decoder alone."""

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


@dataclass(frozen=True, slots=True)
class StyleFit:
    """A fitted style.

    Attributes:
        vector: ``[P]``.
        error_before: mean absolute error of the labelled curves with the style begun from.
        error_after: with the fitted style.
    """

    vector: Tensor
    error_before: float
    error_after: float


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
        DataError: nothing recorded.
    """
    windows = [window for sound, recorded in clips for window in _windows(model, sound, recorded)]
    if not windows:
        raise DataError("no recorded curves to fit a style to")
    spread = model.styles.detach() - start
    mixture = torch.zeros(len(spread), requires_grad=True)
    rest = torch.zeros_like(start, requires_grad=True)
    was = [parameter.requires_grad for parameter in model.parameters()]
    model.requires_grad_(False)

    def error(vector: Tensor) -> Tensor:
        losses = []
        for features, target, known in windows:
            style = vector[None, None].expand(1, features.shape[1], -1)
            curves = model.finish(model.decoder(torch.cat([features, style], dim=-1)))
            losses.append(((curves - target).abs() * known).sum() / known.sum())
        return torch.stack(losses).mean()

    try:
        with torch.no_grad():
            before = float(error(start))
        best, best_error = start.clone(), before
        optimiser = torch.optim.Adam([mixture, rest], lr=_RATE)
        for _ in range(steps):
            optimiser.zero_grad()
            vector = start + mixture @ spread + rest
            fit_error = error(vector)
            loss = fit_error + _OFF_SPAN * rest.square().sum() + _SPREAD * mixture.square().sum()
            if (reached := float(fit_error.detach())) < best_error:
                best, best_error = vector.detach().clone(), reached
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    finally:
        for parameter, needed in zip(model.parameters(), was, strict=True):
            parameter.requires_grad_(needed)
    return StyleFit(best, before, best_error)


def _windows(model: PMMTalk, sound: FloatArray, recorded: FloatArray) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Features ``[1, T, F]``, targets and masks ``[1, T, 32]`` in pieces."""
    with torch.no_grad():
        prediction = model.predict(torch.from_numpy(np.ascontiguousarray(sound))[None, :, None])
        features = torch.cat(prediction.features, dim=-1)
    count = min(features.shape[1], len(recorded))
    target = torch.from_numpy(recorded[:count].astype(np.float32))[None]
    known = torch.isfinite(target)
    target = torch.nan_to_num(target)
    pieces = []
    for first in range(0, count, _WINDOW):
        cut = slice(first, min(first + _WINDOW, count))
        if known[:, cut].any():
            pieces.append((features[:, cut].clone(), target[:, cut], known[:, cut].float()))
    return pieces
