"""Conformer and transformer blocks laid out for running one stream: the same function from half the calls.

A frame's few rows cost less in arithmetic than in calls. What can be merged into the matrices is (layer
norms' scales, half-steps, residual biases), and stacks of equal shape that hear the same input, ψ_AD and
ψ_TD, run side by side as the rows of one batch, each with its own weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.model.conformer import ConformerBlock, ConformerState, FeedForward
from pmmlink.model.conformer_look_ahead import ConformerLookAhead
from pmmlink.model.text import TextDecoder
from pmmlink.model.transformer import TransformerLayer, TransformerState
from pmmlink.stream.ahead import AheadState, ChunksAhead
from pmmlink.stream.attention import AttentionState, CachedAttention
from pmmlink.stream.conv import ConvState
from pmmlink.stream.stage import Chain, Stage

Affine = tuple[Tensor, Tensor]
"""Weights ``[n, in, out]`` and biases ``[n, 1, out]``."""


_ROOM = 128
"""Steps that a memory takes before what it still needs moves to its front."""


@dataclass(slots=True)
class Memory(AttentionState):
    """``context`` with room behind its ``used`` steps: a step adds its own there instead of copying all."""

    used: int = 0

    def add(self, fresh: Tensor, left_context: int) -> tuple[Tensor, int]:
        """Keys and values that ``fresh`` ones see, theirs the last, and how many of them are older."""
        steps = fresh.shape[1]
        if self.used + steps > self.context.shape[1]:
            kept = self.context[:, max(0, self.used - left_context) : self.used].clone()
            self.used = kept.shape[1]
            if self.used + steps > self.context.shape[1]:
                rows, _, width = fresh.shape
                self.context = fresh.new_zeros(rows, left_context + max(steps, _ROOM), width)
            self.context[:, : self.used] = kept
        first, end = max(0, self.used - left_context), self.used + steps
        self.context[:, self.used : end] = fresh
        older, self.used = self.used - first, end
        return self.context[:, first:end], older


class _Attention:
    """Cached attention behind its norm, and added to its input; n sets of weights.

    Args:
        layers: norm and attention of each.
    """

    def __init__(self, layers: Sequence[tuple[nn.LayerNorm, CachedAttention]]) -> None:
        first = layers[0][1]
        self.heads, self.left_context = first.heads, first.left_context or 0
        self.bias_for = first.bias_for
        self.qkv = _merged([(norm, attention.qkv) for norm, attention in layers])
        self.out = _stacked([attention.out for _, attention in layers])

    def init_state(self) -> Memory:
        weight = self.out[0]
        rows, dim = weight.shape[:2]
        return Memory(weight.new_zeros(rows, 0, 2 * dim), weight.new_zeros(rows, 0, dim))

    def step(self, x: Tensor, state: AttentionState) -> Tensor:
        queries, fresh = self._asked(x)
        context, cached = cast(Memory, state).add(fresh, self.left_context)
        return self._answered(x, queries, context, self.bias_for(x.shape[1], cached, x))

    def step_with_copy(self, x: Tensor, own: int, state: AttentionState) -> Tensor:
        """A chunk of ``own`` steps and its copy of what lies ahead: all see all, the chunk alone is kept."""
        queries, fresh = self._asked(x)
        context, _ = cast(Memory, state).add(fresh[:, :own], self.left_context)
        return self._answered(x, queries, torch.cat([context, fresh[:, own:]], dim=1), None)

    def _asked(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Queries, and keys with values."""
        dim = x.shape[2]
        queries, fresh = torch.split(_affine(_normed(x), self.qkv), [dim, 2 * dim], dim=-1)
        return queries, fresh

    def _answered(self, x: Tensor, queries: Tensor, context: Tensor, bias: Tensor | None) -> Tensor:
        rows, steps, dim = x.shape
        q = queries.view(rows, steps, self.heads, -1).transpose(1, 2)
        k, v = context.view(rows, context.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return _added(x, mixed.transpose(1, 2).reshape(rows, steps, dim), self.out)


class RunningBlock(Stage[ConformerState]):
    """n blocks of equal shape, row i of the batch through block i: ``[n, T, C]`` → ``[n, T, C]``.

    Args:
        blocks: trained blocks; left as they are.
    """

    def __init__(self, blocks: Sequence[ConformerBlock]) -> None:
        super().__init__()
        first = blocks[0]
        self.latency = first.latency
        self.taps = first.depthwise.span + 1
        with torch.no_grad():
            self.attention = _Attention([(b.attention_norm, b.attention) for b in blocks])
            self.first = _feed_forward([b.first for b in blocks])
            self.second = _feed_forward([b.second for b in blocks])
            self.gate = _merged([(b.conv_norm, b.gate) for b in blocks])
            self.mix = _stacked([b.mix for b in blocks])
            # [n, 1, C, taps], as the windows are; the bias as [n, 1, C].
            self.kernel = torch.stack([b.depthwise.conv.weight[:, 0] for b in blocks])[:, None]
            self.kernel_bias = torch.stack([cast(Tensor, b.depthwise.conv.bias) for b in blocks])[:, None]
            self.scale = torch.stack([b.norm.weight for b in blocks])[:, None]
            self.shift = torch.stack([b.norm.bias for b in blocks])[:, None]

    def init_state(self, batch: int) -> ConformerState:
        _need_one(batch)
        rows, _, dim = self.scale.shape
        tail = self.scale.new_zeros(rows, self.taps - 1 - self.latency, dim)
        return ConformerState(self.attention.init_state(), ConvState(tail), tail[:, :0])

    def step(self, x: Tensor, state: ConformerState) -> Tensor:
        if not x.shape[1]:
            return x
        x = self.attention.step(_half_step(x, self.first), state.attention)
        return self._finish(x, F.glu(_affine(_normed(x), self.gate), dim=-1), state)

    def flush(self, state: ConformerState) -> Tensor:
        rows, _, dim = self.scale.shape
        return self._finish(state.skip[:, :0], self.scale.new_zeros(rows, self.latency, dim), state)

    def forward(self, x: Tensor) -> Tensor:
        state = self.init_state(1)
        return torch.cat([self.step(x, state), self.flush(state)], dim=1)

    def step_with_copy(self, x: Tensor, own: int, state: ConformerState) -> Tensor:
        """A chunk of ``own`` steps and its copy of what lies ahead: all come out, the chunk is kept."""
        x = self.attention.step_with_copy(_half_step(x, self.first), own, state.attention)
        gated = F.glu(_affine(_normed(x), self.gate), dim=-1)
        heard = torch.cat([state.conv.tail, gated], dim=1)
        state.conv.tail = heard[:, own : own + state.conv.tail.shape[1]]
        return self._tail(x, F.pad(heard, (0, 0, 0, self.latency)))

    def _finish(self, x: Tensor, gated: Tensor, state: ConformerState) -> Tensor:
        heard = torch.cat([state.conv.tail, gated], dim=1)
        ready = max(0, heard.shape[1] - self.taps + 1)
        state.conv.tail = heard[:, ready:]
        waiting = torch.cat([state.skip, x], dim=1) if self.latency else x
        state.skip = waiting[:, ready:]
        x = waiting[:, :ready]
        return self._tail(x, heard) if ready else x

    def _tail(self, x: Tensor, heard: Tensor) -> Tensor:
        """The convolution of ``heard`` and what comes after it, for as many steps as ``x`` has."""
        windows = heard.unfold(1, self.taps, 1)  # [n, T, C, taps]
        mixed = F.silu((windows * self.kernel).sum(-1).add_(self.kernel_bias), inplace=True)
        x = _half_step(_added(x, mixed, self.mix), self.second)
        return torch.addcmul(self.shift, _normed(x), self.scale)


@dataclass(slots=True)
class RunningLookAheadState(AheadState):
    """State of the stack.

    Attributes:
        blocks: of each block.
    """

    blocks: list[ConformerState]


class RunningLookAhead(ChunksAhead[RunningLookAheadState]):
    """Blocks that look ahead together: ``[1, T, C]`` → ``[1, T, C]``.

    Args:
        stack: trained blocks; left as they are.
    """

    def __init__(self, stack: ConformerLookAhead) -> None:
        super().__init__(stack.chunk, stack.ahead)
        self.layers = nn.ModuleList(RunningBlock([block]) for block in stack.blocks())

    def init_state(self, batch: int) -> RunningLookAheadState:
        states = [block.init_state(batch) for block in self._each()]
        return RunningLookAheadState(states[0].skip, states)

    def _each(self) -> list[RunningBlock]:
        return cast("list[RunningBlock]", list(self.layers))

    def _run(self, count: int, state: RunningLookAheadState) -> Tensor:
        done = []
        for start in range(0, count, self.chunk):
            x = state.pending[:, start : start + self.chunk + self.ahead]
            own = min(self.chunk, count - start)
            for block, its_state in zip(self._each(), state.blocks, strict=True):
                x = block.step_with_copy(x, own, its_state)
            done.append(x[:, :own])
        state.pending = state.pending[:, count:]
        return torch.cat(done, dim=1)


class RunningLayer(Stage[TransformerState]):
    """A causal transformer layer: ``[1, T, C]`` → ``[1, T, C]``.

    Args:
        layer: a trained layer of chunks of one step; left as it is.
    """

    def __init__(self, layer: TransformerLayer) -> None:
        super().__init__()
        with torch.no_grad():
            self.attention = _Attention([(layer.attention_norm, layer.attention)])
            self.expand = _merged([(layer.norm, layer.expand)])
            self.project = _stacked([layer.project])

    def init_state(self, batch: int) -> TransformerState:
        _need_one(batch)
        attention = self.attention.init_state()
        return TransformerState(attention, attention.pending)

    def step(self, x: Tensor, state: TransformerState) -> Tensor:
        if not x.shape[1]:
            return x
        x = self.attention.step(x, state.attention)
        return _added(x, F.gelu(_affine(_normed(x), self.expand)), self.project)

    def flush(self, state: TransformerState) -> Tensor:
        return state.skip

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x, self.init_state(1))


