"""The model that a run begins from: pretrained frozen parts, and what is trained fresh or from a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pmmlink.errors import CheckpointError
from pmmlink.model.checkpoint import UNTRAINED, load_model, read_card, sha256_of
from pmmlink.model.config import MODALITIES, PMMTalkConfig
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.features import FROZEN
from pmmlink.train.recipe import Recipe

DEFAULT_STYLE = "default"
"""The first style of every weights file: in one that was trained here, the mean of the trained ones."""


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a run's weights come from.

    Attributes:
        file: name of the weights file.
        sha256: of the file.
        card: its model card.
    """

    file: str
    sha256: str
    card: dict[str, Any]


def build_model(recipe: Recipe, styles: tuple[str, ...], mean: Tensor) -> tuple[PMMTalk, Origin]:
    """The model to train, with its frozen parts frozen.

    The lip seal is left off: it listens to the closure head, which none of the paper's losses trains. So is
    all else that comes after the decoder: losses and validation see ψ_PD's own frames, as in the paper.

    Args:
        recipe: which weights, modalities, seed.
        styles: names of the training takes' styles.
        mean: ``[N]`` mean of the training targets. Where the file's model has another number of outputs, the
            last layer is a new one (the paper's adjustment for VOCASET); a new one starts at this mean. What
            is NaN, an output without any label, rests: nothing would ever teach it not to follow chance.

    Raises:
        CheckpointError: the file cannot be read, or lacks a modality that is asked for.
    """
    path = Path(recipe.weights)
    check_weights(recipe)
    source, card = load_model(path)
    config = dataclasses.replace(
        source.config,
        modalities=recipe.modalities,
        styles=(DEFAULT_STYLE, *(s for s in styles if s != DEFAULT_STYLE)),
        lip_seal=False,
        phone_share=0.0,  # of the closure head, which is left alone for the same reason
        least_gap_mm=0.0,
        smoothing=0.0,
        decoder=dataclasses.replace(source.config.decoder, outputs=len(mean)),
    )
    torch.manual_seed(recipe.seed)
    model = PMMTalk(config, dropout=recipe.dropout)
    start = model.state_dict()
    unlabelled = mean.isnan()
    start.update(_kept(source, model, recipe.fresh))
    if recipe.fresh or UNTRAINED in card or source.config.decoder.outputs != len(mean):
        start["decoder.curves.bias"] = mean.nan_to_num().float()
        start["decoder.curves.weight"][unlabelled] = 0.0
    model.load_state_dict(start)
    for name in FROZEN:
        if hasattr(model, name):
            getattr(model, name).requires_grad_(False)
    training_mode(model)
    return model, Origin(path.name, sha256_of(path), card)


def check_weights(recipe: Recipe) -> None:
    """Says at once, not after hours of takes have been read, that a run has nothing to begin from.

    Raises:
        CheckpointError: the file cannot be read, or lacks a modality that is asked for.
    """
    held = read_card(Path(recipe.weights))[0].modalities
    missing = [modality for modality in recipe.modalities if modality not in held]
    if missing:
        raise CheckpointError(
            f"{recipe.weights}: holds no {missing[0]} branch; leave it out with --without {missing[0]}, "
            "or use other weights"
        )


def training_mode(model: PMMTalk) -> None:
    """Training mode for what is trained; the frozen parts stay as they are used (batch norms!)."""
    model.train()
    for name in FROZEN:
        if hasattr(model, name):
            getattr(model, name).eval()


def _kept(source: PMMTalk, model: PMMTalk, fresh: bool) -> dict[str, Tensor]:
    """Tensors of the file that the run begins with, fitted to the run's modalities and styles."""
    own = model.state_dict()
    theirs = source.state_dict()
    frozen = (*(f"{part}." for part in FROZEN), "reference_face")
    kept = {n: t for n, t in theirs.items() if n in own and t.shape == own[n].shape and n.startswith(frozen)}
    if fresh:
        return kept
    kept = {n: t for n, t in theirs.items() if n in own and t.shape == own[n].shape}
    kept["styles"] = _styles(source, model.config)
    kept["decoder.fuse.weight"] = _fusion(source, model.config)
    return kept


def _styles(source: PMMTalk, config: PMMTalkConfig) -> Tensor:
    """Vectors of the styles that the file knows; the others start where its default is."""
    known = {name: i for i, name in enumerate(source.config.styles)}
    return torch.stack([source.styles.detach()[known.get(name, 0)] for name in config.styles])


def _fusion(source: PMMTalk, config: PMMTalkConfig) -> Tensor:
    """The fusion layer without the columns of the modalities that are left out."""
    weight, align = source.decoder.fuse.weight.detach(), config.decoder.align_dim
    order = [m for m in MODALITIES if m in source.modalities]
    columns = [weight[:, i * align : (i + 1) * align] for i, m in enumerate(order) if m in config.modalities]
    return torch.cat([*columns, weight[:, -config.style_dim :]], dim=1)


def set_default_style(model: PMMTalk, trained: frozenset[str]) -> None:
    """Gives the default style the mean of the trained ones, unless takes train it themselves."""
    names = [name for name in model.config.styles[1:] if name in trained]
    if DEFAULT_STYLE in trained or not names:
        return
    rows = [model.config.styles.index(name) for name in names]
    with torch.no_grad():
        model.styles[0] = model.styles[rows].mean(dim=0)
