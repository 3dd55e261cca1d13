"""What speechocean762's training speakers said that two aligners could not time: sound without phones.

A quarter of the clips: learners who stumbled, left words out or said others. Nobody knows when their phones
are, but the teachers hear what was said (:mod:`pmmlink.train.teachers`), and real mouths are what the corpus
is shortest of. Build speechocean762 first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Job, Made, Source, read_audio
from pmmlink.train.corpus.builder import FAILED
from pmmlink.train.corpus.reader import MANIFEST, load_manifest, read_lines
from pmmlink.train.corpus.speechocean import Speechocean


class SpeechoceanUntimed(Source):
    """939 clips, 85 minutes; all of them for training, by lessons alone."""

    name = "speechocean762_untimed"
    licence = Speechocean.licence

    def __init__(self) -> None:
        self._untimed: frozenset[str] = frozenset()

    def prepare(self, material: Path, corpus: Path, say: Callable[[str], None]) -> None:  # noqa: ARG002
        folder = corpus / Speechocean.name
        if not (folder / MANIFEST).is_file():
            raise DataError(f"{corpus}: build {Speechocean.name} first, these are the rest of it")
        # Not all that is missing there: a clip of which no aligner has tried its luck may yet be timed.
        failed = {record["id"] for record in read_lines(folder / FAILED)}
        made = load_manifest(corpus, [Speechocean.name], include_dropped=True)
        self._untimed = frozenset(failed | {clip.id for clip in made if clip.dropped})

    def jobs(self, material: Path) -> Iterable[Job]:
        for job in Speechocean().jobs(material):
            if job.split == "train" and job.id in self._untimed:
                yield dataclasses.replace(job, params={})

    def make(self, job: Job) -> Made:
        return Made(read_audio(job.inputs[0]))