class SideBySide(Chain):
    """ψ_AD and ψ_TD on the same latents: ``[1, T, C]`` → ``[2, T, C]``, audio first.

    Args:
        audio: ψ_AD.
        text: ψ_TD.
    """

    def __init__(self, audio: Chain, text: TextDecoder) -> None:
        body, head = cast("tuple[Chain, Stage[Any]]", tuple(text.stages))
        pairs = zip(_blocks(audio), _blocks(body), strict=True)
        super().__init__(*(RunningBlock(pair) for pair in pairs))
        self.head = head

    def step(self, x: Tensor, state: Any) -> Tensor:
        return super().step(x.expand(2, -1, -1), state)

    def parted(self, out: Tensor) -> dict[str, Tensor]:
        """Audio tokens, and logits of the text decoder, ``[1, T, …]`` each."""
        if not out.shape[1]:
            return {"audio": out[:1], "text": out[1:]}  # nothing became final, and it may lack the channels
        return {"audio": out[:1], "text": self.head(out[1:])}


def side_by_side(audio: Chain, text: TextDecoder) -> SideBySide | None:
    """Both decoders as one, if they are stacks of conformer blocks of the same shape."""
    body = text.stages[0]
    if not isinstance(body, Chain) or len(body.stages) != len(audio.stages):
        return None
    for a, b in zip(audio.stages, body.stages, strict=True):
        if not (isinstance(a, ConformerBlock) and isinstance(b, ConformerBlock)):
            return None
        if _shape(a) != _shape(b):
            return None
    return SideBySide(audio, text)


