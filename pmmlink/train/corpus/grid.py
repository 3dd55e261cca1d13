"""GRID speaker 1: one man, 51 words, mouth measured from video.

Phones: PocketSphinx inside the corpus's own word times. Where the two disagree about a word by more
than 100 ms, the word's dictionary phones are spread over the corpus's times instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Job, Made, Segment, Source, read_audio, split_of, tile
from pmmlink.train.corpus.curve_csv import read_curves
from pmmlink.train.corpus.edges import trim_edges
from pmmlink.train.corpus.sphinx import Alignment, SphinxAligner
from pmmlink.types import SAMPLE_RATE_HZ

UNITS_PER_S = 25_000

LIVE = (
    *("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollUpper"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthPressLeft", "mouthPressRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthStretchLeft", "mouthStretchRight"),
)
"""Columns that move with this face; the tracker leaves the others dead. MediaPipe's mouthClose is
*not* ARKit's (how far the lips cover an open jaw): it is high whenever the mouth is shut. The jaw follows
the sound's envelope by 15 ms, here and in FACEGOOD's takes alike: neither is re-timed."""

_LETTERS = {
    "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY", "h": "EY CH",
    "i": "AY", "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "o": "OW", "p": "P IY",
    "q": "K Y UW", "r": "AA R", "s": "EH S", "t": "T IY", "u": "Y UW", "v": "V IY", "x": "EH K S",
    "y": "W AY", "z": "Z EH D",
}  # fmt: skip
"""British letter names; GRID has no *w*."""

_SPREAD = {"P": 0.08, "B": 0.07, "M": 0.07, "T": 0.07, "D": 0.06, "N": 0.07, "L": 0.06, "DH": 0.05}
"""Rough durations in seconds for the fallback; the rest count 0.11."""

_AGREE_S = 0.1


class Grid(Source):
    """989 clips of three seconds; a tenth of the sentences is test, a twentieth dev."""

    name = "grid_s1"
    licence = "CC BY 4.0 (GRID corpus, Zenodo 3625687)"
    version = 2

    def __init__(self) -> None:
        self._aligner: SphinxAligner | None = None

    def jobs(self, material: Path) -> Iterable[Job]:
        root = material / "grid_s1"
        clips = sorted((root / "audio").glob("*.opus"))
        if not clips:
            raise DataError(
                f"{root / 'audio'}: no GRID clips there; give the folder that holds grid_s1 as --material"
            )
        for path in clips:
            inputs = (path, root / "words" / f"{path.stem}.align", root / "arkit" / f"{path.stem}.csv")
            yield Job(
                id=path.stem,
                speaker="grid_s1",
                sex="m",
                language="en",
                # One speaker: split by sentence, and the sentence is the clip's name.
                split=split_of(f"grid:{path.stem}", dev=0.05, test=0.1),
                text="",
                style="grid_s1",
                inputs=inputs,
            )

    def make(self, job: Job) -> Made:
        audio, words_path, curves_path = job.inputs
        samples = read_audio(audio)
        words = read_words(words_path)
        if self._aligner is None:
            self._aligner = SphinxAligner((f"letter_{letter}", phones) for letter, phones in _LETTERS.items())
        spoken = [f"letter_{word}" if len(word) == 1 else word for word, _, _ in words]
        found = self._aligner.align(samples, spoken)
        phones = trim_edges(tile(_anchored(found, words), samples.size / SAMPLE_RATE_HZ), samples)
        labels = read_curves(curves_path)
        dead = [i for i, name in enumerate(MODEL_32.names) if name not in LIVE]
        labels[:, dead] = np.nan
        text = " ".join(word for word, _, _ in words)
        return Made(samples, phones, labels, found.score, text, "pocketsphinx")


def read_words(path: Path) -> list[tuple[str, float, float]]:
    """Spoken words of a GRID ``.align`` file as (word, start, end) in seconds.

    Raises:
        DataError: a line is not ``start end word``.
    """
    words: list[tuple[str, float, float]] = []
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            start, end, word = line.split()
            if word not in ("sil", "sp"):
                words.append((word, int(start) / UNITS_PER_S, int(end) / UNITS_PER_S))
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: not a GRID word alignment ({error})") from error
    if not words:
        raise DataError(f"{path}: the transcript holds no words")
    return words


def _anchored(found: Alignment, words: list[tuple[str, float, float]]) -> list[Segment]:
    phones: list[Segment] = []
    for aligned, (_, start_s, end_s) in zip(found.words, words, strict=True):
        if abs(aligned.start_s - start_s) <= _AGREE_S and abs(aligned.end_s - end_s) <= _AGREE_S:
            phones.extend(aligned.phones)
            continue
        weights = np.array([_SPREAD.get(phone.phone, 0.11) for phone in aligned.phones])
        edges = start_s + (end_s - start_s) * np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])
        phones.extend(
            Segment(phone.phone, float(a), float(b))
            for phone, a, b in zip(aligned.phones, edges[:-1], edges[1:], strict=True)
        )
    return _in_order(phones)


def _in_order(phones: list[Segment]) -> list[Segment]:
    """Lets a word taken from one source never begin before the last one, from the other, has ended."""
    ordered: list[Segment] = []
    for phone in phones:
        floor_s = ordered[-1].end_s if ordered else 0.0
        start_s = max(phone.start_s, floor_s)
        ordered.append(Segment(phone.phone, start_s, max(phone.end_s, start_s + 0.01)))
    return ordered
