"""What the phone recogniser of PyPI ``hama`` 1.7.0 thinks of a clip, heard as a whole.

Its Conformer (log-mel, stride-2 stem, four blocks of width 144) runs here with its full context, unlike in
the streaming model that starts from the same weights. :mod:`.frame_aligner` and
:mod:`pmmlink.train.teachers` listen with it, and training may hold ψ_AE to what it heard
(:class:`pmmlink.train.objectives.Weights`, ``hearing``). Its matrices are small: beside a busy core two
threads wait for each other many times longer than one needs, so programs that listen give torch one thread.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pmmlink.errors import DataError
from pmmlink.types import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

FRAME_S = 0.02
"""Frame k is centred at k * 20 ms."""

WIDTH = 288
"""The outputs of the third and of the fourth block."""

_BLOCKS, _HEADS, _DIM = 4, 4, 144
_DEPTHWISE = ((804, 805), (807, 808), (810, 811), (813, 814))
_MATRICES = (829, 838, 847, 856)


class RecogniserFeatures:
    """Loads the recogniser once.

    Args:
        path: its file; None: the one in the package ``hama``.

    Raises:
        DataError: the file is not the recogniser's, or the package is not installed.
    """

    def __init__(self, path: Path | None = None) -> None:
        from pmmlink.train.recogniser import read_recogniser

        if path is not None:
            self._tensors = read_recogniser(path)
            return
        try:
            place = files("hama") / "assets" / "asr_waveform.hama"
        except ModuleNotFoundError as error:
            raise DataError("this aligner needs the phone recogniser: pip install hama==1.7.0") from error
        with as_file(place) as packaged:
            self._tensors = read_recogniser(packaged)

    def __call__(self, samples: FloatArray) -> FloatArray:
        """``[N]`` samples at 16 kHz → ``[T, 288]`` float32 at 50 Hz."""
        import torch

        if samples.size < 3200:
            raise DataError("a clip under 0.2 s is too short to be recognised")
        with torch.inference_mode():
            outputs = self.blocks(torch.from_numpy(samples.astype(np.float32))[None])
            features: FloatArray = torch.cat(outputs[-2:], dim=-1)[0].numpy()
        return features

    def blocks(self, samples: Tensor, *, half: bool = False) -> list[Tensor]:
        """What each block makes of sounds of one length: ``[B, N]`` samples → four of ``[B, T, 144]``.

        Args:
            samples: at 16 kHz, at any level.
            half: whether the blocks multiply in bfloat16.
        """
        import torch
        from torch.nn import functional as F

        w = self._tensors
        # The recogniser knows speech at an ordinary level only.
        scaled = samples * (0.5 / (samples.abs().amax(1, keepdim=True) + 1e-9))
        with torch.autocast("cpu", enabled=False):
            x = F.pad(scaled[:, None], (200, 200), mode="reflect")
            real = F.conv1d(x, w["stft_real_kernel"], stride=160)
            imaginary = F.conv1d(x, w["stft_imag_kernel"], stride=160)
            power = (real.square() + imaginary.square()).transpose(1, 2) @ w["mel_fb"]
            log_mel = power.clamp_min(1e-10).log().transpose(1, 2)
            stem = F.conv1d(log_mel, w["onnx::Conv_801"], w["onnx::Conv_802"], stride=2, padding=1)
            h = F.gelu(stem).transpose(1, 2)
        outputs: list[Tensor] = []
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            for i in range(_BLOCKS):
                h = self._block(h, i)
                outputs.append(h.float())
        return outputs

    def _block(self, h: Tensor, i: int) -> Tensor:
        import torch
        from torch.nn import functional as F

        def named(name: str) -> Tensor:
            return self._tensors[f"acoustic_model.model.blocks.{i}.{name}"]

        def matrix(offset: int) -> Tensor:
            return self._tensors[f"onnx::MatMul_{_MATRICES[i] + offset}"]

        def norm(x: Tensor, name: str) -> Tensor:
            return F.layer_norm(x, (_DIM,), named(f"{name}.weight"), named(f"{name}.bias"), 1e-5)

        def half_feed_forward(x: Tensor, name: str, offset: int) -> Tensor:
            inner = F.silu(norm(x, f"{name}.norm") @ matrix(offset) + named(f"{name}.fc1.bias"))
            return x + 0.5 * (inner @ matrix(offset + 1) + named(f"{name}.fc2.bias"))

        h = half_feed_forward(h, "ffn1", 0)
        batch, frames, _ = h.shape
        qkv = norm(h, "attn_norm") @ matrix(2) + named("attn.in_proj_bias")
        q, k, v = (t.reshape(batch, frames, _HEADS, -1).transpose(1, 2) for t in torch.split(qkv, _DIM, -1))
        heard = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(h.shape)
        h = h + heard @ matrix(6) + named("attn.out_proj.bias")
        z = norm(h, "conv.norm").transpose(1, 2)
        z = F.glu(F.conv1d(z, named("conv.pointwise1.weight"), named("conv.pointwise1.bias")), 1)
        weight, bias = _DEPTHWISE[i]
        kernel = self._tensors[f"onnx::Conv_{weight}"]
        z = F.conv1d(
            z, kernel, self._tensors[f"onnx::Conv_{bias}"], padding=kernel.shape[2] // 2, groups=_DIM
        )
        z = F.conv1d(F.silu(z), named("conv.pointwise2.weight"), named("conv.pointwise2.bias"))
        h = h + z.transpose(1, 2)
        return norm(half_feed_forward(h, "ffn2", 7), "norm")
