"""Streaming transformer layer with pre-normalisation (wav2vec 2.0's "stable layer norm" variant)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.stream.attention import AttentionState, CachedAttention
from pmmlink.stream.stage import Stage


@dataclass(slots=True)
class TransformerState:
    """State of one layer.

    Attributes:
        attention: cached keys and values.
        skip: ``[B, n, C]`` residual steps of a chunk that is not complete yet.
    """

    attention: AttentionState
    skip: Tensor


class TransformerLayer(Stage[TransformerState]):
    """``x + attention(norm(x))``, then ``x + feed_forward(norm(x))``: ``[B, T, C]`` → ``[B, T, C]``.

    Args:
        dim: channels.
        heads: attention heads.
        hidden: channels of the feed-forward layer (GELU).
        left_context: steps seen before the chunk; None: all, for whole clips only.
        chunk: steps that see each other; latency is ``chunk - 1``. None: all, for whole clips only.
        alibi: bias attention towards the near past (ALiBi).
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        hidden: int,
        *,
        left_context: int | None,
        chunk: int | None = 1,
        alibi: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = CachedAttention(dim, heads, left_context=left_context, chunk=chunk, alibi=alibi)
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, hidden)
        self.project = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)
        self.latency = self.attention.latency

    def init_state(self, batch: int) -> TransformerState:
        weight = self.norm.weight
        return TransformerState(self.attention.init_state(batch), weight.new_zeros(batch, 0, weight.shape[0]))

    def step(self, x: Tensor, state: TransformerState) -> Tensor:
        if not x.shape[1]:
            return x
        return self._finish(x, self.attention.step(self.attention_norm(x), state.attention), state)

    def flush(self, state: TransformerState) -> Tensor:
        return self._finish(state.skip[:, :0], self.attention.flush(state.attention), state)

    def forward(self, x: Tensor) -> Tensor:
        return self.finish(x, self.attention(self.attention_norm(x)))

    def inputs_for(self, outputs: int) -> int:
        return self.attention.inputs_for(outputs)

    def _finish(self, x: Tensor, mixed: Tensor, state: TransformerState) -> Tensor:
        waiting = torch.cat([state.skip, x], dim=1) if self.latency else x
        ready = mixed.shape[1]
        state.skip = waiting[:, ready:]
        return self.finish(waiting[:, :ready], mixed)

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        """The layer after its attention: ``mixed`` is what attention made of the normalised ``x``."""
        x = x + self.dropout(mixed)
        out: Tensor = x + self.dropout(self.project(F.gelu(self.expand(self.norm(x)))))
        return out
