"""Lips that stay apart where nothing closes them: the counterpart of :mod:`.lip_seal`.

A regressor's errors also close lips on sounds that are merely narrow. Where ψ_TD hears speech and no P, B
or M in it, the gap is kept at a least width: mouthClose gives way first, then the jaw opens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pmmlink.curves import MODEL_32
from pmmlink.lips import LIP_GAP_MM_PER_UNIT, LIP_GAP_NEUTRAL_MM, MOUTH_CLOSE_MM
from pmmlink.model.lip_seal import smooth_step

_CLOSE, _JAW = MODEL_32.index("mouthClose"), MODEL_32.index("jawOpen")
_JAW_MM = float(LIP_GAP_MM_PER_UNIT[_JAW])
_HEARD = (0.1, 0.3)
"""Probability of P, B or M at which the lips are no longer held apart, and from which they are free."""
_SILENT = (0.5, 0.9)
"""The same of silence."""


class LipParting(nn.Module):
    """Raw curves and what ψ_TD hears → curves in [0, 1] whose lips are at least so far apart in open sounds.

    Args:
        least_mm: gap in millimetres below which no sound but P, B and M may fall.
    """

    def __init__(self, least_mm: float) -> None:
        super().__init__()
        self.least_mm = least_mm
        self.register_buffer("mm_per_unit", torch.from_numpy(LIP_GAP_MM_PER_UNIT), persistent=False)
        self.mm_per_unit: Tensor
        self.register_buffer("low", torch.tensor([_HEARD[0], _SILENT[0]]), persistent=False)
        self.register_buffer("high", torch.tensor([_HEARD[1], _SILENT[1]]), persistent=False)
        self.low: Tensor
        self.high: Tensor

    def forward(self, curves: Tensor, evidence: Tensor) -> Tensor:
        """``[B, T, 32]`` and ``[B, T, 2]`` of :class:`.ClosureEvidence` → ``[B, T, 32]``."""
        curves = curves.clamp(0, 1)
        held = (1 - smooth_step(evidence.sigmoid(), self.low, self.high)).prod(-1)
        lacking = (self.least_mm - LIP_GAP_NEUTRAL_MM - curves @ self.mm_per_unit).clamp_min(0) * held
        given = torch.minimum(lacking, curves[..., _CLOSE] * MOUTH_CLOSE_MM)
        parted = curves.clone()
        # Rounding can pass 0.
        parted[..., _CLOSE] = (curves[..., _CLOSE] - given / MOUTH_CLOSE_MM).clamp_min(0)
        parted[..., _JAW] = (curves[..., _JAW] + (lacking - given) / _JAW_MM).clamp_max(1)
        return parted
