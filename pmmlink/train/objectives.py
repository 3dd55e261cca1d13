"""What the compact model is trained for: curves, lip gap, closure, phones and aligned modalities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pmmlink.lips import LIP_GAP_MM_PER_UNIT, LIP_GAP_NEUTRAL_MM
from pmmlink.model.alignment import alignment_losses
from pmmlink.model.pmmtalk import Prediction
from pmmlink.phones import BILABIALS, PHONES
from pmmlink.train.batches import Batch
from pmmlink.train.phone_tokens import IGNORE
from pmmlink.train.teachers import FEATURES

TAUGHT = 0.7
"""How much of the say over phones is the teachers', where they listened."""

_SHUT = torch.tensor([phone in BILABIALS for phone in PHONES])

_REST = 0.02
"""A target of which no curve is above this rests."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the terms; 0 leaves a term out (ablation).

    Attributes:
        position: curves, scaled by their standard deviation.
        motion: their frame-to-frame differences, likewise.
        acceleration: the differences of these, likewise; what viewers see as jitter.
        gap: lip gap over 3 mm, default style only.
        rest: lip gap over 3 mm where the whole target rests: smooth motion must not run on into pauses.
        closure: binary cross-entropy of the closure head.
        phones: frame cross-entropy of the text decoder's symbols against labels and teachers.
        bilabials: the same between P, B and M on one side and all else on the other.
        distillation: squared error of what the teachers heard.
        hearing: what ψ_AE misses of what the recogniser, whose blocks it began with, makes of the clean sound
            with its full context; a share of that variance.
        temporal: eq. 11.
        semantic: eq. 12.
    """

    position: float = 1.0
    motion: float = 1.5
    acceleration: float = 2.5
    gap: float = 0.7
    rest: float = 0.25
    closure: float = 0.7
    phones: float = 0.8
    bilabials: float = 1.0
    distillation: float = 0.5
    hearing: float = 0.0
    temporal: float = 1e-4
    semantic: float = 1e-5


def smooth_l1(error: Tensor, mask: Tensor) -> Tensor:
    """Mean Huber loss over the entries where ``mask`` holds (labels elsewhere may be NaN)."""
    error = torch.where(mask, error, torch.zeros_like(error))
    loss = F.smooth_l1_loss(error, torch.zeros_like(error), reduction="sum", beta=1.0)
    return loss / mask.sum().clamp_min(1)


def curve_terms(raw: Tensor, batch: Batch, spread: Tensor) -> dict[str, Tensor]:
    """Position, motion, gap and closure terms.

    Args:
        raw: ``[B, T, 33]`` decoder output.
        batch: targets.
        spread: ``[S, 32]`` standard deviation of each curve in each style.
    """
    frames = raw.shape[1]
    curves, logits = raw[..., :-1], raw[..., -1]
    target, closure = batch.curves[:, :frames], batch.closure[:, :frames]
    known = torch.isfinite(target)
    error = (curves - target) / spread[batch.style][:, None]
    terms = {"position": smooth_l1(error, known)}
    moved = error[:, 1:] - error[:, :-1]
    both = known[:, 1:] & known[:, :-1]
    terms["motion"] = smooth_l1(moved, both)
    terms["acceleration"] = smooth_l1(moved[:, 1:] - moved[:, :-1], both[:, 1:] & both[:, :-1])

    mm = torch.from_numpy(LIP_GAP_MM_PER_UNIT)
    articulate = (batch.style == 0)[:, None] & known.all(-1)
    gap_error = ((curves - target.nan_to_num()) @ mm) / 3.0
    # Lips pressed together are as shut as lips that touch: no loss for the difference.
    both_shut = ((target.nan_to_num() @ mm) + LIP_GAP_NEUTRAL_MM <= 0) & (gap_error < 0)
    terms["gap"] = smooth_l1(gap_error, articulate & ~both_shut)
    resting = articulate & (target.nan_to_num().abs().amax(-1) < _REST)
    shut = torch.where(resting, gap_error.abs(), torch.zeros_like(gap_error))
    terms["rest"] = shut.sum() / resting.sum().clamp_min(1)

    labelled = torch.isfinite(closure)
    wanted = torch.where(labelled, closure, torch.zeros_like(closure))
    bce = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    terms["closure"] = (bce * labelled).sum() / labelled.sum().clamp_min(1)
    return terms


