"""A run's folder: checkpoints that appear whole or not at all, the log, the best weights.

``last.pt``          everything that going on needs, but for the frozen parts
``best.safetensors`` the weights with the lowest validation loss, for ``pmmlink play --weights``
``log.jsonl``        a line an epoch
``run.json``         settings and facts of the run
``tensorboard/``     the same figures for TensorBoard
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch

from pmmlink.errors import CheckpointError, ConfigError, RuntimeFault
from pmmlink.whole_file import whole_file

FORMAT = "pmmlink-run/1"


class RunFolder:
    """The files of one run.

    Args:
        path: the folder; made when something is saved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last = path / "last.pt"
        self.best = path / "best.safetensors"
        self.tensorboard = path / "tensorboard"

    def create(self) -> None:
        """Makes the folder.

        Raises:
            RuntimeFault: it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RuntimeFault(
                f"{self.path}: cannot make the run's folder: {error.strerror or error}"
            ) from error

    def kept(self) -> str:
        """What a run that fails leaves, for its message."""
        return f"{self.last} is intact" if self.last.exists() else "no checkpoint was saved yet"

    def save_last(self, state: dict[str, Any]) -> None:
        """Replaces ``last.pt``; the one before stays whole until the new one is on the disk.

        Raises:
            RuntimeFault: it cannot be written, the disk is full.
        """
        self._replace(self.last, lambda file: torch.save({"format": FORMAT, **state}, file))

    def load_last(self) -> dict[str, Any] | None:
        """What ``last.pt`` holds, None where a run has not begun.

        Raises:
            CheckpointError: it is damaged or something else.
            ConfigError: the folder is a file.
        """
        if self.path.is_file():
            raise ConfigError(f"--out {self.path}: is a file; give the name of a folder")
        try:
            state = torch.load(self.last, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            raise CheckpointError(
                f"{self.last}: damaged ({str(error).splitlines()[0]}): remove it to begin the run again"
            ) from error
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise CheckpointError(f"{self.last}: not a run's checkpoint: use another --out")
        return state

    def write_log(self, lines: list[dict[str, Any]]) -> None:
        """Writes the whole log: after a resume it holds no epoch twice."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        self._replace(self.path / "log.jsonl", lambda file: file.write(text.encode()))

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Writes ``run.json``."""
        text = json.dumps(settings, indent=1, ensure_ascii=False) + "\n"
        self._replace(self.path / "run.json", lambda file: file.write(text.encode()))

    def _replace(self, path: Path, write: Callable[[BinaryIO], object]) -> None:
        try:
            with whole_file(path) as partial, partial.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())  # a checkpoint that a power cut empties is none
        except (OSError, RuntimeError) as error:  # torch's writer wraps the system's error in its own
            cause = error if isinstance(error, OSError) else error.__context__ or error
            reason = getattr(cause, "strerror", None) or str(cause).splitlines()[0]
            raise RuntimeFault(
                f"{path}: cannot be written ({reason}); {self.kept()}: make room and run the same command "
                "again"
            ) from error
