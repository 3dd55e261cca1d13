"""Cross-modal alignment: projections, temporal similarity and semantic distance (eq. 5-7, 11, 12)."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ModalityProjection(nn.Module):
    """Linear and layer norm of one modality (eq. 5): ``[B, T, C]`` → ``[B, T, D]``."""

    def __init__(self, in_dim: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.linear(x))
        return out


def temporal_similarity(x: Tensor, y: Tensor) -> Tensor:
    """Scaled frame-by-frame similarity of two modalities (eq. 6): two ``[B, T, D]`` → ``[B, T, T]``."""
    similarity: Tensor = x @ y.transpose(1, 2) / math.sqrt(x.shape[-1])
    return similarity


TemporalForm = Literal["divergence", "as_written"]
"""Which reading of eq. 11; see :func:`temporal_loss`."""


def temporal_loss(similarity: Tensor, mask: Tensor, form: TemporalForm = "divergence") -> Tensor:
    """Eq. 11 for one pair of modalities: the softmax of its similarities p against the label q.

    The label is the softmax of an identity matrix; both are taken over the second modality's frames.
    Eq. 11 takes the logarithm of what is a logarithm already, which is no number: the nearest formula
    that is one has probabilities where it has factors. ``docs/paper.md`` discusses it.

    * ``as_written``: that formula, ``-Σ (p log q + q log p)``, summed over all frames: two cross-entropies.
    * ``divergence``: what the text calls it, Kullback-Leibler, in both directions, a mean over frames. It is
      the same less the entropies of p and q, is 0 exactly where p = q, and does not grow with the clip: the
      shipped weights' recipe uses it, because its items are cropped and stacked.

    Args:
        similarity: ``[B, T, T]``.
        mask: ``[B, T]``, 1 for frames that exist.
        form: which.

    Returns:
        A number; the mean over the batch (over its frames, for ``divergence``).
    """
    steps = similarity.shape[1]
    valid = mask.bool()
    scores = similarity.masked_fill(~valid[:, None, :], -1e4)
    label_scores = torch.eye(steps, device=similarity.device, dtype=similarity.dtype).expand_as(similarity)
    label_scores = label_scores.masked_fill(~valid[:, None, :], -1e4)
    log_p, log_q = F.log_softmax(scores, dim=-1), F.log_softmax(label_scores, dim=-1)
    if form == "as_written":
        both = -(log_p.exp() * log_q + log_q.exp() * log_p).sum(-1)
        return (both * mask).sum() / len(mask)
    both = (log_q.exp() * (log_q - log_p) + log_p.exp() * (log_p - log_q)).sum(-1)
    return (both * mask).sum() / mask.sum().clamp_min(1)


def semantic_loss(x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """One minus the cosine of two modalities' means over time (eq. 7, 12).

    Args:
        x: ``[B, T, D]``.
        y: ``[B, T, D]``.
        mask: ``[B, T]``, 1 for frames that exist.
    """
    weight = mask[..., None] / mask.sum(1).clamp_min(1)[:, None, None]
    return (1 - F.cosine_similarity((x * weight).sum(1), (y * weight).sum(1), dim=-1)).mean()


def alignment_losses(
    features: list[Tensor], mask: Tensor, form: TemporalForm = "divergence"
) -> tuple[Tensor, Tensor]:
    """Temporal and semantic loss, averaged over the pairs of modalities (the paper's 1/3: three pairs).

    Args:
        features: projected modalities, each ``[B, T, D]``.
        mask: ``[B, T]``, 1 for frames that exist.
        form: of the temporal loss.

    Returns:
        ``(L_tem, L_sem)``; zero when fewer than two modalities are in use.
    """
    pairs = list(combinations(features, 2))
    if not pairs:
        return mask.new_zeros(()), mask.new_zeros(())
    temporal = torch.stack([temporal_loss(temporal_similarity(x, y), mask, form) for x, y in pairs]).mean()
    semantic = torch.stack([semantic_loss(x, y, mask) for x, y in pairs]).mean()
    return temporal, semantic
