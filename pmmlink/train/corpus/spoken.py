"""A clip of a synthetic voice that tells its durations only roughly: its parts joined, its phones snapped."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Job, Made, Segment, tile
from pmmlink.train.corpus.edges import trim_edges
from pmmlink.train.corpus.snap import snap
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

Spoken = tuple[FloatArray, list[list[Segment]]]
"""Samples ``[N]`` at 16 kHz of a part, and its words' rough phones, timed from the part's start."""


def spoken_clip(job: Job, parts: Iterable[Spoken], aligner: SphinxAligner) -> Made:
    """Joins the parts of a clip; every boundary is snapped with a forced alignment (:mod:`.snap`).

    Raises:
        DataError: the voice said nothing, or the aligner does not find what it said.
    """
    sound: list[FloatArray] = []
    words: list[list[Segment]] = []
    at_s = 0.0
    for samples, rough in parts:
        words += [[_later(segment, at_s) for segment in word] for word in rough]
        sound.append(samples)
        at_s += samples.size / SAMPLE_RATE_HZ
    if not words:
        raise DataError(f"{job.id}: the voice found nothing to say in {job.text!r}")
    whole = np.concatenate(sound)
    snapped, score = snap(whole, words, aligner)
    phones = trim_edges(tile(snapped, whole.size / SAMPLE_RATE_HZ), whole)
    return Made(whole, phones, align_score=score, aligner="durations+pocketsphinx")


def _later(segment: Segment, seconds: float) -> Segment:
    return Segment(segment.phone, segment.start_s + seconds, segment.end_s + seconds, segment.stress)
