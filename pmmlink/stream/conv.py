"""Streaming one-dimensional convolution: causal, with look-ahead, strided, dilated, grouped."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.stream.stage import Stage

_FEW = 16
"""Up to so many outputs at once, as in a live stream, a depthwise convolution is faster as a plain sum."""


@dataclass(slots=True)
class ConvState:
    """The tail of the input that later outputs still need.

    Attributes:
        tail: ``[B, n, C]``, n at most the kernel's span plus the stride.
    """

    tail: Tensor


class StreamConv1d(Stage[ConvState]):
    """``nn.Conv1d`` over ``[B, T, C]`` that can also run step by step.

    Output ``j`` sees the inputs ``stride * j - left`` … ``stride * j + right``. What lies before the
    stream is zero. With ``pad_end`` the end of the stream is padded with zeros too, so that every input
    has its output; without it (and ``left = 0``) the convolution is the unpadded one of wav2vec 2.0.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        kernel: taps; the span ``(kernel - 1) * dilation`` is split into left and right.
        right: look-ahead in input steps.
        left: inputs seen before the output's own time; default: what the look-ahead leaves of the span.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        right: int = 0,
        bias: bool = True,
        pad_end: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            in_channels, out_channels, kernel, stride=stride, dilation=dilation, groups=groups, bias=bias
        )
        self.span = (kernel - 1) * dilation
        if right > self.span:
            raise ValueError(f"look-ahead {right} exceeds the kernel's span {self.span}")
        self.left = self.span - right
        self.stride = stride
        self.pad_end = pad_end
        self._summable = groups == in_channels == out_channels and dilation == 1
        self.ratio = Fraction(1, stride)
        self.latency = right

    def init_state(self, batch: int) -> ConvState:
        weight = self.conv.weight
        return ConvState(weight.new_zeros(batch, self.left, self.conv.in_channels))

    def step(self, x: Tensor, state: ConvState) -> Tensor:
        pending = torch.cat([state.tail, x], dim=1)
        count = max(0, (pending.shape[1] - self.span - 1) // self.stride + 1)
        state.tail = pending[:, count * self.stride :]
        if count == 0:
            return x.new_zeros(x.shape[0], 0, self.conv.out_channels)
        used = pending[:, : (count - 1) * self.stride + self.span + 1]
        if count <= _FEW and self._summable:
            windows = used.unfold(1, self.span + 1, self.stride)  # [B, count, C, taps]
            summed = (windows * self.conv.weight[:, 0]).sum(-1)
            return summed if self.conv.bias is None else summed + self.conv.bias
        out: Tensor = self.conv(used.transpose(1, 2))
        return out.transpose(1, 2)

    def flush(self, state: ConvState) -> Tensor:
        right = self.latency if self.pad_end else 0
        batch = state.tail.shape[0]
        return self.step(state.tail.new_zeros(batch, right, self.conv.in_channels), state)

    def forward(self, x: Tensor) -> Tensor:
        right = self.latency if self.pad_end else 0
        padded = F.pad(x.transpose(1, 2), (self.left, right))
        if padded.shape[2] <= self.span:  # shorter than one window
            return x.new_zeros(x.shape[0], 0, self.conv.out_channels)
        out: Tensor = self.conv(padded)
        return out.transpose(1, 2)
