"""Streaming mel power spectrogram."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from pmmlink.stream.stage import Stage
from pmmlink.types import SAMPLE_RATE_HZ


def mel_filterbank(n_fft: int, bins: int, low_hz: float, high_hz: float) -> Tensor:
    """Triangular filters of equal area on the Slaney mel scale, ``[n_fft // 2 + 1, bins]``.

    The scale is linear below 1 kHz and logarithmic above (Slaney, Auditory Toolbox, 1998).
    """
    break_hz, per_mel, log_step = 1000.0, 200.0 / 3.0, 0.06875177742094912  # ln(6.4) / 27
    break_mel = break_hz / per_mel

    def to_mel(hz: float) -> float:
        if hz < break_hz:
            return hz / per_mel
        return break_mel + float(torch.log(torch.tensor(hz / break_hz, dtype=torch.float64))) / log_step

    mels = torch.linspace(to_mel(low_hz), to_mel(high_hz), bins + 2, dtype=torch.float64)
    edges = torch.where(mels < break_mel, mels * per_mel, break_hz * torch.exp((mels - break_mel) * log_step))
    hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, n_fft // 2 + 1, dtype=torch.float64)[:, None]
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    filters = torch.clamp(torch.minimum(rising, falling), min=0) * 2.0 / (edges[2:] - edges[:-2])
    return filters.float()


@dataclass(slots=True)
class FrameState:
    """``[B, n]`` samples that later frames still need, n below the window plus the hop."""

    tail: Tensor


class MelPower(Stage[FrameState]):
    """Mel power of frames centred on multiples of the hop: ``[B, N, 1]`` → ``[B, ceil(N / hop), bins]``.

    Frame ``j`` sees the samples ``hop * j - window / 2`` … ``hop * j + window / 2 - 1``; the stream is
    surrounded by zeros.

    Args:
        window: samples in the Hann window (even); also the FFT size.
        hop: samples between frames.
        bins: mel bands.
        low_hz: lower edge of the first band.
        high_hz: upper edge of the last band.
        magnitude: sum magnitudes in the bands in place of powers.
    """

    def __init__(
        self,
        window: int,
        hop: int,
        bins: int,
        low_hz: float = 0.0,
        high_hz: float = 8000.0,
        *,
        magnitude: bool = False,
    ) -> None:
        super().__init__()
        self.window, self.hop, self.bins = window, hop, bins
        self.magnitude = magnitude
        self.ratio = Fraction(1, hop)
        self.latency = window // 2 - 1
        self.register_buffer("hann", torch.hann_window(window), persistent=False)
        self.register_buffer("filters", mel_filterbank(window, bins, low_hz, high_hz), persistent=False)
        self.hann: Tensor
        self.filters: Tensor

    def init_state(self, batch: int) -> FrameState:
        return FrameState(self.hann.new_zeros(batch, self.window // 2))

    def step(self, x: Tensor, state: FrameState) -> Tensor:
        pending = torch.cat([state.tail, x[..., 0]], dim=1)
        count = max(0, (pending.shape[1] - self.window) // self.hop + 1)
        state.tail = pending[:, count * self.hop :]
        if not count:
            return x.new_zeros(x.shape[0], 0, self.bins)
        return self._mel(pending[:, : (count - 1) * self.hop + self.window])

    def flush(self, state: FrameState) -> Tensor:
        return self.step(state.tail.new_zeros(state.tail.shape[0], self.latency, 1), state)

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x[..., 0], (self.window // 2, self.latency))
        if padded.shape[1] < self.window:
            return x.new_zeros(x.shape[0], 0, self.bins)
        return self._mel(padded)

    def _mel(self, samples: Tensor) -> Tensor:
        frames = samples.unfold(1, self.window, self.hop) * self.hann
        spectrum = torch.fft.rfft(frames)
        power = spectrum.real.square() + spectrum.imag.square()
        mel: Tensor = (power.sqrt() if self.magnitude else power) @ self.filters
        return mel
