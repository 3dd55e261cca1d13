"""Chunk attention that also sees some chunks ahead, without the look-ahead adding up over the layers.

A token that sees one chunk ahead in every layer sees as many chunks ahead as there are layers. Here, as in
Emformer (Shi et al. 2021), each chunk carries its own copy of the tokens ahead of it through all layers: the
copy sees the same window as the chunk and nothing later, and is dropped at the end. The look-ahead of the
whole stack is that of one layer; the price is that tokens are computed once for each chunk that sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.model.transformer import TransformerLayer
from pmmlink.stream.ahead import AheadState, ChunksAhead


@dataclass(slots=True)
class LookAheadState(AheadState):
    """State of the stack.

    Attributes:
        keys: per layer ``[B, n, C]``, keys of the last n ≤ left_context tokens before the next chunk.
        values: the same for the values.
    """

    keys: list[Tensor]
    values: list[Tensor]


class LookAheadStack(ChunksAhead[LookAheadState]):
    """Transformer layers ``[B, T, C]`` → ``[B, T, C]``; latency is ``(1 + ahead) * chunk - 1`` tokens.

    A token sees ``left_context`` tokens before its chunk, its chunk, and ``ahead`` chunks after it.

    Args:
        dim: channels.
        heads: attention heads.
        hidden: channels of the feed-forward layers.
        layers: how many layers.
        left_context: tokens seen before the chunk.
        chunk: tokens that are computed together.
        ahead: whole chunks seen after the chunk.
    """

    def __init__(
        self, dim: int, heads: int, hidden: int, *, layers: int, left_context: int, chunk: int, ahead: int
    ) -> None:
        super().__init__(chunk, ahead * chunk)
        self.layers = nn.ModuleList(
            TransformerLayer(dim, heads, hidden, left_context=left_context, chunk=chunk)
            for _ in range(layers)
        )
        self.dim, self.left_context = dim, left_context

    def init_state(self, batch: int) -> LookAheadState:
        empty = self._each()[0].norm.weight.new_zeros(batch, 0, self.dim)
        count = len(self.layers)
        return LookAheadState(empty, [empty] * count, [empty] * count)

    def _each(self) -> list[TransformerLayer]:
        return [layer for layer in self.layers if isinstance(layer, TransformerLayer)]

    def _run(self, count: int, state: LookAheadState) -> Tensor:
        tokens = state.pending
        batch, known, _ = tokens.shape
        chunks = -(-count // self.chunk)
        tokens = F.pad(tokens, (0, 0, 0, chunks * self.chunk + self.ahead - known))
        state.pending = state.pending[:, count:]
        # Positions of what each chunk sees, counted from the first pending token: [chunks, window].
        start = torch.arange(chunks, device=tokens.device)[:, None] * self.chunk
        inside = start + torch.arange(self.chunk, device=tokens.device)
        ahead = start + self.chunk + torch.arange(self.ahead, device=tokens.device)
        before = start + torch.arange(-self.left_context, 0, device=tokens.device)
        # Each chunk and its copy of what lies ahead: [B, chunks, chunk + right, C].
        h = tokens[:, torch.cat([inside, ahead], dim=1)]
        for i, layer in enumerate(self._each()):
            cached = state.keys[i].shape[1]
            seen = torch.cat([before >= -cached, inside < known, ahead < known], dim=1)
            q, k, v = layer.attention.qkv(layer.attention_norm(h)).chunk(3, dim=-1)
            earlier = (torch.cat([before, inside], dim=1) + cached).clamp_min(0)
            keys, state.keys[i] = self._windows(state.keys[i], k, earlier, count)
            values, state.values[i] = self._windows(state.values[i], v, earlier, count)
            query, key, value = (self._split(part, layer) for part in (q, keys, values))
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None, None])
            h = layer.finish(h, layer.attention.out(mixed.transpose(2, 3).flatten(3)))
        return h[:, :, : self.chunk].reshape(batch, -1, self.dim)[:, :count]

    def _windows(self, kept: Tensor, fresh: Tensor, earlier: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """What each chunk sees ``[B, chunks, left + chunk + right, C]``, and what later chunks will need."""
        inside = fresh[:, :, : self.chunk].reshape(fresh.shape[0], -1, self.dim)
        line = torch.cat([kept, inside], dim=1)
        windows = torch.cat([line[:, earlier], fresh[:, :, self.chunk :]], dim=2)
        end = kept.shape[1] + count
        return windows, line[:, max(0, end - self.left_context) : end]

    @staticmethod
    def _split(x: Tensor, layer: TransformerLayer) -> Tensor:
        """``[B, chunks, n, C]`` → ``[B, chunks, H, n, C / H]``."""
        return x.view(*x.shape[:3], layer.attention.heads, -1).transpose(2, 3)