def run_blocks(stages: nn.ModuleList) -> None:
    """Replaces conformer blocks and causal transformer layers by those made for running."""
    for i, stage in enumerate(stages):
        if isinstance(stage, ConformerBlock):
            stages[i] = RunningBlock([stage])
        elif isinstance(stage, ConformerLookAhead):
            stages[i] = RunningLookAhead(stage)
        elif isinstance(stage, TransformerLayer) and stage.attention.chunk == 1:
            stages[i] = RunningLayer(stage)


def _blocks(chain: Chain) -> list[ConformerBlock]:
    return [stage for stage in chain.stages if isinstance(stage, ConformerBlock)]


def _shape(block: ConformerBlock) -> tuple[object, ...]:
    attention = block.attention
    sizes = [tuple(parameter.shape) for parameter in block.parameters()]
    return (block.latency, attention.heads, attention.left_context, *sizes)


def _normed(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


def _affine(x: Tensor, layer: Affine) -> Tensor:
    weight, bias = layer
    return torch.baddbmm(bias, x, weight)


def _added(x: Tensor, inner: Tensor, layer: Affine) -> Tensor:
    weight, bias = layer
    return torch.baddbmm(x + bias, inner, weight)


def _half_step(x: Tensor, layers: tuple[Affine, Affine]) -> Tensor:
    expand, project = layers
    return _added(x, F.silu(_affine(_normed(x), expand), inplace=True), project)


def _need_one(batch: int) -> None:
    if batch != 1:
        raise ValueError("a model made for running runs one stream")


def _stacked(linears: Sequence[nn.Linear], scale: float = 1.0) -> Affine:
    weights = torch.stack([linear.weight.t() * scale for linear in linears])
    return weights, torch.stack([linear.bias * scale for linear in linears])[:, None]


def _merged(layers: Sequence[tuple[nn.LayerNorm, nn.Linear]]) -> Affine:
    """The linear layers behind norms, with the norms' scales and shifts inside."""
    weights = [linear.weight * norm.weight for norm, linear in layers]
    biases = [torch.addmv(linear.bias, linear.weight, norm.bias) for norm, linear in layers]
    return torch.stack([weight.t() for weight in weights]), torch.stack(biases)[:, None]


def _feed_forward(layers: Sequence[FeedForward]) -> tuple[Affine, Affine]:
    return _merged([(f.norm, f.expand) for f in layers]), _stacked([f.project for f in layers], 0.5)
