"""Starts the encoders from a phone recogniser: the Conformer-CTC of the PyPI package ``hama`` 1.7.0.

Its file ``hama/assets/asr_waveform.hama`` (Apache-2.0) holds named tensors after a small header. Its four
blocks become those of the shared audio encoder, and the first of the audio and of the text decoder where the
encoder has fewer that look ahead. Depthwise kernels lose the taps beyond the look-ahead; further blocks begin
by handing on what they get. Needed for training only.
"""

from __future__ import annotations

import math
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pmmlink.errors import DataError
from pmmlink.model.conformer import ConformerBlock
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.stream.conv import StreamConv1d
from pmmlink.train.grow import conformer_blocks, hand_on

_DTYPES = {0: "<f4", 1: "<f2"}
_BLOCKS = 4
# The exporter named the tensors of layer i by running numbers.
_DEPTHWISE = ((804, 805), (807, 808), (810, 811), (813, 814))
_MATRICES = (829, 838, 847, 856)


def read_recogniser(path: Path) -> dict[str, Tensor]:
    """Tensors of the recogniser's file by name.

    Raises:
        DataError: the file is missing or not of that layout.
    """
    try:
        data = path.read_bytes()
        (count,) = struct.unpack_from("<I", data, 8)
        at, entries = 12, []
        for _ in range(count):
            (length,) = struct.unpack_from("<H", data, at)
            name = data[at + 2 : at + 2 + length].decode()
            at += 2 + length
            dtype, rank = data[at], data[at + 1]
            shape = struct.unpack_from(f"<{rank}I", data, at + 2)
            at += 2 + 4 * rank
            offset, _size = struct.unpack_from("<QQ", data, at)
            at += 16
            entries.append((name, _DTYPES[dtype], shape, offset, _size))
        base = len(data) - max(offset + size for *_, offset, size in entries)
        tensors = {}
        for name, dtype_name, shape, offset, _size in entries:
            raw = np.frombuffer(data, dtype_name, math.prod(shape), base + offset)
            tensors[name] = torch.from_numpy(raw.reshape(shape).astype(np.float32))
    except OSError as error:
        raise DataError(
            f"{path}: cannot read the recogniser ({error.strerror}); pip install hama==1.7.0"
        ) from error
    except (struct.error, LookupError, ValueError) as error:
        raise DataError(f"{path}: not the recogniser of hama 1.7.0 ({error})") from error
    return tensors


def start_from_recogniser(model: PMMTalk, path: Path) -> None:
    """Copies the recogniser's stem and blocks into a model of the compact layout.

    Raises:
        DataError: the model's sizes are not the recogniser's.
    """
    tensors = read_recogniser(path)
    stem = next(s for s in model.audio_encoder.stages if isinstance(s, StreamConv1d))
    _copy(stem.conv.weight, tensors["onnx::Conv_801"])
    _copy(stem.conv.bias, tensors["onnx::Conv_802"])
    encoder = list(conformer_blocks(model.audio_encoder).values())
    trunk = encoder[: model.config.audio_encoder.layers]
    for branch in ("audio_decoder", "text_decoder"):
        if not hasattr(model, branch):
            continue
        body = [*trunk, *conformer_blocks(getattr(model, branch)).values()]
        if len(body) < _BLOCKS:
            raise DataError(f"the recogniser has {_BLOCKS} blocks, the model's {branch} path {len(body)}")
        for i, block in enumerate(body[:_BLOCKS]):
            _copy_block(block, tensors, i)
        _hand_on_from(body[:_BLOCKS], body[_BLOCKS:])
    _hand_on_from(trunk, encoder[len(trunk) :])


def _hand_on_from(before: list[ConformerBlock], further: list[ConformerBlock]) -> None:
    for known, block in pairwise([before[-1], *further]):
        hand_on(block, known.norm)


def _copy(target: Tensor | None, source: Tensor) -> None:
    if target is None or target.shape != source.shape:
        shape = None if target is None else list(target.shape)
        raise DataError(f"the recogniser's tensor {list(source.shape)} does not fit the model's {shape}")
    with torch.no_grad():
        target.copy_(source)


def _copy_block(block: ConformerBlock, tensors: dict[str, Tensor], i: int) -> None:
    def named(name: str) -> Tensor:
        return tensors[f"acoustic_model.model.blocks.{i}.{name}"]

    def matrix(offset: int) -> Tensor:
        return tensors[f"onnx::MatMul_{_MATRICES[i] + offset}"].T

    for ours, theirs in (
        (block.first.norm, "ffn1.norm"),
        (block.attention_norm, "attn_norm"),
        (block.conv_norm, "conv.norm"),
        (block.second.norm, "ffn2.norm"),
        (block.norm, "norm"),
    ):
        _copy(ours.weight, named(theirs + ".weight"))
        _copy(ours.bias, named(theirs + ".bias"))
    for linear, offset, bias in (
        (block.first.expand, 0, "ffn1.fc1.bias"),
        (block.first.project, 1, "ffn1.fc2.bias"),
        (block.attention.qkv, 2, "attn.in_proj_bias"),
        (block.attention.out, 6, "attn.out_proj.bias"),
        (block.second.expand, 7, "ffn2.fc1.bias"),
        (block.second.project, 8, "ffn2.fc2.bias"),
    ):
        _copy(linear.weight, matrix(offset))
        _copy(linear.bias, named(bias))
    _copy(block.gate.weight, named("conv.pointwise1.weight")[..., 0])
    _copy(block.gate.bias, named("conv.pointwise1.bias"))
    _copy(block.mix.weight, named("conv.pointwise2.weight")[..., 0])
    _copy(block.mix.bias, named("conv.pointwise2.bias"))
    weight_number, bias_number = _DEPTHWISE[i]
    conv = block.depthwise.conv
    kernel = tensors[f"onnx::Conv_{weight_number}"]
    centre = kernel.shape[2] // 2
    right = block.depthwise.latency
    left = conv.weight.shape[2] - 1 - right
    _copy(conv.weight, kernel[:, :, centre - left : centre + right + 1])
    _copy(conv.bias, tensors[f"onnx::Conv_{bias_number}"])
