"""Pre-emphasis: lifts the treble before a spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pmmlink.stream.stage import Stage


@dataclass(slots=True)
class EmphasisState:
    """``[B, 1, 1]``: the newest sample."""

    last: Tensor


class PreEmphasis(Stage[EmphasisState]):
    """``y[n] = x[n] - factor * x[n - 1]`` over ``[B, N, 1]`` samples; before the stream lies silence."""

    def __init__(self, factor: float = 0.97) -> None:
        super().__init__()
        self.factor = factor
        self.register_buffer("_anchor", torch.zeros(1), persistent=False)
        self._anchor: Tensor

    def init_state(self, batch: int) -> EmphasisState:
        return EmphasisState(self._anchor.new_zeros(batch, 1, 1))

    def step(self, x: Tensor, state: EmphasisState) -> Tensor:
        if not x.shape[1]:
            return x
        before = torch.cat([state.last, x[:, :-1]], dim=1)
        state.last = x[:, -1:]
        return x - self.factor * before

    def flush(self, state: EmphasisState) -> Tensor:
        return state.last[:, :0]

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x, self.init_state(x.shape[0]))
