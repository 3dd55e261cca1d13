"""Wav2Lip's generator and spectrogram written down plainly, from their published description only.

Nothing here uses pmmlink: it is the other side of the parity tests.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

TABLE = Path(__file__).parent / "model" / "wav2lip_generator.txt"


def public_table() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the public checkpoint, in its order."""
    rows = [line.split() for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return {name: () if shape == "scalar" else tuple(map(int, shape.split("x"))) for name, shape in rows}


def random_checkpoint(table: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, Tensor]:
    """Random tensors of these shapes, scaled so that activations neither vanish nor explode."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in table.items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            tensors[name] = 0.5 + torch.rand(shape, generator=generator)
        elif len(shape) == 4:
            fan_in = shape[1] * shape[2] * shape[3]
            tensors[name] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        else:
            tensors[name] = 0.1 * torch.randn(shape, generator=generator) + float(".1.weight" in name)
    return tensors


def small_table() -> dict[str, tuple[int, ...]]:
    """The public table with every width divided by eight: the same layout, quick to run."""

    def shrink(shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(n if i > 1 or n < 8 else n // 8 for i, n in enumerate(shape))

    return {name: shrink(shape) for name, shape in public_table().items()}


class PlainGenerator:
    """The forward pass of the public generator over a table of tensors."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.t = tensors

    def _norm_relu(self, name: str, x: Tensor, skip: Tensor | None = None) -> Tensor:
        t, n = self.t, f"{name}.conv_block.1"
        x = F.batch_norm(
            x, t[f"{n}.running_mean"], t[f"{n}.running_var"], t[f"{n}.weight"], t[f"{n}.bias"], eps=1e-5
        )
        return F.relu(x if skip is None else x + skip)

    def conv(self, name: str, x: Tensor, stride: object = 1, padding: int = 1, same: bool = False) -> Tensor:
        t = self.t
        y = F.conv2d(
            x,
            t[f"{name}.conv_block.0.weight"],
            t[f"{name}.conv_block.0.bias"],
            stride,
            padding,  # type: ignore[arg-type]
        )
        return self._norm_relu(name, y, x if same else None)

    def grow(self, name: str, x: Tensor, stride: int, padding: int, output_padding: int) -> Tensor:
        w, b = self.t[f"{name}.conv_block.0.weight"], self.t[f"{name}.conv_block.0.bias"]
        return self._norm_relu(name, F.conv_transpose2d(x, w, b, stride, padding, output_padding))

    def __call__(self, mel: Tensor, faces: Tensor) -> Tensor:
        """``mel [B, 1, 80, 16]``, ``faces [B, 6, 96, 96]`` (masked, then whole) → ``[B, 3, 96, 96]``."""
        a = "audio_encoder"
        x = self.conv(f"{a}.0", mel)
        for i in (1, 2):
            x = self.conv(f"{a}.{i}", x, same=True)
        x = self.conv(f"{a}.3", x, (3, 1))
        for i in (4, 5):
            x = self.conv(f"{a}.{i}", x, same=True)
        x = self.conv(f"{a}.6", x, 3)
        for i in (7, 8):
            x = self.conv(f"{a}.{i}", x, same=True)
        x = self.conv(f"{a}.9", x, (3, 2))
        x = self.conv(f"{a}.10", x, same=True)
        x = self.conv(f"{a}.11", x, padding=0)
        x = self.conv(f"{a}.12", x, padding=0)
        assert x.shape[2:] == (1, 1)

        f = "face_encoder_blocks"
        maps = [self.conv(f"{f}.0.0", faces, padding=3)]
        for level, residuals in ((1, 2), (2, 3), (3, 2), (4, 2), (5, 1)):
            y = self.conv(f"{f}.{level}.0", maps[-1], 2)
            for i in range(1, residuals + 1):
                y = self.conv(f"{f}.{level}.{i}", y, same=True)
            maps.append(y)
        y = self.conv(f"{f}.6.0", maps[-1], padding=0)
        maps.append(self.conv(f"{f}.6.1", y, padding=0))

        d = "face_decoder_blocks"
        x = torch.cat([self.conv(f"{d}.0.0", x, padding=0), maps[6]], dim=1)
        x = self.grow(f"{d}.1.0", x, 1, 0, 0)
        x = torch.cat([self.conv(f"{d}.1.1", x, same=True), maps[5]], dim=1)
        for level in range(2, 7):
            x = self.grow(f"{d}.{level}.0", x, 2, 1, 1)
            for i in (1, 2):
                x = self.conv(f"{d}.{level}.{i}", x, same=True)
            x = torch.cat([x, maps[6 - level]], dim=1)
        x = self.conv("output_block.0", x)
        return torch.sigmoid(F.conv2d(x, self.t["output_block.1.weight"], self.t["output_block.1.bias"]))


def plain_mel(samples: np.ndarray) -> np.ndarray:
    """Wav2Lip's spectrogram ``[T, 80]`` in [-4, 4], frame by frame in float64.

    Pre-emphasis 0.97; frames of 800 centred every 200 samples, periodic Hann; magnitudes; 80 triangles of
    equal area on Slaney's mel scale from 55 to 7600 Hz; dB over 20 with a floor of -100; ±4, clipped. Beyond
    the ends lies silence.
    """
    x = np.asarray(samples, np.float64)
    x = x - 0.97 * np.concatenate(([0.0], x[:-1]))
    padded = np.concatenate((np.zeros(400), x, np.zeros(400)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 800)
    frames = [np.abs(np.fft.rfft(padded[i : i + 800] * window)) for i in range(0, len(x), 200)]
    mel = np.stack(frames) @ _triangles().T
    db = 20 * np.log10(np.maximum(1e-5, mel)) - 20
    return np.clip(8 * ((db + 100) / 100) - 4, -4, 4)


def _triangles() -> np.ndarray:
    def mel_of(hz: float) -> float:
        return 3 * hz / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)

    def hz_of(mel: float) -> float:
        return 200 * mel / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    low, high = mel_of(55.0), mel_of(7600.0)
    edges = [hz_of(low + (high - low) * i / 81) for i in range(82)]
    bins = np.arange(401) * 20.0
    filters = np.zeros((80, 401))
    for i in range(80):
        a, b, c = edges[i : i + 3]
        up, down = (bins - a) / (b - a), (c - bins) / (c - b)
        filters[i] = np.maximum(0, np.minimum(up, down)) * 2 / (c - a)
    return filters
