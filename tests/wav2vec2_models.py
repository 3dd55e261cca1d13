"""Small random wav2vec 2.0 models, made and saved by transformers: the other side of the parity tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC, Wav2Vec2ForPreTraining, Wav2Vec2Model

LAYER_NORM: dict[str, Any] = {
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
    "conv_dim": [12] * 7,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "num_codevectors_per_group": 4,
    "codevector_dim": 8,
    "proj_codevector_dim": 8,
    "vocab_size": 11,
    "pad_token_id": 0,
}


def make(kind: type[Any] = Wav2Vec2Model, seed: int = 0, **changes: Any) -> Any:
    """A model whose every parameter is random: fresh ones have ones and zeros that hide mistakes."""
    torch.manual_seed(seed)
    model = kind(Wav2Vec2Config(**(LAYER_NORM | changes)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def save(model: Any, folder: Path, *, symbols: int | None = None) -> Path:
    """Saves as transformers does; with ``symbols`` also a ``vocab.json``."""
    model.save_pretrained(folder)
    if symbols is not None:
        table = {"<pad>": 0} | {chr(0x4E00 + i): i for i in range(1, symbols)}
        (folder / "vocab.json").write_text(json.dumps(table), encoding="utf-8")
    return folder


def recogniser_of(base: Any, seed: int = 1, **changes: Any) -> Any:
    """A recogniser fine-tuned from a model with its feature encoder frozen: all the rest differs."""
    model = make(Wav2Vec2ForCTC, seed, **changes)
    source = base.wav2vec2 if isinstance(base, Wav2Vec2ForPreTraining) else base
    model.wav2vec2.feature_extractor.load_state_dict(source.feature_extractor.state_dict())
    return model
