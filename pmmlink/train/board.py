"""A run's figures for TensorBoard; without the package, nothing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any


class Board:
    """Writes each epoch's figures.

    Args:
        folder: where to; None writes nothing.
        epochs: finished ones: what a stopped run wrote beyond them is discarded.
    """

    def __init__(self, folder: Path | None, epochs: int) -> None:
        self._folder = folder
        self._epochs = epochs
        self._writer: Any = None

    def __enter__(self) -> Board:
        if self._folder is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                return self  # an extra of pmmlink; the log holds the same figures
            self._writer = SummaryWriter(str(self._folder), purge_step=self._epochs + 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def write(self, line: dict[str, Any]) -> None:
        """A line of the log as scalars ``train/position``, ``val/lve``, …"""
        if self._writer is None:
            return
        try:
            for part in ("train", "val"):
                for name, value in line[part].items():
                    self._writer.add_scalar(f"{part}/{name}", value, line["epoch"])
            self._writer.flush()
        except OSError:  # a full disk; the log and the checkpoints say so where it matters
            self._close()

    def _close(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
            self._writer = None
