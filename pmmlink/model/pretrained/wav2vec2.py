"""wav2vec 2.0 in Hugging Face's layout (XLSR-53 and its kin) → ψ_AE and ψ_AD.

ψ_AE is the convolution stack, ψ_AD the feature projection and the transformer. Only the layer-norm variant
with "stable layer norm" streams: the base models' group norm averages over the whole clip.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pmmlink.errors import CheckpointError
from pmmlink.model.audio import WAVE_LAYERS, AudioEncoder, ContextDecoder, PositionalConvolution
from pmmlink.model.config import AudioEncoderConfig, ContextConfig
from pmmlink.model.pretrained.source import PretrainedFiles
from pmmlink.model.pretrained.tensors import Tensors, read_weights
from pmmlink.model.transformer import TransformerLayer
from pmmlink.stream.conv import StreamConv1d

_KERNELS = [kernel for kernel, _ in WAVE_LAYERS]
_STRIDES = [stride for _, stride in WAVE_LAYERS]

# What our layers compute; a checkpoint that says otherwise computes something else.
_FIXED: dict[str, Any] = {
    "model_type": "wav2vec2",
    "conv_kernel": _KERNELS,
    "conv_stride": _STRIDES,
    "feat_extract_activation": "gelu",
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "add_adapter": False,
    "adapter_attn_dim": None,
}
_SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
    "vocab_size",
)
# Hugging Face leaves out of config.json what has its default.
_DEFAULTS: dict[str, Any] = {
    **_FIXED,
    "feat_extract_norm": "group",
    "do_stable_layer_norm": False,
    "conv_dim": [512] * 7,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
    "vocab_size": 32,
    "pad_token_id": 0,
    "conv_bias": False,
}


@dataclass(frozen=True, slots=True)
class Wav2Vec2Sizes:
    """Sizes of a checkpoint.

    Attributes:
        latent: channels of the convolution stack.
        dim: channels of the transformer.
        layers: its layers.
        heads: their attention heads.
        feed_forward: channels of their feed-forward layers.
        kernel: taps of the positional convolution.
        groups: its groups.
        vocabulary: symbols of a CTC head.
        blank: which of them is CTC's blank, where the config says it.
        conv_bias: whether the convolutions of the stack have biases.
    """

    latent: int
    dim: int
    layers: int
    heads: int
    feed_forward: int
    kernel: int
    groups: int
    vocabulary: int
    blank: int | None
    conv_bias: bool

    def encoder(self, base: AudioEncoderConfig) -> AudioEncoderConfig:
        """Config of ψ_AE with these sizes; what is not a size comes from ``base``."""
        return AudioEncoderConfig(front="wave", level=base.level, dim=self.latent, layers=0)

    def context(self, base: ContextConfig) -> ContextConfig:
        """Config of ψ_AD or ψ_TD with these sizes; how it streams comes from ``base``."""
        return ContextConfig(
            blocks="transformer",
            layers=self.layers,
            dim=self.dim,
            heads=self.heads,
            feed_forward=self.feed_forward,
            kernel=self.kernel,
            groups=self.groups,
            conv_right=base.conv_right,
            left_context=base.left_context,
            chunk=base.chunk,
            look_ahead=base.look_ahead,
        )


def read_sizes(path: Path) -> Wav2Vec2Sizes:
    """Reads and checks a ``config.json``.

    Raises:
        CheckpointError: unreadable, another kind of model, or a variant that cannot stream.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(given, dict) or "model_type" not in given:
        raise CheckpointError(f"{path}: not a Hugging Face config (no model_type)")
    config = _DEFAULTS | given
    if config["model_type"] == "wav2vec2" and config["feat_extract_norm"] != "layer":
        raise CheckpointError(
            f"{path}: feat_extract_norm is {config['feat_extract_norm']!r}: its first norm averages over the "
            "whole clip and cannot stream; use a model with 'layer', such as facebook/wav2vec2-large-xlsr-53"
        )
    if config["model_type"] == "wav2vec2" and not config["do_stable_layer_norm"]:
        raise CheckpointError(f"{path}: do_stable_layer_norm is false; only the stable variant is supported")
    for name, expected in _FIXED.items():
        if config[name] != expected:
            raise CheckpointError(f"{path}: {name} is {config[name]!r}, only {expected!r} is supported")
    if len(set(config["conv_dim"])) != 1 or len(config["conv_dim"]) != len(WAVE_LAYERS):
        raise CheckpointError(f"{path}: conv_dim is {config['conv_dim']}, expected seven equal numbers")
    for name in _SIZES:
        if not isinstance(config[name], int) or config[name] < 1:
            raise CheckpointError(f"{path}: {name} is {config[name]!r}, expected a positive number")
    for name in ("num_attention_heads", "num_conv_pos_embedding_groups"):
        if config["hidden_size"] % config[name]:
            raise CheckpointError(f"{path}: hidden_size cannot be split by {name}")
    return Wav2Vec2Sizes(
        latent=config["conv_dim"][0],
        dim=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        feed_forward=config["intermediate_size"],
        kernel=config["num_conv_pos_embeddings"],
        groups=config["num_conv_pos_embedding_groups"],
        vocabulary=config["vocab_size"],
        blank=config["pad_token_id"],
        conv_bias=bool(config["conv_bias"]),
    )


