"""Lips that really close: the closure head's say over mouthClose.

A regressor's errors leave a gap on P, B and M even when the model knows well that they are there.
So closure is its own output, and where it is sure, mouthClose is raised until the lips meet.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pmmlink.curves import MODEL_32
from pmmlink.lips import LIP_GAP_MM_PER_UNIT, LIP_GAP_NEUTRAL_MM, MOUTH_CLOSE_MM

_CLOSE = MODEL_32.index("mouthClose")


def smooth_step(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """0 up to ``low``, 1 from ``high`` on, without a corner between."""
    s = ((x - low) / (high - low)).clamp(0, 1)
    return s * s * (3 - 2 * s)


class LipSeal(nn.Module):
    """Raw decoder output ``[B, T, 33]`` → curves ``[B, T, 32]`` in [0, 1] whose lips meet where they must.

    Args:
        low: closure probability at which the lips begin to be drawn together.
        high: closure probability from which they are shut.
    """

    def __init__(self, low: float = 0.25, high: float = 0.5) -> None:
        super().__init__()
        self.register_buffer("limits", torch.tensor([low, high]))
        self.limits: Tensor
        self.register_buffer("mm_per_unit", torch.from_numpy(LIP_GAP_MM_PER_UNIT), persistent=False)
        self.mm_per_unit: Tensor

    def gap_mm(self, curves: Tensor) -> Tensor:
        """Lip gap in millimetres of ``[…, 32]`` curves (negative: pressed together)."""
        gap: Tensor = curves @ self.mm_per_unit + LIP_GAP_NEUTRAL_MM
        return gap

    def forward(self, raw: Tensor) -> Tensor:
        curves, closure = raw[..., :-1].clamp(0, 1), raw[..., -1].sigmoid()
        pull = smooth_step(closure, *self.limits) * self.gap_mm(curves).clamp_min(0) / MOUTH_CLOSE_MM
        shut = (curves[..., _CLOSE] + pull).clamp_max(1)
        return torch.cat([curves[..., :_CLOSE], shut[..., None], curves[..., _CLOSE + 1 :]], dim=-1)
