"""Curves without the last of their trembling: each frame keeps a little of the one before.

A regressor's errors differ from frame to frame, and second differences, what viewers see as jitter, grow
most with what alternates. Nothing is waited for; motion comes later by that share of a frame. The lip seal
comes after it, so closures are as prompt and as complete as without.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pmmlink.errors import CheckpointError
from pmmlink.stream.stage import Stage


@dataclass(slots=True)
class SmoothingState:
    """State of the smoothing.

    Attributes:
        last: ``[B, 1, C]`` the newest frame as it came in; None before the first.
    """

    last: Tensor | None


class FrameSmoothing(Stage[SmoothingState]):
    """``[B, T, C]`` → ``[B, T, C]``: ``(1 - share) x[t] + share x[t - 1]``; the first frame as it is.

    Args:
        share: of the frame before, 0 to 0.5.

    Raises:
        CheckpointError: another share.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        if not 0 <= share <= 0.5:
            raise CheckpointError(f"smoothing: {share}; the share of the frame before is 0 to 0.5")
        self.share = share

    def init_state(self, batch: int) -> SmoothingState:  # noqa: ARG002 - the law's signature
        return SmoothingState(None)

    def step(self, x: Tensor, state: SmoothingState) -> Tensor:
        if not x.shape[1]:
            return x
        first = x[:, :1] if state.last is None else state.last
        state.last = x[:, -1:]
        return torch.lerp(x, torch.cat([first, x[:, :-1]], dim=1), self.share)

    def flush(self, state: SmoothingState) -> Tensor:
        return torch.zeros(1, 0, 0) if state.last is None else state.last[:, :0]

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x, self.init_state(x.shape[0]))
