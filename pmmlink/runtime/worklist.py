"""What there is to bake: which files, under which names, and what is already done."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pmmlink import __version__
from pmmlink.errors import AudioError, ConfigError, TargetError
from pmmlink.resources import default_weights
from pmmlink.retarget import Profile
from pmmlink.sources.file import EXTENSIONS
from pmmlink.whole_file import whole_file

MANIFEST = ".pmmlink-bake.json"
"""Beside the recordings: with which settings each was made."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to bake."""

    source: Path
    out: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides what a bake gives."""

    fps: Fraction
    profile: Profile
    style: str
    weights: Path | None
    threads: int
    subject: str

    def fingerprint(self) -> str:
        """Changes when any setting that changes the result does.

        Raises:
            ConfigError: the weights cannot be read.
        """
        digest = hashlib.sha256()
        digest.update(repr((__version__, self.fps, self.profile, self.style)).encode())
        for flag, path in [("--weights", self.weights or default_weights()), *self._style_files()]:
            try:
                with path.open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
            except OSError as fault:
                raise ConfigError(f"{flag} {path}: cannot be read: {fault.strerror or fault}") from None
        return digest.hexdigest()

    def _style_files(self) -> list[tuple[str, Path]]:
        """Fitted styles that ``style`` names: the same name may hold another style tomorrow."""
        parts = [part.strip() for part in self.style.split(",")]
        names = [part if part.endswith(".json") else part.rpartition(":")[0] for part in parts]
        return [("--style", Path(name)) for name in names if name.endswith(".json")]


def plan(inputs: Sequence[Path], out: Path) -> list[Job]:
    """Sort out what to bake and where to.

    Folders are searched in depth for sound and films. One file goes to ``out`` itself if that ends in
    ``.csv``; otherwise ``out`` is a folder and gets ``<stem>.csv`` for each, with the folder's name in front,
    then the ending behind, then a number where stems clash.

    Raises:
        AudioError: an input that does not exist, or no sound in the folders.
        TargetError: several inputs for one ``.csv``, or a folder that cannot be made.
    """
    sources = _find(inputs)
    if out.suffix.lower() == ".csv" and not out.is_dir():
        if len(sources) > 1:
            raise TargetError(f"{out}: {len(sources)} files cannot go into one .csv; name a folder")
        return [Job(sources[0], out)]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise TargetError(f"{out}: cannot be made a folder: {fault.strerror or fault}") from None
    names = _unique_names(sources)
    return [Job(source, out / f"{name}.csv") for source, name in zip(sources, names, strict=True)]


def _find(inputs: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in inputs:
        if path.is_dir():
            inside = (
                p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS and not p.name.startswith(".")
            )
            found += sorted(p for p in inside if p.is_file())
        elif path.exists():
            found.append(path)
        else:
            raise AudioError(f"{path}: no such file")
    if not found:
        raise AudioError(f"{', '.join(map(str, inputs))}: no sound or video files in there")
    # A file named twice, or named and found in its folder, is one file.
    return list({os.path.normcase(path.resolve()): path for path in reversed(found)}.values())[::-1]


def _unique_names(sources: Sequence[Path]) -> list[str]:
    forms: list[Callable[[Path], str]] = [
        lambda p: p.stem,
        lambda p: f"{p.resolve().parent.name}-{p.stem}",
        lambda p: f"{p.resolve().parent.name}-{p.stem}{p.suffix.replace('.', '-')}",
    ]
    names = [forms[0](source) for source in sources]
    for form in forms[1:]:
        # File names that differ only in case are one file on Windows and macOS.
        count = Counter(name.casefold() for name in names)
        names = [
            form(s) if count[name.casefold()] > 1 else name for s, name in zip(sources, names, strict=True)
        ]
    taken: set[str] = set()
    for i, name in enumerate(names):
        unique, number = name, 2
        while unique.casefold() in taken:
            unique, number = f"{name}-{number}", number + 1
        taken.add(unique.casefold())
        names[i] = unique
    return names


class Done:
    """Remembers in each output folder which recordings were made with which settings."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self._folders: dict[Path, dict[str, Any]] = {}

    def has(self, job: Job) -> bool:
        """The recording exists, is newer than its source, and was made from it with these settings."""
        try:
            newer = job.out.stat().st_mtime_ns >= job.source.stat().st_mtime_ns
        except OSError:
            return False
        return newer and self._of(job.out.parent).get(job.out.name) == self._mark(job)

    def add(self, job: Job) -> None:
        """Note a finished job. A note that cannot be written costs a repeated bake later, no more."""
        folder = self._of(job.out.parent)
        folder[job.out.name] = self._mark(job)
        with suppress(OSError), whole_file(job.out.parent / MANIFEST) as partial:
            partial.write_text(json.dumps(folder, indent=1), encoding="utf-8")

    def _mark(self, job: Job) -> dict[str, Any]:
        return {"settings": self._fingerprint, "source_bytes": job.source.stat().st_size}

    def _of(self, folder: Path) -> dict[str, Any]:
        if folder not in self._folders:
            try:
                notes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                notes = {}
            self._folders[folder] = notes if isinstance(notes, dict) else {}
        return self._folders[folder]
