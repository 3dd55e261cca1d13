"""ψ_PD: fused features and personal style → facial curves (paper, section IV-C)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from pmmlink.model.config import DecoderConfig
from pmmlink.model.transformer import TransformerLayer, TransformerState
from pmmlink.stream.stage import Stage


def periodic_positions(period: int, dim: int) -> Tensor:
    """Periodic positional encoding (FaceFormer, Fan et al. 2022), sinusoids of ``t mod period``."""
    at = torch.arange(period, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-math.log(10000.0) / dim))
    table = torch.zeros(period, dim)
    table[:, 0::2] = torch.sin(at * rate)
    table[:, 1::2] = torch.cos(at * rate[: dim // 2])
    return table


@dataclass(slots=True)
class DecoderState:
    """State of the decoder.

    Attributes:
        layers: states of the attention layers.
        phase: frame index modulo the period.
    """

    layers: list[Any]
    phase: int


class PMMTalkDecoder(Stage[DecoderState]):
    """Masked transformer over fused features and style: ``[B, T, F + P]`` → ``[B, T, outputs + 1]``.

    The input is the concatenation of the projected modalities and the style vector; it is fused by a
    linear layer, given the periodic positional encoding, and passed through ALiBi-biased causal
    self-attention. The style also scales and shifts each curve at the end, because the labels of
    different sources have different scales. The last output is the logit of lip closure.

    Args:
        in_dim: channels F of the fused modalities.
        style_dim: size P of the style vector.
        config: sizes.
    """

    def __init__(self, in_dim: int, style_dim: int, config: DecoderConfig, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.outputs = config.outputs
        self.style_dim = style_dim
        self.period = config.period
        self.fuse = nn.Linear(in_dim + style_dim, config.dim)
        self.register_buffer("positions", periodic_positions(config.period, config.dim), persistent=False)
        self.positions: Tensor
        self.layers = nn.ModuleList(
            TransformerLayer(
                config.dim,
                config.heads,
                config.feed_forward,
                left_context=config.left_context,
                alibi=True,
                dropout=dropout,
            )
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.dim)
        self.curves = nn.Linear(config.dim, config.outputs)
        self.closure = nn.Linear(config.dim, 1)
        self.style_scale = nn.Linear(style_dim, 2 * config.outputs)
        nn.init.zeros_(self.style_scale.weight)
        nn.init.zeros_(self.style_scale.bias)
        nn.init.normal_(self.curves.weight, std=0.01)
        nn.init.normal_(self.closure.weight, std=0.01)

    def init_state(self, batch: int) -> DecoderState:
        return DecoderState([layer.init_state(batch) for layer in self._each()], 0)

    def step(self, x: Tensor, state: DecoderState) -> Tensor:
        if not x.shape[1]:
            return x.new_zeros(x.shape[0], 0, self.outputs + 1)
        h = self._embed(x, state.phase)
        state.phase = (state.phase + x.shape[1]) % self.period
        for layer, its_state in zip(self._each(), state.layers, strict=True):
            h = layer.step(h, its_state)
        return self._read(h, x)

    def flush(self, state: DecoderState) -> Tensor:  # noqa: ARG002 - nothing is awaited
        return self.fuse.weight.new_zeros(1, 0, self.outputs + 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self._embed(x, 0)
        for layer in self._each():
            h = layer(h)
        return self._read(h, x)

    def _each(self) -> list[Stage[TransformerState]]:
        return cast("list[Stage[TransformerState]]", list(self.layers))

    def _embed(self, x: Tensor, phase: int) -> Tensor:
        steps = x.shape[1]
        if phase + steps <= self.period:
            positions = self.positions[phase : phase + steps]
        else:
            positions = self.positions[(torch.arange(steps, device=x.device) + phase) % self.period]
        out: Tensor = self.fuse(x) + positions
        return out

    def _read(self, h: Tensor, x: Tensor) -> Tensor:
        h = self.norm(h)
        scale, shift = self.style_scale(x[..., -self.style_dim :]).chunk(2, dim=-1)
        curves = self.curves(h) * (1 + scale) + shift
        return torch.cat([curves, self.closure(h)], dim=-1)
