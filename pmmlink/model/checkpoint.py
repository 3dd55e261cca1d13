"""Weights on disk: safetensors with the config and a model card inside; nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from pmmlink.errors import CheckpointError
from pmmlink.model.config import PMMTalkConfig
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.resources import default_weights
from pmmlink.whole_file import whole_file

FORMAT = "pmmlink/1"
UNTRAINED = "untrained"
"""Key of a model card that says which parts have random weights still."""
SHIPPED = default_weights()
"""The weights that come with the package."""


def save_model(model: PMMTalk, path: Path, card: dict[str, Any], *, half: bool = True) -> None:
    """Writes weights, config and card; the file appears whole or not at all.

    Args:
        model: the model.
        path: target file.
        card: model card, JSON values.
        half: store floating-point weights in 16 bits.
    """
    tensors = {
        name: (t.detach().to(torch.float16) if half and t.is_floating_point() else t.detach()).contiguous()
        for name, t in model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "config": json.dumps(model.config.to_dict()),
        "card": json.dumps(card, ensure_ascii=False),
    }
    try:
        with whole_file(path) as partial:
            write_tensors(tensors, partial, metadata)
            _sort_metadata(partial)
    except (OSError, SafetensorError) as error:  # a full disk is safetensors' own error
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path}: cannot write the weights: {reason}") from error


def write_tensors(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
    """A safetensors file with the rights of any new file: safetensors leaves its own to their owner alone.

    Raises:
        OSError, SafetensorError: it cannot be written.
    """
    path.touch()
    mode = path.stat().st_mode
    save_file(tensors, path, metadata=metadata)
    path.chmod(mode)


def _sort_metadata(path: Path) -> None:
    """Puts the metadata in order, in place: safetensors writes it in a random one, and so the SHA-256.

    Then sees to it that the whole file is on the disk: one that a power cut empties is none.
    """
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(ordered) <= size:  # the same text in another order; JSON may end in spaces
            file.seek(8)
            file.write(ordered.ljust(size))
        file.flush()
        os.fsync(file.fileno())


def read_card(path: Path | None = None) -> tuple[PMMTalkConfig, dict[str, Any]]:
    """Config and model card of a weights file (default: the shipped one), without loading the weights.

    Raises:
        CheckpointError: the file is missing, damaged or not pmmlink's.
    """
    path = path or SHIPPED
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such weights file") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({error})") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: not pmmlink weights (no {FORMAT!r} mark); foreign weights must be converted first"
        )
    try:
        config = PMMTalkConfig.from_dict(json.loads(metadata["config"]))
        return config, json.loads(metadata["card"])
    except (KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: the config inside is damaged") from error


def load_model(path: Path | None = None, device: str = "cpu") -> tuple[PMMTalk, dict[str, Any]]:
    """Model and card from a weights file (default: the shipped one), in float32 and evaluation mode.

    Raises:
        CheckpointError: the file cannot be read, or a tensor is missing, unknown or misshapen.
    """
    path = path or SHIPPED
    config, card = read_card(path)
    model = PMMTalk(config)
    expected = model.state_dict()
    with safe_open(path, framework="pt") as file:
        names = set(file.keys())
        for name, tensor in expected.items():
            if name not in names:
                raise CheckpointError(f"{path}: tensor {name!r} is missing")
            shape = tuple(file.get_slice(name).get_shape())
            if shape != tuple(tensor.shape):
                raise CheckpointError(
                    f"{path}: tensor {name!r} has shape {list(shape)}, expected {list(tensor.shape)}"
                )
        unknown = sorted(names - set(expected))
        if unknown:
            raise CheckpointError(f"{path}: unknown tensor {unknown[0]!r}")
        model.load_state_dict({n: file.get_tensor(n).to(t.dtype) for n, t in expected.items()})
    return model.to(device).eval(), card


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
