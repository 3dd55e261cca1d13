"""Where pretrained parts come from: a local folder, or a name on the Hugging Face hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pmmlink.errors import CheckpointError

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Names of the weights in Hugging Face's layout, the preferred one first."""

_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_LICENCE = re.compile(r"^licen[sc]e:\s*(.+?)\s*$", re.MULTILINE)
NOT_STATED = "not stated by its source"


@dataclass(frozen=True, slots=True)
class PretrainedFiles:
    """The files of one pretrained model.

    Attributes:
        name: hub name, or the folder's own name without the path to it.
        config: its ``config.json``.
        weights: its ``model.safetensors`` or ``pytorch_model.bin``.
        vocabulary: its ``vocab.json``, if that was asked for.
        licence: the licence that its model card (``README.md``) states.
    """

    name: str
    config: Path
    weights: Path
    vocabulary: Path | None
    licence: str


def find_pretrained(source: str, *, vocabulary: bool = False) -> PretrainedFiles:
    """Finds a model in Hugging Face's layout; one on the hub is downloaded into the usual cache.

    Args:
        source: a folder, or a hub name ``owner/name``.
        vocabulary: whether ``vocab.json`` is needed.

    Raises:
        CheckpointError: no such folder, a file is missing, or the hub cannot be reached.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return _local(folder, vocabulary)
    if _HUB_NAME.fullmatch(source):
        return _download(source, vocabulary)
    raise CheckpointError(
        f"{source}: no such folder, and not a hub name such as facebook/wav2vec2-large-xlsr-53"
    )


def _local(folder: Path, vocabulary: bool) -> PretrainedFiles:
    for name in ("config.json", *(["vocab.json"] if vocabulary else [])):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder}: {name} is missing")
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        sharded = next(iter(folder.glob("*.index.json")), None)
        hint = f"; {sharded.name}: weights in several files must be saved as one first" if sharded else ""
        raise CheckpointError(f"{folder}: neither {WEIGHTS[0]} nor {WEIGHTS[1]} is there{hint}")
    card = folder / "README.md"
    return PretrainedFiles(
        folder.resolve().name,
        folder / "config.json",
        weights,
        folder / "vocab.json" if vocabulary else None,
        _licence(card if card.is_file() else None),
    )


def _download(name: str, vocabulary: bool) -> PretrainedFiles:
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError as error:
        raise CheckpointError(
            f"{name}: no such folder here; hub names need 'pip install pmmlink[pretrained]'"
        ) from error

    def fetch(file: str) -> Path | None:
        try:
            return Path(hf_hub_download(name, file))
        except LocalEntryNotFoundError:
            raise  # not that the file does not exist: the hub was not reached
        except EntryNotFoundError:
            return None

    try:
        config = fetch("config.json")
        weights = next((path for file in WEIGHTS if (path := fetch(file)) is not None), None)
        symbols = fetch("vocab.json") if vocabulary else None
        card = fetch("README.md")
    except (OSError, ValueError) as error:  # every error of the hub and of the network is one of these
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{name}: no such folder here, and the hub did not give it ({reason}); "
            "where there is no network, download it elsewhere and give the folder"
        ) from error
    if config is None or weights is None or (vocabulary and symbols is None):
        absent = "config.json" if config is None else ("its weights" if weights is None else "vocab.json")
        raise CheckpointError(f"{name}: on the hub, but {absent} is missing there")
    return PretrainedFiles(name, config, weights, symbols, _licence(card))


def _licence(card: Path | None) -> str:
    if card is None:
        return NOT_STATED
    found = _LICENCE.search(card.read_text(encoding="utf-8", errors="replace"))
    return found.group(1).strip("\"'") if found else NOT_STATED
