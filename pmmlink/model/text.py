"""ψ_TD: latents → vocabulary scores, frame by frame (paper, eq. 3)."""

from __future__ import annotations

from torch import nn

from pmmlink.model.audio import ContextDecoder
from pmmlink.model.config import ContextConfig
from pmmlink.stream.stage import Chain, Pointwise


class TextDecoder(Chain):
    """Transformer or conformer blocks and a CTC head: ``[B, T, C]`` → ``[B, T, vocabulary]`` logits.

    Symbol 0 is the CTC blank; in the compact preset that is silence, and the others are the phones of
    :data:`pmmlink.phones.PHONES`.
    """

    def __init__(self, in_dim: int, vocabulary: int, config: ContextConfig) -> None:
        super().__init__(ContextDecoder(in_dim, config), Pointwise(nn.Linear(config.dim, vocabulary)))
