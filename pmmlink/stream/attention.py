"""Multi-head self-attention with bounded, cached context.

A query sees its own chunk and ``left_context`` steps before the chunk. With ``chunk = 1`` that is plain
causal attention; larger chunks look ahead to the end of the chunk, and because every layer shares the
same chunk borders, the look-ahead of stacked layers does not add up. ALiBi (Press et al. 2022) adds
a penalty linear in the distance to every score.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.errors import CheckpointError
from pmmlink.stream.stage import WHOLE_CLIP, Stage

_FEW = 8
"""Up to so many steps at once, as in a live stream, the bias is kept."""


@dataclass(slots=True)
class AttentionState:
    """Cached context of one attention layer.

    Attributes:
        context: ``[B, n, 2 C]`` keys and values of the last n ≤ left_context steps before the current chunk.
        pending: ``[B, m, C]`` inputs of the chunk that is not complete yet, m < chunk.
    """

    context: Tensor
    pending: Tensor


def alibi_slopes(heads: int) -> Tensor:
    """Slopes 2^(-8 h / H), h = 1 … H, of "Train short, test long" (Press et al. 2022), ``[H]``."""
    return torch.tensor([2.0 ** (-8.0 * (h + 1) / heads) for h in range(heads)])


class CachedAttention(Stage[AttentionState]):
    """Self-attention ``[B, T, C]`` → ``[B, T, C]`` with a bounded window.

    Args:
        dim: channels C, divisible by ``heads``.
        heads: number of heads.
        left_context: steps seen before the query's chunk; None: all of them, for whole clips only.
        chunk: steps that see each other; latency is ``chunk - 1``. None: all see all, for whole clips only.
        alibi: add ALiBi's distance penalty.
    """

    def __init__(
        self, dim: int, heads: int, *, left_context: int | None, chunk: int | None = 1, alibi: bool = False
    ) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"{dim} channels cannot be split into {heads} heads")
        self.heads = heads
        self.left_context = left_context
        self.chunk = chunk
        self.latency = WHOLE_CLIP if chunk is None else chunk - 1
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        slopes = alibi_slopes(heads) if alibi else torch.zeros(0)
        self.register_buffer("slopes", slopes, persistent=False)
        self.slopes: Tensor

    def init_state(self, batch: int) -> AttentionState:
        if self.chunk is None or self.left_context is None:
            raise CheckpointError(
                "attention of unlimited context needs the whole clip and cannot stream; "
                "set chunk and left_context to numbers of tokens"
            )
        return self._empty(batch)

    def _empty(self, batch: int) -> AttentionState:
        weight = self.out.weight
        dim = weight.shape[0]
        return AttentionState(weight.new_zeros(batch, 0, 2 * dim), weight.new_zeros(batch, 0, dim))

    def step(self, x: Tensor, state: AttentionState) -> Tensor:
        if self.chunk is not None and self.chunk > 1:
            x = torch.cat([state.pending, x], dim=1)
            ready = x.shape[1] // self.chunk * self.chunk
            state.pending = x[:, ready:]
            x = x[:, :ready]
        return self._attend(x, state) if x.shape[1] else x

    def flush(self, state: AttentionState) -> Tensor:
        return self._attend(state.pending, state) if state.pending.shape[1] else state.pending

    def forward(self, x: Tensor) -> Tensor:
        return self._attend(x, self._empty(x.shape[0]))

    def inputs_for(self, outputs: int) -> int:
        return WHOLE_CLIP if self.chunk is None else -(-outputs // self.chunk) * self.chunk

    def _attend(self, x: Tensor, state: AttentionState) -> Tensor:
        batch, steps, dim = x.shape
        queries, fresh = self.qkv(x).split((dim, 2 * dim), dim=-1)
        cached = state.context.shape[1]
        context = torch.cat([state.context, fresh], dim=1)
        state.context = context[:, max(0, cached + steps - (self.left_context or 0)) :]
        q = queries.view(batch, steps, self.heads, -1).transpose(1, 2)
        k, v = context.view(batch, cached + steps, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = self.mix(q, k, v, self.bias_for(steps, cached, x))
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, steps, dim))
        return out

    def mix(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        """Values ``[B, H, K, D]`` weighed by how queries ``[B, H, Q, D]`` meet keys, and by ``bias``."""
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)

    def bias_for(self, steps: int, cached: int, like: Tensor) -> Tensor | None:
        """Additive scores ``[1, 1 or H, steps, cached + steps]``: 0 or ALiBi where seen, -inf where not.

        The cache ends at a chunk border, so positions counted from there have the same chunks as the
        absolute ones.
        """
        if self.slopes.numel() == 0 and (steps == 1 or self.chunk is None):
            return None  # the cache holds exactly the window, or nothing is hidden
        make = _kept_bias if steps <= _FEW and cached == self.left_context else _make_bias
        heads = self.heads if self.slopes.numel() else 0
        chunk = steps if self.chunk is None else self.chunk
        left = steps if self.left_context is None else self.left_context
        return make(steps, cached, chunk, left, heads, like.device, like.dtype)


def _make_bias(
    steps: int, cached: int, chunk: int, left: int, heads: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """What :meth:`CachedAttention.bias_for` returns; ``heads`` is 0 without ALiBi."""
    query = torch.arange(steps, device=device)[:, None]
    key = torch.arange(-cached, steps, device=device)[None, :]
    start = torch.div(query, chunk, rounding_mode="floor") * chunk
    seen = (key < start + chunk) & (key >= start - left)
    if heads:
        bias = -alibi_slopes(heads).to(device, dtype)[:, None, None] * (query - key).abs()
    else:
        bias = torch.zeros(1, 1, 1, device=device, dtype=dtype)
    # Four dimensions: with three, torch's fused attention steps aside.
    return bias.masked_fill(~seen, float("-inf"))[None]


@lru_cache(maxsize=64)
def _kept_bias(
    steps: int, cached: int, chunk: int, left: int, heads: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """A live stream asks for the same few again and again, in every layer."""
    with torch.inference_mode(False):  # kept ones must serve training too
        return _make_bias(steps, cached, chunk, left, heads, device, dtype)
