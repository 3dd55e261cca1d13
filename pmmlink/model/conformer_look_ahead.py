"""Conformer blocks that all see the same few tokens ahead, without the look-ahead adding up over them.

A depthwise kernel that sees one token ahead in each of four blocks lets the first block see one and the last
block four; attention sees none at all. A network that was trained on whole utterances had all of it at every
block. Here, as in :mod:`.look_ahead`, each chunk of tokens carries its own copy of
the tokens ahead of it through all blocks (Emformer, Shi et al. 2021): attention and convolution of chunk and
copy see both, and the past as its own chunks left it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.model.conformer import ConformerBlock
from pmmlink.stream.ahead import AheadState, ChunksAhead
from pmmlink.stream.stage import join_time

_MOST = 64
"""Chunks that are computed at once: attention weighs each against the tokens of all."""


@dataclass(slots=True)
class ConformerLookAheadState(AheadState):
    """State of the stack.

    Attributes:
        context: per block ``[B, n, 2 C]``, keys and values of the last n ≤ left_context tokens before the
            next chunk.
        gated: per block ``[B, kernel - 1, C]``, what its convolution saw of the last tokens.
    """

    context: list[Tensor]
    gated: list[Tensor]


class ConformerLookAhead(ChunksAhead[ConformerLookAheadState]):
    """Conformer blocks ``[B, T, C]`` → ``[B, T, C]``; latency is ``chunk - 1 + ahead`` tokens.

    A token sees ``left_context`` tokens before its chunk, its chunk, and ``ahead`` tokens after it.

    Args:
        dim: channels.
        heads: attention heads.
        hidden: channels of the feed-forward layers.
        layers: how many blocks.
        kernel: depthwise taps at and before the current token.
        left_context: tokens that attention sees before the chunk.
        chunk: tokens that are computed together.
        ahead: tokens seen after the chunk.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        hidden: int,
        *,
        layers: int,
        kernel: int,
        left_context: int,
        chunk: int,
        ahead: int,
    ) -> None:
        super().__init__(chunk, ahead)
        self.layers = nn.ModuleList(
            ConformerBlock(dim, heads, hidden, kernel=kernel, right=self.latency, left_context=left_context)
            for _ in range(layers)
        )
        self.dim, self.kernel, self.left_context = dim, kernel, left_context
        # Tap of the kernel between each input that a chunk's convolution sees and each of its outputs.
        window = chunk + ahead
        tap = torch.arange(kernel - 1 + window)[:, None] - torch.arange(window)
        self.register_buffer("tap", tap.clamp(0, kernel - 1 + self.latency), persistent=False)
        self.register_buffer("has_tap", (tap >= 0) & (tap < kernel + self.latency), persistent=False)
        self.tap: Tensor
        self.has_tap: Tensor

    def init_state(self, batch: int) -> ConformerLookAheadState:
        blank = self.blocks()[0].norm.weight.new_zeros
        count = len(self.layers)
        return ConformerLookAheadState(
            blank(batch, 0, self.dim),
            [blank(batch, 0, 2 * self.dim)] * count,
            [blank(batch, self.kernel - 1, self.dim)] * count,
        )

    def blocks(self) -> list[ConformerBlock]:
        """The blocks, first to last."""
        return cast("list[ConformerBlock]", list(self.layers))

    def _run(self, count: int, state: ConformerLookAheadState) -> Tensor:
        parts = []
        while count:
            now = min(count, _MOST * self.chunk)
            parts.append(self._chunks(now, state))
            count -= now
        return join_time(parts)

    def _chunks(self, count: int, state: ConformerLookAheadState) -> Tensor:
        tokens = state.pending
        batch, known, _ = tokens.shape
        chunks = -(-count // self.chunk)
        needed = chunks * self.chunk + self.ahead
        tokens = F.pad(tokens, (0, 0, 0, max(0, needed - known)))
        state.pending = state.pending[:, count:]
        # Positions in each chunk and in its copy of what lies ahead, counted from the first pending token.
        window = torch.arange(self.chunk + self.ahead, device=tokens.device)
        at = torch.arange(chunks, device=tokens.device)[:, None] * self.chunk + window
        cached = state.context[0].shape[1]
        whole = needed <= known
        bias = None if chunks == 1 and whole else self._bias(at, cached, known, tokens.dtype)
        there = None if whole else (at < known)[..., None]
        h = tokens[:, at]  # [B, chunks, chunk + ahead, C]
        for i, block in enumerate(self.blocks()):
            h = torch.add(h, block.first(h), alpha=0.5)
            queries, fresh = block.attention.qkv(block.attention_norm(h)).split((self.dim, 2 * self.dim), -1)
            line = torch.cat([state.context[i], self._own(fresh)], dim=1)
            end = cached + count
            state.context[i] = line[:, max(0, end - self.left_context) : end]
            line = torch.cat([line, fresh[:, :, self.chunk :].flatten(1, 2)], dim=1)
            heads = block.attention.heads
            q = queries.reshape(batch, chunks * len(window), heads, -1).transpose(1, 2)
            k, v = line.view(batch, line.shape[1], 2, heads, -1).permute(2, 0, 3, 1, 4)
            mixed = block.attention.mix(q, k, v, bias)
            h = h + block.attention.out(mixed.transpose(1, 2).reshape(h.shape))
            gated = F.glu(block.gate(block.conv_norm(h)), dim=-1)
            if there is not None:
                gated = gated * there  # the stream's end is followed by zeros
            h = block.finish(h, self._convolved(block, gated, i, count, state))
        return self._own(h)[:, :count]

    def _own(self, x: Tensor) -> Tensor:
        """``[B, chunks, chunk + ahead, C]`` → ``[B, chunks * chunk, C]``: without the copies."""
        return x[:, :, : self.chunk].flatten(1, 2)

    def _bias(self, at: Tensor, cached: int, known: int, dtype: torch.dtype) -> Tensor:
        """0 where a token may look, -inf elsewhere: ``[1, 1, queries, cached + tokens + copies]``."""
        chunks = len(at)
        first = at[:, :1, None]
        own = torch.arange(-cached, chunks * self.chunk, device=at.device)
        line = (own >= first - self.left_context) & (own < first + self.chunk) & (own < known)
        owner = torch.arange(chunks, device=at.device)
        copies = (owner[:, None, None] == owner[:, None]) & (at[:, self.chunk :] < known)
        both = torch.cat([line, copies.flatten(1)[:, None]], dim=2)
        seen = both.expand(-1, at.shape[1], -1).flatten(0, 1)
        bias = torch.zeros(seen.shape, dtype=dtype, device=at.device)
        return bias.masked_fill(~seen, -torch.inf)[None, None]

    def _convolved(
        self, block: ConformerBlock, gated: Tensor, i: int, count: int, state: ConformerLookAheadState
    ) -> Tensor:
        """The depthwise convolution of block ``i``; past the last token ahead it sees zeros."""
        batch, chunks, window, dim = gated.shape
        line = torch.cat([state.gated[i], self._own(gated)], dim=1)
        state.gated[i] = line[:, count : count + self.kernel - 1]
        before = line.unfold(1, self.kernel - 1, self.chunk)[:, :chunks]
        near = torch.cat([before, gated.transpose(2, 3)], dim=-1).permute(2, 0, 1, 3)  # [C, B, chunks, taps]
        # Few outputs from many short windows: products with the kernel, shifted by one tap for each output.
        conv = block.depthwise.conv
        shifted = conv.weight[:, 0][:, self.tap] * self.has_tap
        out = torch.bmm(near.reshape(dim, batch * chunks, -1), shifted)
        return out.view(dim, batch, chunks, window).permute(1, 2, 3, 0) + cast(Tensor, conv.bias)
