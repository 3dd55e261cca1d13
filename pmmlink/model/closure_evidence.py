"""What the text decoder says of closed lips and of silence, at the decoder's frame rate.

The closure head knows its training clips a little too well; on speakers it has not met, the phones that
ψ_TD hears are the better half of the evidence (``docs/model-log.md``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pmmlink.phones import BILABIALS, PHONE_INDEX, SILENCE
from pmmlink.stream.rate import RateWindows
from pmmlink.stream.stage import Chain, Pointwise

_LEAST = 1e-4
_CLOSED, _SILENT = 0, 1
# Rate changes see zeros before the stream: log-odds are counted from those of the surest silence.
_BEFORE = torch.logit(torch.tensor([_LEAST, 1 - _LEAST]))


class ClosureEvidence(Chain):
    """Logits over :data:`pmmlink.phones.PHONES`, ``[B, T, V]`` at 50 Hz → log-odds ``[B, T', 2]`` at 30 Hz.

    The first is of P, B and M, the second of silence. A frame takes the newest tokens at or before its
    instant: nothing is waited for.

    Args:
        memory: shares of the newest token, of the one before and so on in the first; the second is the
            newest token's.
    """

    def __init__(self, memory: Sequence[float] = (1.0,)) -> None:
        super().__init__(
            Pointwise(_LogOdds()), RateWindows(3, 5, len(memory)), Pointwise(_Remembered(memory))
        )


class _LogOdds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        bilabials = torch.tensor(sorted(PHONE_INDEX[phone] for phone in BILABIALS))
        self.register_buffer("bilabials", bilabials, persistent=False)
        self.bilabials: Tensor
        self.silence = PHONE_INDEX[SILENCE]
        self.register_buffer("before", _BEFORE, persistent=False)
        self.before: Tensor

    def forward(self, symbols: Tensor) -> Tensor:
        heard = symbols.softmax(-1)
        closed = heard[..., self.bilabials].sum(-1)
        return torch.logit(torch.stack([closed, heard[..., self.silence]], dim=-1), eps=_LEAST) - self.before


class _Remembered(nn.Module):
    def __init__(self, memory: Sequence[float]) -> None:
        super().__init__()
        oldest_first = torch.tensor(list(reversed(memory)))
        self.register_buffer("shares", oldest_first, persistent=False)
        self.register_buffer(
            "before", _BEFORE * torch.stack([oldest_first.sum(), torch.tensor(1.0)]), persistent=False
        )
        self.shares: Tensor
        self.before: Tensor

    def forward(self, windows: Tensor) -> Tensor:
        closed = windows[..., _CLOSED] @ self.shares
        return torch.stack([closed, windows[..., -1, _SILENT]], dim=-1) + self.before
