"""Five sentences of a LibriVox reading that come with PocketSphinx's test data; test only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.corpus.aligned import AlignedSource
from pmmlink.train.corpus.base import Job, Made, read_audio
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.twice import align_twice


class Librivox(AlignedSource):
    """One reader of *Sense and Sensibility*; the prototype of this project looked at these clips."""

    name = "librivox"
    licence = "public domain (LibriVox)"
    version = 4

    def __init__(self, folder: Path = Path("/usr/share/pocketsphinx/test/data/librivox")) -> None:
        self._folder = folder
        super().__init__()
        self._sphinx = SphinxAligner()

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - comes with a system package
        try:
            lines = (self._folder / "transcription").read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise DataError(f"{self._folder}: missing; install Debian's pocketsphinx-testdata") from error
        for line in lines:
            found = re.fullmatch(r"<s> (.*) </s> \((\S+)\)", line.strip())
            if found:
                yield Job(
                    id=found[2],
                    speaker="librivox_sense_and_sensibility",
                    sex="f",
                    language="en",
                    split="test",
                    text=found[1],
                    inputs=(self._folder / f"{found[2]}.wav",),
                    params={"aligner": self.aligner_name},
                )

    def make(self, job: Job) -> Made:
        samples = read_audio(job.inputs[0])
        phones, score = align_twice(samples, job.text.split(), self._sphinx, self.aligner())
        return Made(samples, phones, align_score=score, aligner="pocketsphinx+frames")
