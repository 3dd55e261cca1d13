"""Streaming Conformer block (Gulati et al. 2020, "Conformer: Convolution-augmented Transformer").

Two half-step feed-forward layers around self-attention and a convolution module. Attention sees a
bounded past only; the depthwise kernel is cut to a declared look-ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.stream.attention import AttentionState, CachedAttention
from pmmlink.stream.conv import ConvState, StreamConv1d
from pmmlink.stream.stage import Stage


class FeedForward(nn.Module):
    """Layer norm, expansion, SiLU, projection: ``[…, C]`` → ``[…, C]``."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, hidden)
        self.project = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.project(F.silu(self.expand(self.norm(x))))
        return out


@dataclass(slots=True)
class ConformerState:
    """State of one block.

    Attributes:
        attention: cached keys and values.
        conv: tail of the depthwise convolution.
        skip: ``[B, n, C]`` residual steps that wait for the convolution's look-ahead.
    """

    attention: AttentionState
    conv: ConvState
    skip: Tensor


class ConformerBlock(Stage[ConformerState]):
    """``[B, T, C]`` → ``[B, T, C]``; latency is the look-ahead of the depthwise kernel.

    Args:
        dim: channels.
        heads: attention heads.
        hidden: channels of the feed-forward layers.
        kernel: depthwise taps at and before the current step.
        right: depthwise taps after it.
        left_context: steps that attention sees back.
    """

    def __init__(
        self, dim: int, heads: int, hidden: int, *, kernel: int, right: int, left_context: int
    ) -> None:
        super().__init__()
        self.first = FeedForward(dim, hidden)
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = CachedAttention(dim, heads, left_context=left_context)
        self.conv_norm = nn.LayerNorm(dim)
        self.gate = nn.Linear(dim, 2 * dim)
        self.depthwise = StreamConv1d(dim, dim, kernel + right, groups=dim, right=right)
        self.mix = nn.Linear(dim, dim)
        self.second = FeedForward(dim, hidden)
        self.norm = nn.LayerNorm(dim)
        self.latency = right

    def init_state(self, batch: int) -> ConformerState:
        dim = self.norm.weight.shape[0]
        return ConformerState(
            self.attention.init_state(batch),
            self.depthwise.init_state(batch),
            self.norm.weight.new_zeros(batch, 0, dim),
        )

    def step(self, x: Tensor, state: ConformerState) -> Tensor:
        if not x.shape[1]:
            return x
        x = torch.add(x, self.first(x), alpha=0.5)
        x = x + self.attention.step(self.attention_norm(x), state.attention)
        gated = F.glu(self.gate(self.conv_norm(x)), dim=-1)
        return self._finish(x, self.depthwise.step(gated, state.conv), state)

    def flush(self, state: ConformerState) -> Tensor:
        return self._finish(state.skip[:, :0], self.depthwise.flush(state.conv), state)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.add(x, self.first(x), alpha=0.5)
        x = x + self.attention(self.attention_norm(x))
        return self.finish(x, self.depthwise(F.glu(self.gate(self.conv_norm(x)), dim=-1)))

    def _finish(self, x: Tensor, mixed: Tensor, state: ConformerState) -> Tensor:
        waiting = torch.cat([state.skip, x], dim=1) if self.latency else x
        ready = mixed.shape[1]
        state.skip = waiting[:, ready:]
        return self.finish(waiting[:, :ready], mixed)

    def finish(self, x: Tensor, mixed: Tensor) -> Tensor:
        """The block after its convolution: ``mixed`` is what that made of the gated ``x``."""
        x = x + self.mix(F.silu(mixed))
        out: Tensor = self.norm(torch.add(x, self.second(x), alpha=0.5))
        return out
