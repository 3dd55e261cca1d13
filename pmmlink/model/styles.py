"""Speaking styles p ∈ R^64: stored with the weights, blended, or fitted to an actor and kept in a file.

``--style grid_s1``, ``--style grid_s1:0.7,default:0.3`` (shares are made to add up to 1),
``--style anna.json``.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pmmlink.errors import CheckpointError
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.whole_file import whole_file

FORMAT = "pmmlink-style/1"
ENDING = ".json"


def parse_style(text: str) -> list[tuple[str, float]]:
    """Names or files with their shares, which add up to 1.

    Raises:
        CheckpointError: an empty part, a share that is no number above 0, or a name twice.

    >>> parse_style("grid_s1:3,default:1")
    [('grid_s1', 0.75), ('default', 0.25)]
    """
    parts: dict[str, float] = {}
    for part in text.split(","):
        name, colon, tail = part.strip().rpartition(":")
        share = _number(tail) if colon else None
        if share is None:  # no share, or the colon of a Windows drive
            name, share = part.strip(), 1.0
        if not name:
            raise CheckpointError(f"--style {text!r}: a part is empty; write name:share,name:share")
        if not (math.isfinite(share) and share > 0):
            raise CheckpointError(f"--style {text!r}: the share of {name} must be above 0")
        if name in parts:
            raise CheckpointError(f"--style {text!r}: {name} appears twice")
        parts[name] = share
    total = sum(parts.values())
    return [(name, share / total) for name, share in parts.items()]


def style_vector(model: PMMTalk, text: str) -> Tensor:
    """The style vector ``[P]`` that a user's ``--style`` means.

    Raises:
        CheckpointError: bad syntax, an unknown name, a file that is no style or belongs to other weights.
    """
    parts = parse_style(text)
    vectors = [share * _one(model, name) for name, share in parts]
    return torch.stack(vectors).sum(dim=0)


def save_style(path: Path, model: PMMTalk, vector: Tensor) -> None:
    """Write a fitted style; the file appears whole or not at all.

    Raises:
        CheckpointError: the file cannot be written.
    """
    content = {
        "format": FORMAT,
        "weights": fingerprint(model),
        "vector": [round(float(x), 6) for x in vector.detach()],
    }
    try:
        with whole_file(path) as partial:
            partial.write_text(json.dumps(content) + "\n", encoding="utf-8", newline="\n")
    except OSError as fault:
        raise CheckpointError(f"{path}: cannot be written: {fault.strerror or fault}") from None


def fingerprint(model: PMMTalk) -> str:
    """Tells weights apart by what reads the style: a style fitted to others would mean nothing."""
    digest = hashlib.sha256()
    for tensor in (model.decoder.fuse.weight, model.decoder.style_scale.weight):
        digest.update(tensor.detach().cpu().numpy().astype(np.float16).tobytes())
    return digest.hexdigest()[:16]


def _one(model: PMMTalk, name: str) -> Tensor:
    if name in model.config.styles:
        return model.styles[model.config.styles.index(name)].detach()
    if name.endswith(ENDING):
        return _read(model, Path(name))
    raise CheckpointError(
        f"no style {name!r} in these weights; they hold {', '.join(model.config.styles)}; "
        f"a style fitted to an actor is a file ({ENDING})"
    )


def _read(model: PMMTalk, path: Path) -> Tensor:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise CheckpointError(f"{path}: cannot be read: {fault.strerror or fault}") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path}: not a style file") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a style file (no {FORMAT!r} mark)")
    if content.get("weights") != fingerprint(model):
        raise CheckpointError(f"{path}: fitted to other weights; run pmmlink calibrate --fit-style again")
    vector = content.get("vector")
    numbers = isinstance(vector, list) and all(
        isinstance(x, (int, float)) and not isinstance(x, bool) and abs(x) < 1e3 for x in vector
    )
    if not isinstance(vector, list) or not numbers or len(vector) != model.config.style_dim:
        raise CheckpointError(f"{path}: damaged: expected {model.config.style_dim} numbers")
    return torch.tensor(vector, dtype=torch.float32)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
