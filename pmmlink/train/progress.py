"""Where a run is, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from pmmlink.train.losses import TERMS


class Reporter(Protocol):
    """Who is told how a run goes (only the first process tells)."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def reading(self, done: int, total: int) -> None:
        """Takes read before training begins."""

    def step(self, epoch: int, done: int, steps: int, loss: float) -> None:
        """A step is done: its epoch (from 0), the steps done in it, the steps of an epoch, its loss."""

    def epoch(self, line: dict[str, Any]) -> None:
        """An epoch is done: its line of the log."""


@dataclass(slots=True)
class Progress:
    """Where a run is, and what it has found.

    Attributes:
        epoch: epochs finished.
        step: steps done in the next one.
        sums: terms of eq. 8 summed over its clips so far, and their number, ``[5]``, of this process.
        best: lowest validation position loss.
        best_epoch: in which it was reached, from 1.
        log: a line for each finished epoch.
    """

    epoch: int = 0
    step: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(len(TERMS) + 1, dtype=torch.float64))
    best: float = float("inf")
    best_epoch: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)
