"""ψ_AE and ψ_AD: samples → shared latents → contextualised audio features (paper, eq. 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.dsp.level import RunningLevel
from pmmlink.dsp.mel import MelPower
from pmmlink.model.config import AudioEncoderConfig, ContextConfig
from pmmlink.model.conformer import ConformerBlock
from pmmlink.model.transformer import TransformerLayer
from pmmlink.stream.conv import ConvState, StreamConv1d
from pmmlink.stream.stage import Chain, Pointwise, Stage

TOKEN_HZ = 50
"""Rate of the latents."""

# (kernel, stride) of wav2vec 2.0's seven convolutions: 400 samples seen every 320.
_WAVE_LAYERS = ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2))


def _mel_front(config: AudioEncoderConfig) -> list[Stage[Any]]:
    mel = MelPower(window=400, hop=160, bins=80)
    # Levels are dB of the band-summed mel power; speech at -20 dBFS peaks near +16.
    level = RunningLevel(100, target_db=16.0, floor_db=-20.0, gate_db=-38.0)
    stem = StreamConv1d(80, config.dim, 3, stride=2, right=1)
    blocks = [
        ConformerBlock(
            config.dim,
            config.heads,
            4 * config.dim,
            kernel=config.kernel,
            right=config.conv_right,
            left_context=config.left_context,
        )
        for _ in range(config.layers)
    ]
    return [mel, level, stem, Pointwise(nn.GELU()), *blocks]


def _wave_front(config: AudioEncoderConfig) -> list[Stage[Any]]:
    stages: list[Stage[Any]] = []
    channels = 1
    for kernel, stride in _WAVE_LAYERS:
        # Unpadded, as in the checkpoint: token j sees the samples 320 j … 320 j + 399.
        stages.append(
            StreamConv1d(channels, config.dim, kernel, stride=stride, right=kernel - 1, pad_end=False)
        )
        stages.append(Pointwise(nn.Sequential(nn.LayerNorm(config.dim), nn.GELU())))
        channels = config.dim
    return stages


class AudioEncoder(Chain):
    """ψ_AE: ``[B, N, 1]`` samples at 16 kHz → ``[B, T, dim]`` latents at 50 Hz."""

    def __init__(self, config: AudioEncoderConfig) -> None:
        super().__init__(*(_mel_front(config) if config.front == "mel" else _wave_front(config)))


@dataclass(slots=True)
class PositionState:
    """State of the positional convolution.

    Attributes:
        conv: tail of the convolution.
        skip: ``[B, n, C]`` steps that wait for its look-ahead.
    """

    conv: ConvState
    skip: Tensor


class PositionalConvolution(Stage[PositionState]):
    """wav2vec 2.0's relative positions: ``x + gelu(grouped convolution of x)``.

    The checkpoint's kernel sees half its taps ahead; here the taps beyond ``right`` are left out.
    """

    def __init__(self, dim: int, kernel: int, groups: int, right: int) -> None:
        super().__init__()
        left = kernel // 2
        self.conv = StreamConv1d(dim, dim, left + 1 + right, groups=groups, right=right)
        self.latency = right

    def init_state(self, batch: int) -> PositionState:
        conv = self.conv.init_state(batch)
        return PositionState(conv, conv.tail[:, :0])

    def step(self, x: Tensor, state: PositionState) -> Tensor:
        return self._finish(x, self.conv.step(x, state.conv), state)

    def flush(self, state: PositionState) -> Tensor:
        return self._finish(state.skip[:, :0], self.conv.flush(state.conv), state)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.gelu(self.conv(x))

    def _finish(self, x: Tensor, moved: Tensor, state: PositionState) -> Tensor:
        waiting = torch.cat([state.skip, x], dim=1)
        ready = moved.shape[1]
        state.skip = waiting[:, ready:]
        return waiting[:, :ready] + F.gelu(moved)


class ContextDecoder(Chain):
    """ψ_AD and the body of ψ_TD: latents ``[B, T, C_in]`` → features ``[B, T, dim]`` at 50 Hz."""

    def __init__(self, in_dim: int, config: ContextConfig) -> None:
        stages: list[Stage[Any]] = []
        if config.blocks == "conformer":
            if in_dim != config.dim:
                stages.append(Pointwise(nn.Linear(in_dim, config.dim)))
            stages += [
                ConformerBlock(
                    config.dim,
                    config.heads,
                    config.feed_forward,
                    kernel=config.kernel,
                    right=config.conv_right,
                    left_context=config.left_context,
                )
                for _ in range(config.layers)
            ]
        else:
            stages.append(Pointwise(nn.Sequential(nn.LayerNorm(in_dim), nn.Linear(in_dim, config.dim))))
            stages.append(PositionalConvolution(config.dim, config.kernel, config.groups, config.conv_right))
            stages += [
                TransformerLayer(
                    config.dim,
                    config.heads,
                    config.feed_forward,
                    left_context=config.left_context,
                    chunk=config.chunk,
                )
                for _ in range(config.layers)
            ]
            stages.append(Pointwise(nn.LayerNorm(config.dim)))
        super().__init__(*stages)
