"""What ψ_AE, ψ_AD and ψ_TD must do without while they learn, so that they do not learn their clips by heart.

Two bands of the spectrum are hidden from each item (SpecAugment, Park et al. 2019, without its masks in time:
a phone that cannot be heard at all would have to be guessed from the words around it), and what a block adds
to its input loses some of its channels (dropout, as in Gulati et al. 2020). Outside training neither happens;
in it only where it is asked for (``--regularise``): the shipped weights were trained without
(``docs/model-log.md``, section 25).
"""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.dsp.level import RunningLevel
from pmmlink.model.audio import AudioEncoder
from pmmlink.train.grow import conformer_blocks

DROPPED = 0.1
"""Chance of a channel of what a block's parts add."""
BANDS = 2
WIDEST = 14
"""Mel bands of 80 that a hidden band spans at most; at least none."""


def drop_channels(model: nn.Module, chance: float = DROPPED) -> None:
    """Lets all conformer blocks of a model lose channels in training mode."""
    for block in conformer_blocks(model).values():
        for part in (block.first.project, block.attention.out, block.mix, block.second.project):
            part.register_forward_hook(
                lambda part, _given, out: F.dropout(out, chance, training=part.training)
            )


class HiddenBands:
    """Hides bands of the mel spectrum that ψ_AE hears in training mode, other ones in every item and batch.

    Args:
        encoder: of the ``mel`` front.
        rng: draws the bands; a new one for each batch makes batches repeatable.
    """

    def __init__(self, encoder: AudioEncoder, rng: np.random.Generator) -> None:
        self.rng = rng
        level = next(stage for stage in encoder.stages if isinstance(stage, RunningLevel))
        level.register_forward_hook(lambda level, _given, out: self.hide(out) if level.training else out)

    def hide(self, spectra: Tensor) -> Tensor:
        """``[B, T, bins]`` with bands as loud at all times as they are on the mean."""
        hidden = spectra.clone()
        for item in hidden:
            for _ in range(BANDS):
                width = int(self.rng.integers(0, WIDEST + 1))
                first = int(self.rng.integers(0, spectra.shape[-1] - width + 1))
                item[:, first : first + width] = item[:, first : first + width].mean(0, keepdim=True)
        return hidden
