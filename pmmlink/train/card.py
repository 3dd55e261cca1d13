"""The model card of weights that ``pmmlink train`` made."""

from __future__ import annotations

from typing import Any

from pmmlink.train.clips import Clip, Parts
from pmmlink.train.recipe import Recipe
from pmmlink.train.start import Origin


def model_card(recipe: Recipe, parts: Parts, origin: Origin, line: dict[str, Any]) -> dict[str, Any]:
    """What somebody who finds the weights must know: data, protocol, command, losses, figures, origin.

    Args:
        recipe: of the run.
        parts: its takes.
        origin: the weights begun from; their card's licence and sources travel along.
        line: the log's line of the epoch that is kept.
    """
    lambdas = recipe.lambdas
    return {
        "made by": "pmmlink train",
        "licence": (
            "not stated: follows from the training data's licences and those of the starting point "
            f"({origin.card.get('licence', 'not stated')})"
        ),
        "intended use": "Mouth animation of virtual characters from speech. Not for impersonating people.",
        "starting point": {
            "file": origin.file,
            "sha256": origin.sha256,
            "kept": "frozen parts only" if recipe.fresh else "all parts",
        },
        **({"sources": origin.card["sources"]} if "sources" in origin.card else {}),
        "training data": {
            "folders": ", ".join(
                folder.replace("\\", "/").rstrip("/").rpartition("/")[2] for folder in recipe.data
            ),
            "train": _counts(parts.train),
            "val": _counts(parts.val),
            "test (not looked at)": _counts(parts.test),
        },
        "protocol": f"{recipe.protocol}, seed {recipe.split_seed}",
        "frozen": "ψ_AE, ψ_TD, ψ_HG",
        "losses": (
            f"{lambdas.position:g} position + {lambdas.motion:g} motion + {lambdas.temporal:g} temporal "
            f"+ {lambdas.semantic:g} semantic (eq. 8-12)"
        ),
        "optimiser": f"Adam, {recipe.lr:g}, batch {recipe.batch}, {recipe.precision}, seed {recipe.seed}",
        "command": recipe.command,
        "figures": {
            "epoch": f"{line['epoch']} of {recipe.epochs}",
            **{f"training {name} loss": round(value, 6) for name, value in line["train"].items()},
            **{f"validation {name}": round(value, 6) for name, value in line["val"].items()},
        },
    }


def _counts(clips: tuple[Clip, ...]) -> str:
    takes = {clip.take.id for clip in clips}
    subjects = {clip.take.subject for clip in clips}
    return f"{_some(len(takes), 'take')} of {_some(len(subjects), 'subject')}"


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