def phone_terms(symbols: Tensor, phones: Tensor, teachers: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of ``[B, T50, V]`` logits, partly against labels, partly against the teachers' doubts.

    ``phones`` is of the phones; ``bilabials`` of lips that close, a P, B or M whichever, or do not: what
    viewers see first gets a say of its own.

    Args:
        symbols: logits.
        phones: ``[B, T50]`` classes.
        teachers: ``[B, T50, TEACHER_WIDTH]`` lessons; where there is none, the labels have all the say.
    """
    tokens = min(symbols.shape[1], phones.shape[1])
    logits, classes = symbols[:, :tokens].flatten(0, 1), phones[:, :tokens].flatten()
    lessons = teachers[:, :tokens, FEATURES:].flatten(0, 1)
    taught = torch.isfinite(lessons).all(-1)
    known = classes != IGNORE
    heard = logits.log_softmax(-1)
    wanted = lessons.nan_to_num().softmax(-1)
    told = F.cross_entropy(logits, classes, ignore_index=IGNORE, label_smoothing=0.05, reduction="none")
    learnt = -(wanted * heard).sum(-1)

    shut, open_ = heard[:, _SHUT].logsumexp(-1), heard[:, ~_SHUT].logsumexp(-1)
    told_side = -torch.where(_SHUT[classes.clamp_min(0)], shut, open_) * known
    share = wanted[:, _SHUT].sum(-1)
    learnt_side = -torch.lerp(open_, shut, share)

    # Where teachers listened but no label stands, theirs is the only word.
    teachers_say = torch.where(known, TAUGHT, 1.0) * taught
    count = (taught | known).sum().clamp_min(1)
    return {
        "phones": torch.lerp(told, learnt, teachers_say).sum() / count,
        "bilabials": torch.lerp(told_side, learnt_side, teachers_say).sum() / count,
    }


def distillation_term(imitated: Tensor, teachers: Tensor) -> Tensor:
    """Squared error of ``[B, T50, FEATURES]`` against what teachers heard, whose variance is one each."""
    count = min(imitated.shape[1], teachers.shape[1])
    wanted = teachers[:, :count, :FEATURES]
    known = torch.isfinite(wanted)
    error = torch.where(known, imitated[:, :count] - wanted.nan_to_num(), torch.zeros_like(wanted))
    return error.square().sum() / known.any(-1).sum().clamp_min(1)


def hearing_term(heard: Tensor, wanted: Tensor) -> Tensor:
    """Squared error of ``[B, T50, C]`` ψ_AE's latents over the variance of those wanted.

    0 where they are the same, 1 where they are a constant.
    """
    count = min(heard.shape[1], wanted.shape[1])
    wanted = wanted[:, :count]
    spread = (wanted - wanted.mean((0, 1))).square().sum()
    return (heard[:, :count] - wanted).square().sum() / spread.clamp_min(1e-6)


def all_terms(prediction: Prediction, batch: Batch, spread: Tensor) -> dict[str, Tensor]:
    """Every term of :class:`Weights` that the prediction allows."""
    terms = curve_terms(prediction.raw, batch, spread)
    if prediction.symbols is not None:
        terms |= phone_terms(prediction.symbols, batch.phones, batch.teachers)
    mask = torch.ones(prediction.raw.shape[:2])
    terms["temporal"], terms["semantic"] = alignment_losses(prediction.features, mask)
    return terms


def total(terms: dict[str, Tensor], weights: Weights) -> Tensor:
    """The weighted sum."""
    return torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
