"""The paper's loss (section IV-D, eq. 8-12), on targets of which some columns may be unknown.

Sums and divisors are the paper's: squared norms are sums over the coefficients, not means, and the motion
loss divides its T - 1 differences by T. An unknown target (NaN) adds nothing to a norm, and a frame
without any label is not one of the T.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pmmlink.model.alignment import alignment_losses
from pmmlink.model.pmmtalk import FrozenFeatures, PMMTalk, Prediction

TERMS = ("position", "motion", "temporal", "semantic")
"""Names of the terms in the order of eq. 8."""


_PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Lambdas:
    """Weights of eq. 8; 0 leaves a term out (table V).

    Attributes:
        position: λ1.
        motion: λ2.
        temporal: λ3.
        semantic: λ4.
    """

    position: float = 1.0
    motion: float = 10.0
    temporal: float = 1e-4
    semantic: float = 1e-5


def position_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Eq. 9: the mean over frames of the squared norm of the error.

    Args:
        predicted: ``[B, T, N]``.
        target: ``[B, T, N]``, NaN where unknown.
    """
    known = torch.isfinite(target)
    error = torch.where(known, predicted - target, torch.zeros_like(predicted))
    return error.square().sum() / _frames(known)


def motion_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Eq. 10: the same of the frame-to-frame differences; the first frame has none.

    Args:
        predicted: ``[B, T, N]``.
        target: ``[B, T, N]``, NaN where unknown; a difference is known where both its frames are.
    """
    known = torch.isfinite(target)
    error = torch.where(known, predicted - target, torch.zeros_like(predicted))
    both = known[:, 1:] & known[:, :-1]
    moved = torch.where(both, error[:, 1:] - error[:, :-1], torch.zeros_like(error[:, 1:]))
    return moved.square().sum() / _frames(known)


def paper_terms(prediction: Prediction, target: Tensor) -> Tensor:
    """The four terms of eq. 8, unweighted, ``[4]`` in the order of :data:`TERMS`.

    Computed in 32 bits at least, whatever the precision of the prediction.

    Args:
        prediction: of :meth:`PMMTalk.predict`; the closure logit is not looked at.
        target: ``[B, T', N]``; where its length differs from the prediction's, the common part counts.
    """
    frames = min(prediction.raw.shape[1], target.shape[1])
    raw = _wide(prediction.raw[:, :frames, :-1])
    wanted = target[:, :frames].to(raw.dtype)
    # Section IV-B names the pairs: image-text, image-audio, text-audio. Eq. 11 is not symmetric.
    features = [_wide(feature[:, :frames]) for feature in reversed(prediction.features)]
    mask = raw.new_ones(raw.shape[:2])
    temporal, semantic = alignment_losses(features, mask, "as_written")
    return torch.stack([position_loss(raw, wanted), motion_loss(raw, wanted), temporal, semantic])


def weighted_sum(terms: Tensor, lambdas: Lambdas) -> Tensor:
    """Eq. 8: ``[4]`` terms → L."""
    weights = (lambdas.position, lambdas.motion, lambdas.temporal, lambdas.semantic)
    # A term that is left out must not bring its NaN in by way of 0 · NaN.
    kept = [weight * term for weight, term in zip(weights, terms, strict=True) if weight]
    return torch.stack(kept).sum() if kept else terms.sum() * 0.0


class TermsOf(nn.Module):
    """The trained half of the model and its loss terms, as one module that DDP can wrap.

    Args:
        model: in training mode.
        precision: ``float32``, ``bfloat16`` or ``float16``, of the model; the losses are computed in 32 bits.
    """

    def __init__(self, model: PMMTalk, precision: str) -> None:
        super().__init__()
        self.model = model
        self._type = _PRECISIONS.get(precision)

    def forward(self, frozen: FrozenFeatures, style: int, target: Tensor) -> Tensor:
        """The terms of a clip, ``[4]``: its features, its style's number, its targets ``[1, T, N]``."""
        device = target.device.type
        mixed: AbstractContextManager[Any] = (
            torch.autocast(device, self._type) if self._type else nullcontext()
        )
        with mixed:
            prediction = self.model.predict_from(frozen, self.model.styles[style][None])
        return paper_terms(prediction, target)


def _frames(known: Tensor) -> Tensor:
    """T: the frames that have a label, at least 1."""
    return known.any(-1).sum().clamp_min(1)


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
