"""Mends the rough phone times of a neural voice with a forced alignment of its own pronunciation."""

from __future__ import annotations

import numpy as np

from pmmlink.phones import SILENCE
from pmmlink.train.corpus.base import Segment
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.types import FloatArray

TOLERANCE_S = 0.08
"""A forced boundary further than this from the voice's own is not believed."""

INSIDE_WORD_S = 0.15
"""A gap inside a word is no pause: one time is the voice's and its neighbour the aligner's, or a stop is
still shut. It belongs to the phone after it."""


def snap(
    samples: FloatArray, words: list[list[Segment]], aligner: SphinxAligner
) -> tuple[list[Segment], float]:
    """Aligned phones and the aligner's score.

    Args:
        samples: ``[N]`` float32 at 16 kHz.
        words: rough phones by word, without silence.
        aligner: what aligns.

    Raises:
        DataError: the aligner finds nothing.
    """
    found = aligner.align_phones(samples, [[segment.phone for segment in word] for word in words])
    rough = [segment for word in words for segment in word]
    exact = found.phones
    # A constant error of the voice is taken out before the two are compared.
    lag_s = float(np.median([b.start_s - a.start_s for a, b in zip(rough, exact, strict=True)]))
    first_of_word = {sum(map(len, words[:i])) for i in range(len(words))}
    snapped: list[Segment] = []
    for i, (a, b) in enumerate(zip(rough, exact, strict=True)):
        near = (
            abs(b.start_s - a.start_s - lag_s) <= TOLERANCE_S
            and abs(b.end_s - a.end_s - lag_s) <= TOLERANCE_S
        )
        chosen = b if near else Segment(a.phone, a.start_s + lag_s, a.end_s + lag_s)
        floor_s = snapped[-1].end_s if snapped else 0.0
        start_s = max(chosen.start_s, floor_s)
        if i not in first_of_word and start_s - floor_s <= INSIDE_WORD_S:
            start_s = floor_s
        snapped.append(Segment(a.phone, start_s, max(chosen.end_s, start_s + 0.01), a.stress))
    return [segment for segment in snapped if segment.phone != SILENCE], found.score
