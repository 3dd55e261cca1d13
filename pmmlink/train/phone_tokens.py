"""The phone of every 20 ms token: what ψ_TD, and whoever teaches it, are asked for."""

from __future__ import annotations

import numpy as np

from pmmlink.model.audio import TOKEN_HZ
from pmmlink.phones import PHONE_INDEX
from pmmlink.train.corpus.reader import Clip

IGNORE = -100
"""Phone class of tokens without a label."""


def phone_tokens(clip: Clip, tokens: int, speed: float = 1.0) -> np.ndarray:
    """``[tokens]`` class of each token of a clip, ``IGNORE`` without a label.

    Args:
        clip: the clip.
        tokens: how many.
        speed: at which it is played.
    """
    classes = np.full(tokens, IGNORE, np.int64)
    for s in clip.phones or ():
        start, end = (round(at_s / speed * TOKEN_HZ) for at_s in (s.start_s, s.end_s))
        classes[start:end] = PHONE_INDEX[s.phone]
    return classes
