"""Which sound belongs to which labels, by the names of the files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pmmlink.sources.file import EXTENSIONS

_PREFERRED = (".wav", ".flac", ".aif", ".aiff", ".opus", ".ogg", ".m4a", ".mp3")
"""A take may lie there as film and as sound: the sound is taken, the less compressed first."""

_VARIANTS = ("_cal", "_raw")
"""The Live Link Face app writes a calibrated and a raw CSV of one take beside a common sound; the plain
name comes first, then the calibrated curves."""

_NEUTRAL = "_neutral"


@dataclass(slots=True)
class Pairing:
    """Files by take.

    Attributes:
        pairs: labels and sound.
        problems: one line for each file whose other half is missing.
    """

    pairs: list[tuple[Path, Path]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def pair_files(labels: Iterable[Path], sounds: Iterable[Path], what: str) -> Pairing:
    """Pairs files of one folder by name; a lone pair belongs together whatever it is called.

    Args:
        labels: label files.
        sounds: sound files and films.
        what: what label files are called in messages, e.g. ``take``.
    """
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(labels):
        by_name[_take_name(path)].append(path)
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(sounds):
        by_stem[path.stem.casefold()].append(path)
    chosen = {name: min(paths, key=_variant) for name, paths in by_name.items() if name}
    found = Pairing()
    if len(chosen) == len(by_stem) == 1:
        found.pairs.append((next(iter(chosen.values())), min(next(iter(by_stem.values())), key=_loss)))
        return found
    for name, path in chosen.items():
        if name in by_stem:
            found.pairs.append((path, min(by_stem[name], key=_loss)))
        else:
            found.problems.append(f"{path}: no sound beside it ({path.stem}.wav, .mov or another)")
    for stem, paths in by_stem.items():
        if stem not in chosen:
            found.problems.append(f"{paths[0]}: no {what} beside it ({paths[0].stem}.csv)")
    return found


def is_sound(path: Path) -> bool:
    """Whether a file's name is that of a sound or film."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def is_neutral(path: Path) -> bool:
    """Whether it is the app's recording of the face at rest, which is no take."""
    return path.stem.casefold().endswith(_NEUTRAL)


def _take_name(path: Path) -> str:
    stem = path.stem.casefold()
    for ending in _VARIANTS:
        stem = stem.removesuffix(ending)
    return stem


def _variant(path: Path) -> int:
    stem = path.stem.casefold()
    return next((i for i, ending in enumerate(_VARIANTS, 1) if stem.endswith(ending)), 0)


def _loss(path: Path) -> int:
    suffix = path.suffix.lower()
    return _PREFERRED.index(suffix) if suffix in _PREFERRED else len(_PREFERRED)
