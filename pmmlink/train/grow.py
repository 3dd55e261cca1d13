"""Blocks added to a trained encoder: they begin by handing on what they get."""

from __future__ import annotations

import torch
from torch import nn

from pmmlink.model.conformer import ConformerBlock


def conformer_blocks(module: nn.Module) -> dict[str, ConformerBlock]:
    """A module's conformer blocks by their names in its state, first to last."""
    return {name: m for name, m in module.named_modules() if isinstance(m, ConformerBlock)}


@torch.no_grad()
def hand_on(block: ConformerBlock, before: nn.LayerNorm) -> None:
    """Sets a block up so that it returns about what it gets.

    What comes from a layer norm has nearly the same mean and spread over the channels at every step. The
    block's own norm takes them off, so it is set to put them on again; all else adds nothing yet.

    Args:
        block: the new block.
        before: the norm at the end of the block before it.
    """
    for linear in (block.first.project, block.attention.out, block.mix, block.second.project):
        linear.weight.zero_()
        linear.bias.zero_()
    spread = (before.weight.square().mean() + before.bias.var()).sqrt()
    block.norm.weight.fill_(float(spread))
    block.norm.bias.fill_(float(before.bias.mean()))
