"""Forced phone alignment of English with PocketSphinx.

Two passes: words against the text (with optional silences and alternative pronunciations), then
phones against the words found. Beams are widened when a clip does not come through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pmmlink.errors import DataError
from pmmlink.phones import SILENCE, strip_stress
from pmmlink.train.corpus.base import Segment
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

FRAME_S = 0.01

EARLY_S = 0.007
"""PocketSphinx marks boundaries 7 ms before they are heard (measured in the prototype against
hand-labelled phones): its frames are named by their start and are 25.6 ms wide."""

_BEAMS = (1e-64, 1e-120, 1e-250)
"""Tried in turn. The first is twice as wide (in the exponent) as nothing lost on clean native speech."""

_DITHER = 4.0
"""Standard deviation of the noise added before aligning, in steps of 16 bit."""

_ALTERNATIVE = re.compile(r"\(\d+\)$")
_NOISE = frozenset(
    {"<sil>", "<s>", "</s>", "[NOISE]", "[COUGH]", "[BREATH]", "[SMACK]", "[UM]", "[UH]", "++NOISE++"}
)


_Entry = tuple[str, list[tuple[str, int, int, float]]]
"""A word and its phones as (name, first frame, frames, log score)."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of an alignment and its phones."""

    text: str
    start_s: float
    end_s: float
    phones: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Words with phones in order, and how well they fit.

    Attributes:
        words: spoken words only; pauses are the gaps between them.
        score: mean log score per frame over the phones of the text; higher is better.
    """

    words: tuple[Word, ...]
    score: float

    @property
    def phones(self) -> list[Segment]:
        """All phones in order."""
        return [phone for word in self.words for phone in word.phones]


class SphinxAligner:
    """Aligns English text to 16 kHz sound.

    Args:
        words: extra pronunciations, word → phones such as ``"B IY"``, beside the dictionary's own.
        only_missing: leave words alone that the dictionary has.
    """

    def __init__(self, words: Iterable[tuple[str, str]] = (), *, only_missing: bool = False) -> None:
        self._extra = tuple(words)
        self._only_missing = only_missing
        self._decoders: dict[float, Any] = {}

    def _decoder(self, beam: float) -> Any:
        if beam not in self._decoders:
            try:
                import pocketsphinx
            except ImportError as error:
                raise DataError(
                    "forced alignment needs 'pocketsphinx': pip install 'pmmlink[train]'"
                ) from error
            decoder = pocketsphinx.Decoder(
                loglevel="FATAL", lm=None, bestpath=False, beam=beam, pbeam=beam, wbeam=beam, maxhmmpf=-1
            )
            known = {word for word, _ in self._extra if decoder.lookup_word(word) is not None}
            for word, phones in self._extra:
                if self._only_missing and word in known:
                    continue
                name, count = word, 1
                while decoder.lookup_word(name) is not None:
                    count += 1
                    name = f"{word}({count})"
                decoder.add_word(name, phones, False)
            self._decoders[beam] = decoder
        return self._decoders[beam]

    def knows(self, word: str) -> bool:
        """Whether a word can be aligned."""
        return self._decoder(_BEAMS[0]).lookup_word(word) is not None

    def teach(self, word: str, phones: list[str]) -> None:
        """Adds a word, unless it is known already."""
        for beam in _BEAMS:
            decoder = self._decoder(beam)
            if decoder.lookup_word(word) is None:
                decoder.add_word(word, " ".join(phones), False)

    def align(self, samples: FloatArray, words: list[str]) -> Alignment:
        """Times the phones of ``words`` in ``samples``.

        Args:
            samples: ``[N]`` float32 at 16 kHz.
            words: lower case, all known.

        Raises:
            DataError: no words, an unknown word, or no beam finds the whole text.
        """
        if not words:
            raise DataError("nothing to align: the transcript is empty")
        unknown = [word for word in words if not self.knows(word)]
        if unknown:
            raise DataError(f"not in the pronouncing dictionary: {' '.join(unknown)}")
        level = float(np.abs(samples).max()) + 1e-9
        # A whisper of noise: digital silence has no spectrum, and phones at its edge would run into it.
        dither = np.random.default_rng(0).normal(0.0, _DITHER, samples.size)
        pcm = np.round(samples * (0.7 / level) * 32767.0 + dither).astype("<i2").tobytes()
        for beam in _BEAMS:
            entries = self._two_passes(self._decoder(beam), pcm, words)
            if entries is not None:
                return self._collect(entries, words, samples.size / SAMPLE_RATE_HZ)
        raise DataError("the sound does not follow the transcript: no alignment found at any beam width")

    def align_phones(self, samples: FloatArray, words: list[list[str]]) -> Alignment:
        """Times a known pronunciation: ``words`` are lists of ARPAbet phones without stress.

        Raises:
            DataError: as :meth:`align`.
        """
        names: list[str] = []
        for phones in words:
            name = "=" + "-".join(phones)
            self.teach(name, phones)
            names.append(name)
        return self.align(samples, names)

    def _two_passes(self, decoder: Any, pcm: bytes, words: list[str]) -> list[_Entry] | None:
        try:
            decoder.set_align_text(" ".join(words))
            _decode(decoder, pcm)
            if decoder.hyp() is None:
                return None
            decoder.set_alignment()
            _decode(decoder, pcm)
            entries = _copy(decoder.get_alignment())
        except RuntimeError:
            # What PocketSphinx raises when no path survives the beam.
            return None
        return entries if [_ALTERNATIVE.sub("", name) for name, _ in entries] == words else None

    def _collect(self, entries: list[_Entry], words: list[str], duration_s: float) -> Alignment:
        found: list[Word] = []
        total, count = 0.0, 0
        for word, (_, entry) in zip(words, entries, strict=True):
            phones: list[Segment] = []
            for phone, start, frames, score in entry:
                start_s = min(start * FRAME_S + EARLY_S, duration_s)
                end_s = min((start + frames) * FRAME_S + EARLY_S, duration_s)
                name = strip_stress(phone)
                if name != SILENCE:
                    phones.append(Segment(name, start_s, end_s))
                    total += score
                    count += frames
            if not phones:
                raise DataError(f"the word {word!r} came out without phones")
            found.append(Word(word, phones[0].start_s, phones[-1].end_s, tuple(phones)))
        return Alignment(tuple(found), total / max(count, 1))


def _copy(alignment: Any) -> list[_Entry]:
    """Copies while iterating: an entry points into the iterator and dies with it."""
    entries: list[_Entry] = []
    for word in alignment or ():
        phones = [(phone.name, phone.start, phone.duration, phone.score) for phone in word]
        if word.name not in _NOISE:
            entries.append((word.name, phones))
    return entries


def _decode(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
