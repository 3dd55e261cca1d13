"""What a run of ``pmmlink train`` is asked to do; the defaults are the paper's (section IV-E)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from pmmlink.errors import CheckpointError
from pmmlink.model.config import MODALITIES
from pmmlink.train.losses import Lambdas

LOSSES = {"tem": "temporal", "sem": "semantic", "mot": "motion"}
"""Table V's names of the losses that can be left out → fields of :class:`Lambdas`."""

_MAY_CHANGE = ("epochs", "patience", "save_every", "command", "data", "weights")
"""What a resumed run may be given anew: how long it goes on, and where files lie (what is in them is
compared apart)."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings that decide what a run computes, and how long.

    Attributes:
        data: folders of the data sets.
        protocol: how takes are parted into train, val and test.
        weights: the file begun from.
        fresh: take only the frozen parts from it; what is trained starts at random.
        seed: of the order and the random start.
        split_seed: of the protocol's draw, and of ``limit``'s.
        epochs: passes over the training takes.
        lr: of Adam.
        batch: clips of an optimiser step, over all processes; their gradients are added up.
        clip_norm: largest norm of the gradient; 0 leaves it alone.
        dropout: in the decoder.
        patience: epochs without a better validation loss after which the run ends; 0 never.
        save_every: optimiser steps between checkpoints within an epoch.
        longest_s: takes longer than this many seconds are cut into equal pieces.
        limit: at most so many clips (takes, or pieces of long ones) of each subject in each part; 0: all.
        without: modalities left out (table V).
        without_loss: losses left out (table V): tem, sem, mot.
        precision: float32, bfloat16 or float16, of the parts that are trained.
        command: the command line, for the model card.
    """

    data: tuple[str, ...]
    protocol: str
    weights: str
    fresh: bool = False
    seed: int = 0
    split_seed: int = 0
    epochs: int = 80
    lr: float = 1e-4
    batch: int = 1
    clip_norm: float = 1.0
    dropout: float = 0.0
    patience: int = 0
    save_every: int = 200
    longest_s: float = 20.0
    limit: int = 0
    without: tuple[str, ...] = ()
    without_loss: tuple[str, ...] = ()
    precision: str = "float32"
    command: str = ""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that are trained, in the model's order."""
        return tuple(m for m in MODALITIES if m not in self.without)

    @property
    def lambdas(self) -> Lambdas:
        """Weights of eq. 8."""
        return dataclasses.replace(Lambdas(), **{LOSSES[name]: 0.0 for name in self.without_loss})

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}


def check_same(asked: dict[str, Any], kept: dict[str, Any], where: str) -> None:
    """Refuses to go on with a run under other settings.

    Args:
        asked: settings and facts of the run that is being started.
        kept: those of the checkpoint.
        where: the run's folder, for the message.

    Raises:
        CheckpointError: naming the first setting that differs.
    """
    for key in [*asked, *(k for k in kept if k not in asked)]:
        if key not in _MAY_CHANGE and asked.get(key) != kept.get(key):
            raise CheckpointError(
                f"{where}: begun with {key} {_short(kept.get(key))}, now asked for {_short(asked.get(key))}: "
                "use the same settings to go on, or another --out"
            )


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text[:80] or "none"
