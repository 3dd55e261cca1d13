"""ψ_AE and ψ_AD: samples → shared latents → contextualised audio features (paper, eq. 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.dsp.level import RunningLevel
from pmmlink.dsp.mel import MelPower
from pmmlink.dsp.wave_level import RunningWaveLevel, UtteranceLevel
from pmmlink.errors import CheckpointError
from pmmlink.model.config import AudioEncoderConfig, ContextConfig
from pmmlink.model.conformer import ConformerBlock
from pmmlink.model.conformer_look_ahead import ConformerLookAhead
from pmmlink.model.look_ahead import LookAheadStack
from pmmlink.model.transformer import TransformerLayer
from pmmlink.stream.conv import ConvState, StreamConv1d
from pmmlink.stream.stage import Chain, ChainState, Pointwise, Stage, stage_device
from pmmlink.types import SAMPLE_RATE_HZ

TOKEN_HZ = 50
"""Rate of the latents."""
SAMPLES_PER_TOKEN = SAMPLE_RATE_HZ // TOKEN_HZ

WAVE_LAYERS = ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2))
"""(kernel, stride) of wav2vec 2.0's seven convolutions: 400 samples seen every 320."""


def _mel_front(config: AudioEncoderConfig) -> list[Stage[Any]]:
    mel = MelPower(window=400, hop=160, bins=80)
    # Levels are dB of the band-summed mel power; speech at -20 dBFS peaks near +16.
    level = RunningLevel(100, target_db=16.0, floor_db=-20.0, gate_db=-38.0)
    stem = StreamConv1d(80, config.dim, 3, stride=2, right=1)

    def block(right: int) -> ConformerBlock:
        sizes = (config.dim, config.heads, 4 * config.dim)
        return ConformerBlock(*sizes, kernel=config.kernel, right=right, left_context=config.left_context)

    _check_ahead(config.chunk, config.look_ahead, config.left_context)
    ahead: list[Stage[Any]]
    if config.look_ahead or config.chunk > 1:
        stack = ConformerLookAhead(
            config.dim,
            config.heads,
            4 * config.dim,
            layers=config.layers,
            kernel=config.kernel,
            left_context=config.left_context,
            chunk=config.chunk,
            ahead=config.look_ahead,
        )
        ahead = [stack]
    else:
        ahead = [block(config.conv_right) for _ in range(config.layers)]
    causal = [block(0) for _ in range(config.causal_layers)]
    return [mel, level, stem, Pointwise(nn.GELU()), *ahead, *causal]


def _wave_front(config: AudioEncoderConfig) -> list[Stage[Any]]:
    stages: list[Stage[Any]] = []
    if config.level != "none":
        stages.append(RunningWaveLevel() if config.level == "running" else UtteranceLevel())
    channels = 1
    for kernel, stride in WAVE_LAYERS:
        # Unpadded, as in the checkpoint: token j sees the samples 320 j … 320 j + 399.
        stages.append(
            StreamConv1d(channels, config.dim, kernel, stride=stride, right=kernel - 1, pad_end=False)
        )
        stages.append(Pointwise(nn.Sequential(nn.LayerNorm(config.dim), nn.GELU())))
        channels = config.dim
    return stages


@dataclass(slots=True)
class EncoderState(ChainState):
    """State of ψ_AE.

    Attributes:
        early: tokens of the silence before the stream that are still to come; nobody sees them.
    """

    early: int


