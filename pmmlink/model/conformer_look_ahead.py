"""Conformer blocks that all see the same few tokens ahead, without the look-ahead adding up over them.

A depthwise kernel that sees one token ahead in each of four blocks lets the first block see one and the last
block four; attention sees none at all. A network that was trained on whole utterances hears worse so than
with all four at every block. Here, as in :mod:`.look_ahead`, each chunk of tokens carries its own copy of
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
from pmmlink.stream.stage import Stage, join_time

_MOST = 64
"""Chunks that are computed at once: attention weighs each against the tokens of all."""


@dataclass(slots=True)
class ConformerLookAheadState:
    """State of the stack.

    Attributes:
        context: per block ``[B, n, 2 C]``, keys and values of the last n ≤ left_context tokens before the
            next chunk.
        gated: per block ``[B, kernel - 1, C]``, what its convolution saw of the last tokens.
        pending: ``[B, m, C]`` tokens of the next chunk and of what it sees ahead, as far as they have come.
    """

    context: list[Tensor]
    gated: list[Tensor]
    pending: Tensor


class ConformerLookAhead(Stage[ConformerLookAheadState]):
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
        super().__init__()
        self.latency = chunk - 1 + ahead
        self.layers = nn.ModuleList(
            ConformerBlock(dim, heads, hidden, kernel=kernel, right=self.latency, left_context=left_context)
            for _ in range(layers)
        )
        self.dim, self.kernel, self.left_context = dim, kernel, left_context
        self.chunk, self.ahead = chunk, ahead

    def init_state(self, batch: int) -> ConformerLookAheadState:
        blank = self.blocks()[0].norm.weight.new_zeros
        count = len(self.layers)
        return ConformerLookAheadState(
            [blank(batch, 0, 2 * self.dim)] * count,
            [blank(batch, self.kernel - 1, self.dim)] * count,
            blank(batch, 0, self.dim),
        )

    def step(self, x: Tensor, state: ConformerLookAheadState) -> Tensor:
        state.pending = torch.cat([state.pending, x], dim=1)
        chunks = max(0, state.pending.shape[1] - self.ahead) // self.chunk
        return self._run(chunks * self.chunk, state) if chunks else x[:, :0]

    def flush(self, state: ConformerLookAheadState) -> Tensor:
        owed = state.pending.shape[1]
        return self._run(owed, state) if owed else state.pending

    def forward(self, x: Tensor) -> Tensor:
        state = self.init_state(x.shape[0])
        state.pending = x
        return self.flush(state)

    def inputs_for(self, outputs: int) -> int:
        return -(-outputs // self.chunk) * self.chunk + self.ahead

    def blocks(self) -> list[ConformerBlock]:
        """The blocks, first to last."""
        return cast("list[ConformerBlock]", list(self.layers))

    def _run(self, count: int, state: ConformerLookAheadState) -> Tensor:
        """The first ``count`` pending tokens through all blocks: whole chunks, or all that is left."""
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
        seen = None if chunks == 1 and whole else self._seen(at, cached, known)
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
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
            h = h + block.attention.out(mixed.transpose(1, 2).reshape(h.shape))
            gated = F.glu(block.gate(block.conv_norm(h)), dim=-1)
            if there is not None:
                gated = gated * there  # the stream's end is followed by zeros
            h = block.finish(h, self._convolved(block, gated, i, count, state))
        return self._own(h)[:, :count]

    def _own(self, x: Tensor) -> Tensor:
        """``[B, chunks, chunk + ahead, C]`` → ``[B, chunks * chunk, C]``: without the copies."""
        return x[:, :, : self.chunk].flatten(1, 2)

    def _seen(self, at: Tensor, cached: int, known: int) -> Tensor:
        """Which tokens each token may look at, ``[1, 1, queries, cached + tokens + copies]``."""
        chunks = len(at)
        first = at[:, :1, None]
        own = torch.arange(-cached, chunks * self.chunk, device=at.device)
        line = (own >= first - self.left_context) & (own < first + self.chunk) & (own < known)
        owner = torch.arange(chunks, device=at.device)
        copies = (owner[:, None, None] == owner[:, None]) & (at[:, self.chunk :] < known)
        both = torch.cat([line, copies.flatten(1)[:, None]], dim=2)
        return both.expand(-1, at.shape[1], -1).flatten(0, 1)[None, None]

    def _convolved(
        self, block: ConformerBlock, gated: Tensor, i: int, count: int, state: ConformerLookAheadState
    ) -> Tensor:
        """The depthwise convolution of block ``i``; past the last token ahead it sees zeros."""
        batch, chunks, window, dim = gated.shape
        line = torch.cat([state.gated[i], self._own(gated)], dim=1)
        state.gated[i] = line[:, count : count + self.kernel - 1]
        before = line.unfold(1, self.kernel - 1, self.chunk)[:, :chunks]
        near = torch.cat([before, gated.transpose(2, 3)], dim=-1).permute(2, 0, 1, 3)  # [C, B, chunks, taps]
        # Few outputs from many short windows: as products with the kernel, shifted by one for each output.
        conv = block.depthwise.conv
        shift = torch.arange(near.shape[-1], device=near.device)[:, None] - torch.arange(
            window, device=near.device
        )
        taps = conv.weight[:, 0]
        shifted = taps[:, shift.clamp(0, taps.shape[1] - 1)] * ((shift >= 0) & (shift < taps.shape[1]))
        out = torch.bmm(near.reshape(dim, batch * chunks, -1), shifted)
        return out.view(dim, batch, chunks, window).permute(1, 2, 3, 0) + cast(Tensor, conv.bias)
