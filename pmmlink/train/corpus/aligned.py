"""Sources that need the corpus's own aligner, learnt from the sources built before them.

The aligner hears real, accented, badly recorded speech only if it has learnt some: to the exactly timed
synthetic clips come clips of speechocean762's training speakers, timed by PocketSphinx. Without them it
squeezes vowels on such speech and disagrees with PocketSphinx about every third clip; with them about
every sixth, and the pictures say that it is the better of the two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Segment, Source, read_audio, tile
from pmmlink.train.corpus.edges import refuse_stretched, stretched, trim_edges
from pmmlink.train.corpus.espeak_engine import espeak_words
from pmmlink.train.corpus.frame_aligner import Example, FrameAligner, corpus_examples, learn
from pmmlink.train.corpus.speechocean_lists import lexicon, utterances
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

ALIGNER = "aligner.npz"
"""In the corpus's folder. Once learnt it stays, so that a second build changes nothing; delete it to learn
anew."""

REAL_CLIPS = 1300
WORST = 0.2
"""Share of the real clips, by PocketSphinx's score, that is not learnt from."""

_SEED = 11


class AlignedSource(Source):
    """A source whose clips are timed by :class:`FrameAligner`.

    Attributes:
        aligner_name: hash of the aligner; part of every job, so that a new aligner makes the clips anew.
    """

    def __init__(self) -> None:
        self.aligner_name = ""
        self._path: Path | None = None
        self._aligner: FrameAligner | None = None

    def prepare(self, material: Path, corpus: Path, say: Callable[[str], None]) -> None:
        path = corpus / ALIGNER
        if not path.is_file():
            examples = list(corpus_examples(corpus))
            root = material / "speechocean762"
            if root.is_dir():
                examples += real_examples(root, say)
            learn(examples, path, say)
        self._path = path
        self.aligner_name = hashlib.sha256(path.read_bytes()).hexdigest()[:12]

    def aligner(self) -> FrameAligner:
        """The aligner, loaded once per process.

        Raises:
            DataError: :meth:`prepare` was not called, or the aligner cannot be read.
        """
        if self._aligner is None:
            if self._path is None:
                raise DataError(f"{self.name} needs the corpus's aligner: use 'pmmlink data build'")
            self._aligner = FrameAligner(self._path)
        return self._aligner

    def pronounced(self, samples: FloatArray, text: str, language: str) -> tuple[list[Segment], float]:
        """Phones over the whole clip of a text as eSpeak NG would say it, and a score (higher is better).

        Args:
            samples: ``[N]`` float32 at 16 kHz.
            text: what is said.
            language: of two letters, also eSpeak NG's voice.

        Raises:
            DataError: eSpeak NG cannot read the text, no alignment, or a phone comes out impossibly long.
        """
        words = espeak_words(text, language, language)
        found = self.aligner().align(samples, [[word] for word in words])
        phones = trim_edges(tile(found.phones, samples.size / SAMPLE_RATE_HZ), samples)
        refuse_stretched(phones)
        return phones, found.score


def real_examples(root: Path, say: Callable[[str], None], count: int = REAL_CLIPS) -> list[Example]:
    """Clips of speechocean762's training speakers as PocketSphinx times them, the worst left out.

    Raises:
        DataError: the tables are missing.
    """
    clips = [clip for clip in utterances(root) if clip.split == "train"]
    chosen = np.random.default_rng(_SEED).permutation(len(clips))[:count]
    sphinx = SphinxAligner(lexicon(root), only_missing=True)
    scored: list[tuple[float, Example]] = []
    for number, i in enumerate(chosen):
        if number % 100 == 0:
            say(f"first alignment {number}/{len(chosen)}")
        scored += _timed(clips[int(i)].audio, list(clips[int(i)].words), sphinx)
    scored.sort(key=lambda pair: pair[0])
    return [example for _, example in scored[int(WORST * len(scored)) :]]


def _timed(audio: Path, words: list[str], sphinx: SphinxAligner) -> Iterator[tuple[float, Example]]:
    """One pair of score and example, or none where the clip cannot be used."""
    try:
        samples = read_audio(audio)
        found = sphinx.align(samples, words)
    except DataError:
        return
    phones = trim_edges(tile(found.phones, samples.size / SAMPLE_RATE_HZ), samples)
    if stretched(phones) is None:
        yield found.score, Example(samples, tuple(phones))