def read_tensors(files: PretrainedFiles) -> Tensors:
    """The wav2vec 2.0 part of a checkpoint, whatever head it was saved with.

    Raises:
        CheckpointError: the weights cannot be read.
    """
    table = read_weights(files.weights)
    prefix = "wav2vec2." if any(name.startswith("wav2vec2.") for name in table) else ""
    return Tensors(table, str(files.weights), prefix)


def load_audio_encoder(encoder: AudioEncoder, tensors: Tensors, sizes: Wav2Vec2Sizes) -> None:
    """Fills ψ_AE (``wave`` front) with a checkpoint's convolution stack.

    Raises:
        CheckpointError: a tensor is missing or misshapen.
    """
    convolutions = [stage for stage in encoder.stages if isinstance(stage, StreamConv1d)]
    norms = [module for module in encoder.modules() if isinstance(module, nn.LayerNorm)]
    for i, (conv, norm) in enumerate(zip(convolutions, norms, strict=True)):
        here = tensors.under(f"feature_extractor.conv_layers.{i}.")
        here.fill(conv.conv.weight, "conv.weight")
        if conv.conv.bias is not None and sizes.conv_bias:
            here.fill(conv.conv.bias, "conv.bias")
        elif conv.conv.bias is not None:
            nn.init.zeros_(conv.conv.bias)
        _norm(norm, here, "layer_norm")


def load_context(decoder: ContextDecoder, tensors: Tensors) -> None:
    """Fills ψ_AD, or the body of ψ_TD, with a checkpoint's feature projection and transformer.

    The positional convolution keeps the taps that its look-ahead allows.

    Raises:
        CheckpointError: a tensor is missing or misshapen.
    """
    stages = list(decoder.stages)
    first, position, last = stages[0], stages[1], stages[-1]
    projection: Any = first.module
    layers = [module for module in decoder.modules() if isinstance(module, TransformerLayer)]
    if not isinstance(position, PositionalConvolution):
        raise CheckpointError("only a context of transformer blocks takes wav2vec 2.0's weights")
    _norm(projection[0], tensors, "feature_projection.layer_norm")
    _linear(projection[1], tensors, "feature_projection.projection")
    _position(position, tensors.under("encoder.pos_conv_embed.conv."))
    for i, layer in enumerate(layers):
        _layer(layer, tensors.under(f"encoder.layers.{i}."))
    _norm(last.module, tensors, "encoder.layer_norm")


def _norm(norm: Any, tensors: Tensors, name: str) -> None:
    tensors.fill(norm.weight, f"{name}.weight")
    tensors.fill(norm.bias, f"{name}.bias")


def _linear(linear: Any, tensors: Tensors, name: str) -> None:
    tensors.fill(linear.weight, f"{name}.weight")
    tensors.fill(linear.bias, f"{name}.bias")


def _position(position: PositionalConvolution, tensors: Tensors) -> None:
    """Undoes the weight norm (one magnitude a tap), under its old or its new name, and cuts the kernel."""
    conv = position.conv.conv
    taps = position.taps
    shape = (*conv.weight.shape[:2], taps)
    old = tensors.has("weight_v")
    magnitude = tensors.take("weight_g" if old else "parametrizations.weight.original0", (1, 1, taps))
    direction = tensors.take("weight_v" if old else "parametrizations.weight.original1", shape)
    whole: Tensor = magnitude * direction / direction.norm(dim=(0, 1), keepdim=True)
    with torch.no_grad():
        conv.weight.copy_(whole[:, :, : conv.weight.shape[2]])
    if conv.bias is not None:
        tensors.fill(conv.bias, "bias")


def _layer(layer: TransformerLayer, tensors: Tensors) -> None:
    _norm(layer.attention_norm, tensors, "layer_norm")
    dim = layer.attention.out.weight.shape[0]
    for kind, shape in (("weight", (dim, dim)), ("bias", (dim,))):
        parts = [tensors.take(f"attention.{part}_proj.{kind}", shape) for part in "qkv"]
        with torch.no_grad():
            getattr(layer.attention.qkv, kind).copy_(torch.cat(parts))
    _linear(layer.attention.out, tensors, "attention.out_proj")
    _norm(layer.norm, tensors, "final_layer_norm")
    _linear(layer.expand, tensors, "feed_forward.intermediate_dense")
    _linear(layer.project, tensors, "feed_forward.output_dense")
