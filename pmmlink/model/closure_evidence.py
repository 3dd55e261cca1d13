"""What the text decoder says of closed lips: the log-odds of P, B and M, at the decoder's frame rate.

The closure head knows its training clips a little too well; on speakers it has not met, the phones that
ψ_TD hears are the better half of the evidence (``docs/model-log.md``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pmmlink.phones import BILABIALS, PHONE_INDEX
from pmmlink.stream.rate import RateWindows
from pmmlink.stream.stage import Chain, Pointwise

_LEAST = 1e-4


class ClosureEvidence(Chain):
    """Logits over :data:`pmmlink.phones.PHONES`, ``[B, T, V]`` at 50 Hz → log-odds ``[B, T', 1]`` at 30 Hz.

    A frame takes the newest token at or before its instant: nothing is waited for.
    """

    def __init__(self) -> None:
        super().__init__(Pointwise(_LogOdds()), RateWindows(3, 5, 1), Pointwise(nn.Flatten(2)))


class _LogOdds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        bilabials = torch.tensor(sorted(PHONE_INDEX[phone] for phone in BILABIALS))
        self.register_buffer("bilabials", bilabials, persistent=False)
        self.bilabials: Tensor

    def forward(self, symbols: Tensor) -> Tensor:
        heard = symbols.softmax(-1)[..., self.bilabials].sum(-1, keepdim=True)
        return torch.logit(heard, eps=_LEAST)