class AudioEncoder(Chain):
    """ψ_AE: ``[B, N, 1]`` samples at 16 kHz → ``[B, T, dim]`` latents at 50 Hz.

    A stream's first latents are those of a voice after ``lead`` tokens of silence: a voice that begins with
    the first sample is heard as one that begins after a pause, which is what voices in clips do.

    Raises:
        CheckpointError: a negative lead, left context or look-ahead, or chunks of nothing.
    """

    def __init__(self, config: AudioEncoderConfig) -> None:
        super().__init__(*(_mel_front(config) if config.front == "mel" else _wave_front(config)))
        if config.lead < 0:
            raise CheckpointError(f"lead: {config.lead} tokens; it must be at least 0")
        self.lead = config.lead

    def init_state(self, batch: int) -> EncoderState:
        state = EncoderState(super().init_state(batch).states, self.lead)
        if self.lead:
            self.step(self._silence(batch), state)
        return state

    def step(self, x: Tensor, state: ChainState) -> Tensor:
        return self._heard(super().step(x, state), state)

    def flush(self, state: ChainState) -> Tensor:
        return self._heard(super().flush(state), state)

    def forward(self, x: Tensor) -> Tensor:
        if not self.lead:
            return super().forward(x)
        return super().forward(torch.cat([self._silence(x.shape[0]), x], dim=1))[:, self.lead :]

    def inputs_for(self, outputs: int) -> int:
        return super().inputs_for(outputs + self.lead) - self.lead * SAMPLES_PER_TOKEN

    def _silence(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.lead * SAMPLES_PER_TOKEN, 1, device=stage_device(self))

    @staticmethod
    def _heard(tokens: Tensor, state: ChainState) -> Tensor:
        """Those of the stream itself."""
        assert isinstance(state, EncoderState)
        early = min(state.early, tokens.shape[1])
        state.early -= early
        return tokens[:, early:]


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

    Args:
        dim: channels.
        kernel: taps of the checkpoint's kernel.
        groups: groups of the convolution.
        right: look-ahead that is kept; None: all of it.

    Raises:
        CheckpointError: the kernel does not see so far ahead.
    """

    def __init__(self, dim: int, kernel: int, groups: int, right: int | None) -> None:
        super().__init__()
        left, most = kernel // 2, (kernel - 1) // 2
        right = most if right is None else right
        if not 0 <= right <= most:
            raise CheckpointError(
                f"conv_right: a positional convolution of {kernel} taps sees 0 to {most} tokens ahead, "
                f"not {right}"
            )
        self.taps = kernel
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
    """ψ_AD and the body of ψ_TD: latents ``[B, T, C_in]`` → features ``[B, T, dim]`` at 50 Hz.

    The transformer is wav2vec 2.0's: feature projection, positional convolution, layers, final norm. The
    projection belongs here and not to ψ_AE, because fine-tuning a model for CTC changes it.

    Raises:
        CheckpointError: sizes that do not go together.
    """

    def __init__(self, in_dim: int, config: ContextConfig) -> None:
        if config.blocks == "conformer":
            super().__init__(*_conformer(in_dim, config))
        else:
            super().__init__(*_transformer(in_dim, config))
            if config.chunk is not None:
                # All layers share the chunks' borders: waiting for a chunk counts once, not once a layer.
                conv = (config.kernel - 1) // 2 if config.conv_right is None else config.conv_right
                self.latency = conv + config.chunk - 1 + config.look_ahead * config.chunk


def _conformer(in_dim: int, config: ContextConfig) -> list[Stage[Any]]:
    if config.conv_right is None or config.left_context is None or config.look_ahead or config.chunk != 1:
        raise CheckpointError("conformer blocks need numbers for conv_right and left_context, and chunk = 1")
    stages: list[Stage[Any]] = []
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
    return stages


def _check_ahead(chunk: int | None, ahead: int, left: int | None) -> None:
    if (chunk is not None and chunk < 1) or (left is not None and left < 0) or ahead < 0:
        raise CheckpointError("chunk must be at least 1, left_context and look_ahead at least 0")


def _transformer(in_dim: int, config: ContextConfig) -> list[Stage[Any]]:
    chunk, left, ahead = config.chunk, config.left_context, config.look_ahead
    _check_ahead(chunk, ahead, left)
    sizes = (config.dim, config.heads, config.feed_forward)
    stages: list[Stage[Any]] = [
        Pointwise(nn.Sequential(nn.LayerNorm(in_dim), nn.Linear(in_dim, config.dim))),
        PositionalConvolution(config.dim, config.kernel, config.groups, config.conv_right),
    ]
    if ahead:
        if chunk is None or left is None:
            raise CheckpointError("look_ahead counts chunks: chunk and left_context must be numbers")
        stages.append(
            LookAheadStack(*sizes, layers=config.layers, left_context=left, chunk=chunk, ahead=ahead)
        )
    else:
        stages += [TransformerLayer(*sizes, left_context=left, chunk=chunk) for _ in range(config.layers)]
    return [*stages, Pointwise(nn.LayerNorm(config.dim))]
