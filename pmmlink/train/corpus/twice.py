"""Aligns real speech with two aligners that fail differently, and keeps what they agree on.

On clean synthetic voices half of each one's boundaries lie within 8 ms of the exact times; on accented real
speech they part ways by more than 60 ms for a sixth of the phones. Where they agree, the mean of both is
taken, elsewhere the second's times, and the disagreement lowers the clip's score.
"""

from __future__ import annotations

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Segment, tile
from pmmlink.train.corpus.edges import refuse_stretched, refuse_unexplained, trim_edges
from pmmlink.train.corpus.espeak_engine import espeak_words
from pmmlink.train.corpus.frame_aligner import FrameAligner
from pmmlink.train.corpus.sphinx import Alignment, SphinxAligner
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

AGREE_S = 0.06
"""Two times of one boundary this close mean the same."""

PENALTY = 1.0
"""Weight of the share that lies apart in the score."""

LEAST_SCORE = -2.5
"""A clip that scores less is refused: the second aligner hears other phones than the text's."""


def align_twice(
    samples: FloatArray, words: list[str], sphinx: SphinxAligner, frames: FrameAligner
) -> tuple[list[Segment], float]:
    """Phones over the whole clip, and a score (higher is better).

    Args:
        samples: ``[N]`` float32 at 16 kHz.
        words: lower case; those that the dictionary lacks are pronounced as eSpeak NG would.
        sphinx: chooses the pronunciations.
        frames: checks and refines.

    Raises:
        DataError: no alignment, a bad score, a phone comes out impossibly long, or there is speech that the
            words do not cover.
    """
    for word in words:
        if not sphinx.knows(word):
            sphinx.teach(word, [phone for part in espeak_words(word, "en-us", "en") for phone in part])
    first = sphinx.align(samples, words)
    second = frames.align(samples, [[[phone.phone for phone in word.phones]] for word in first.words])
    phones, apart = merge(first, second)
    score = second.score - PENALTY * apart
    if score < LEAST_SCORE:
        raise DataError(f"the sound does not follow the transcript (score {score:.2f}, {apart:.0%} unclear)")
    whole = trim_edges(tile(phones, samples.size / SAMPLE_RATE_HZ), samples)
    refuse_stretched(whole)
    refuse_unexplained(whole, samples)
    return whole, score


def merge(first: Alignment, second: Alignment) -> tuple[list[Segment], float]:
    """Means of the boundaries that agree, the second's elsewhere; and the share of phones that lie apart."""
    merged: list[Segment] = []
    apart = 0
    for a, b in zip(first.phones, second.phones, strict=True):
        near_start, near_end = abs(a.start_s - b.start_s) <= AGREE_S, abs(a.end_s - b.end_s) <= AGREE_S
        apart += not (near_start and near_end)
        start_s = 0.5 * (a.start_s + b.start_s) if near_start else b.start_s
        end_s = 0.5 * (a.end_s + b.end_s) if near_end else b.end_s
        start_s = max(start_s, merged[-1].end_s if merged else 0.0)
        merged.append(Segment(b.phone, start_s, max(end_s, start_s + 0.01)))
    return merged, apart / max(len(merged), 1)
