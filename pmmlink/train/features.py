"""Features of the frozen parts (ψ_AE, ψ_TD, ψ_HG), computed once per clip and kept on disk.

They are the same in every epoch, because the paper trains on whole clips, unchanged, with these parts
frozen. Each part has its own files, named after the part's weights and the sound, so that a run
without one branch uses what another run left, and other weights or another recording never meet old
features. Features are rounded to 16 bits whether or not they are kept: a cache makes a run faster and
changes nothing else.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pmmlink.model.checkpoint import write_tensors
from pmmlink.model.pmmtalk import FrozenFeatures, PMMTalk, frames_for
from pmmlink.types import FloatArray
from pmmlink.whole_file import whole_file

FROZEN = ("audio_encoder", "text_decoder", "talking_head")
"""Parts that the paper freezes (sections IV-A 1, 2 and 3), by the model's names."""

_VERSION = "features/1"
_MADE_BY: dict[str, tuple[str, ...]] = {
    "latents": ("audio_encoder",),
    "symbols": ("audio_encoder", "text_decoder"),
    "pictures": ("talking_head", "mouth_windows", "reference_face"),
}


class FeatureReader:
    """Sound in, features of the frozen parts out.

    Args:
        model: whose frozen parts are used; they must not change afterwards.
        cache: folder of the kept features, None keeps none.
        note: told, once, when the folder cannot be written; the run goes on without keeping.
    """

    def __init__(
        self, model: PMMTalk, cache: Path | None = None, note: Callable[[str], None] | None = None
    ) -> None:
        self.model = model
        self.fingerprints = fingerprints(model)
        self.computed = 0
        self._cache = cache
        self._note = note

    def read(self, audio: FloatArray) -> FrozenFeatures:
        """Features of one clip ``[N]``, float32 on the model's device."""
        sound = hashlib.sha256(np.ascontiguousarray(audio).tobytes()).hexdigest()
        kept: dict[str, Tensor | None] = {
            name: self._load(name, sound) if self._cache else None for name in self.fingerprints
        }
        if any(value is None for value in kept.values()):
            kept = self._compute(audio)
            for name, value in kept.items():
                if value is not None:
                    self._store(name, sound, value)
        device = self.model.styles.device
        parts = {name: t.to(device).float() if t is not None else None for name, t in kept.items()}
        return FrozenFeatures(
            frames_for(len(audio)), parts.get("latents"), parts.get("symbols"), parts.get("pictures")
        )

    @torch.no_grad()
    def _compute(self, audio: FloatArray) -> dict[str, Tensor | None]:
        self.computed += 1
        x = torch.from_numpy(np.ascontiguousarray(audio)).to(self.model.styles.device)[None, :, None]
        found = self.model.frozen_features(x)
        values = {name: getattr(found, name) for name in self.fingerprints}
        return {name: t.to("cpu", torch.float16).contiguous() for name, t in values.items()}

    def _path(self, cache: Path, name: str, sound: str) -> Path:
        return cache / f"{name}-{self.fingerprints[name][:16]}" / sound[:2] / f"{sound}.safetensors"

    def _load(self, name: str, sound: str) -> Tensor | None:
        """What is kept; None where nothing is or where it is damaged."""
        if self._cache is None:
            return None
        path = self._path(self._cache, name, sound)
        try:
            with safe_open(path, framework="pt") as file:
                value: Tensor = file.get_tensor(name)
                checksum = (file.metadata() or {}).get("crc32")
        except (OSError, SafetensorError):
            return None
        return value if checksum == _checksum(value) else None

    def _store(self, name: str, sound: str, value: Tensor) -> None:
        if self._cache is None:
            return
        path = self._path(self._cache, name, sound)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as partial:
                write_tensors({name: value}, partial, {"crc32": _checksum(value)})
        except (OSError, SafetensorError) as error:
            if self._note:
                self._note(f"{self._cache}: no more features are kept ({error}); the run goes on without")
            self._cache = None


def fingerprints(model: PMMTalk) -> dict[str, str]:
    """SHA-256 of what makes each kind of features that the model uses: settings and weights."""
    kinds = {"audio": "latents", "text": "symbols", "image": "pictures"}
    settings = asdict(model.config)
    state = model.state_dict()
    found = {}
    for modality in model.modalities:
        kind = kinds[modality]
        digest = hashlib.sha256(_VERSION.encode())
        for part in _MADE_BY[kind]:
            digest.update(json.dumps(settings.get(part), sort_keys=True).encode())
            _add_part(digest, part, state)
        found[kind] = digest.hexdigest()
    return found


def frozen_hash(model: PMMTalk) -> str:
    """SHA-256 of all frozen parts in use: whether a checkpoint without them fits a model."""
    return hashlib.sha256("".join(sorted(fingerprints(model).values())).encode()).hexdigest()


def _add_part(digest: hashlib._Hash, part: str, state: dict[str, Tensor]) -> None:
    names: Sequence[str] = [n for n in state if n == part or n.startswith(f"{part}.")]
    for name in sorted(names):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().contiguous().numpy().tobytes())


def _checksum(value: Tensor) -> str:
    return f"{zlib.crc32(value.contiguous().numpy().tobytes()):08x}"
