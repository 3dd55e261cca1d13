"""Stages that work on whole chunks of steps, each of which also sees some steps after it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from pmmlink.stream.stage import Stage


@dataclass(slots=True)
class AheadState:
    """State of such a stage.

    Attributes:
        pending: ``[B, m, C]`` steps of the next chunk and of what it sees ahead, as far as they have come.
    """

    pending: Tensor


A = TypeVar("A", bound=AheadState)


class ChunksAhead(Stage[A]):
    """``[B, T, C]`` → ``[B, T, C]`` by chunks; latency is ``chunk - 1 + ahead`` steps.

    Args:
        chunk: steps that are computed together.
        ahead: steps that a chunk sees after itself.
    """

    def __init__(self, chunk: int, ahead: int) -> None:
        super().__init__()
        self.chunk, self.ahead = chunk, ahead
        self.latency = chunk - 1 + ahead

    def step(self, x: Tensor, state: A) -> Tensor:
        state.pending = torch.cat([state.pending, x], dim=1)
        chunks = max(0, state.pending.shape[1] - self.ahead) // self.chunk
        return self._run(chunks * self.chunk, state) if chunks else x[:, :0]

    def flush(self, state: A) -> Tensor:
        owed = state.pending.shape[1]
        return self._run(owed, state) if owed else state.pending

    def forward(self, x: Tensor) -> Tensor:
        state = self.init_state(x.shape[0])
        state.pending = x
        return self.flush(state)

    def inputs_for(self, outputs: int) -> int:
        return -(-outputs // self.chunk) * self.chunk + self.ahead

    @abstractmethod
    def _run(self, count: int, state: A) -> Tensor:
        """The first ``count`` pending steps (whole chunks, or all that is left), which are taken out."""
