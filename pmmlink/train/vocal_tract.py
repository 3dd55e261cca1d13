"""Other vocal tracts for the same voices: what is heard, with its frequencies stretched.

Vocal tract length perturbation (Jaitly and Hinton, 2013): every frequency up to a boundary is multiplied by a
factor, the rest is squeezed or stretched to meet the end of the band. Unlike another speed it leaves pitch
and tempo alone. It costs nothing, because only the mel filters are other ones.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from pmmlink.dsp.mel import MelPower, mel_filterbank
from pmmlink.model.audio import AudioEncoder
from pmmlink.types import SAMPLE_RATE_HZ

STRETCH = 0.12
"""Factors lie within 1 ± this."""
CHANCE = 0.5

_BOUNDARY_HZ = 4800.0
_FINER = 16
_NYQUIST_HZ = SAMPLE_RATE_HZ / 2


def warped_hz(hz: Tensor, factor: float) -> Tensor:
    """Where each frequency goes; 0 and half the sample rate stay.

    >>> warped_hz(torch.tensor([0.0, 1000.0, 8000.0]), 1.1).round().tolist()
    [0.0, 1100.0, 8000.0]
    """
    boundary = _BOUNDARY_HZ * min(factor, 1.0) / factor
    upper = _NYQUIST_HZ - (_NYQUIST_HZ - factor * boundary) / (_NYQUIST_HZ - boundary) * (_NYQUIST_HZ - hz)
    return torch.where(hz <= boundary, factor * hz, upper)


@cache
def _finer_filters(window: int, bins: int) -> Tensor:
    # The same at every training step.
    return mel_filterbank(window * _FINER, bins, 0.0, _NYQUIST_HZ)


def stretch_voices(encoder: AudioEncoder, factor: float) -> None:
    """Lets ψ_AE hear all voices with frequencies multiplied by a factor; 1 is as they are."""
    mel = encoder.stages[0]
    assert isinstance(mel, MelPower)
    hz = torch.linspace(0, _NYQUIST_HZ, mel.window // 2 + 1, dtype=torch.float64)
    finer = _finer_filters(mel.window, mel.bins)
    rows = (warped_hz(hz, factor) / _NYQUIST_HZ * (len(finer) - 1)).round().long()
    mel.filters.copy_(finer[rows])
