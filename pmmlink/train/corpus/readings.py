"""Any English recordings with transcripts, one folder per speaker; test only.

Layout: ``readings/<speaker>/LICENSE.txt`` (its first line goes into the manifest) and, for each clip,
``<clip>.wav`` (or flac, opus, mp3) with ``<clip>.txt``. Where a ``<clip>.lab`` lies beside it, with lines
``start end PHONE`` in seconds, those hand-made times are taken and nothing is aligned.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.phones import strip_stress
from pmmlink.train.corpus.aligned import AlignedSource
from pmmlink.train.corpus.base import Job, Made, Segment, read_audio, tile
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.text_en import spoken_words
from pmmlink.train.corpus.twice import align_twice
from pmmlink.types import SAMPLE_RATE_HZ

_SOUNDS = (".wav", ".flac", ".opus", ".mp3")


class Readings(AlignedSource):
    """What lies in the folder ``readings`` of the material."""

    name = "readings"
    licence = "as given in the speaker's LICENSE.txt; test only"
    version = 2

    def __init__(self) -> None:
        super().__init__()
        self._sphinx = SphinxAligner()

    def jobs(self, material: Path) -> Iterable[Job]:
        root = material / "readings"
        sounds = sorted(path for path in root.glob("*/*") if path.suffix.lower() in _SOUNDS)
        if not sounds:
            raise DataError(
                f"{root}: no SPEAKER/CLIP.wav with a CLIP.txt there; put recordings there or choose"
                " other sources with --only"
            )
        for sound in sounds:
            transcript, labels = sound.with_suffix(".txt"), sound.with_suffix(".lab")
            if not transcript.is_file() or not (sound.parent / "LICENSE.txt").is_file():
                raise DataError(f"{sound}: has no {transcript.name} or no LICENSE.txt beside it")
            yield Job(
                id=f"{sound.parent.name}_{sound.stem}",
                speaker=f"readings_{sound.parent.name}",
                language="en",
                split="test",
                text=" ".join(transcript.read_text(encoding="utf-8").split()),
                inputs=(sound, labels) if labels.is_file() else (sound,),
                licence=(sound.parent / "LICENSE.txt").read_text(encoding="utf-8").splitlines()[0],
                params={"aligner": self.aligner_name},
            )

    def make(self, job: Job) -> Made:
        samples = read_audio(job.inputs[0])
        if len(job.inputs) > 1:
            return Made(samples, tile(read_lab(job.inputs[1]), samples.size / SAMPLE_RATE_HZ), aligner="hand")
        phones, score = align_twice(samples, spoken_words(job.text), self._sphinx, self.aligner())
        return Made(samples, phones, align_score=score, aligner="pocketsphinx+frames")


def read_lab(path: Path) -> list[Segment]:
    """Phones of a ``.lab`` file; names that are no phone become silence.

    Raises:
        DataError: a line is not ``start end PHONE``.
    """
    segments: list[Segment] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            start, end, name = line.split()
            stress = int(name[-1]) if name[-1] in "012" else None
            segments.append(Segment(strip_stress(name), float(start), float(end), stress))
        except ValueError as error:
            raise DataError(f"{path}:{number}: not 'start end PHONE'") from error
    return segments
