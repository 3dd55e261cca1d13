"""kerstin: German sentences read by one woman; timed by the project's own aligner.

Pronunciations come from eSpeak NG, times from :mod:`.frame_aligner`, which learns from the other sources:
build those first.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.corpus.aligned import AlignedSource
from pmmlink.train.corpus.base import Job, Made, read_audio, split_of


class Kerstin(AlignedSource):
    """1,374 sentences, 1.8 h; a twentieth each is dev and test."""

    name = "kerstin_de"
    licence = "CC0 (rhasspy, voice kerstin)"
    version = 2
    drop_fraction = 0.1

    def jobs(self, material: Path) -> Iterable[Job]:
        root = material / "kerstin_de"
        try:
            lines = (root / "metadata.csv").read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise DataError(
                f"{root}: no metadata.csv; give the folder that holds kerstin_de as --material"
            ) from error
        for line in lines:
            clip_id, _, text = line.partition("|")
            if text:
                yield Job(
                    id=clip_id,
                    speaker="kerstin_de",
                    sex="f",
                    language="de",
                    split=split_of(f"kerstin:{clip_id}", dev=0.05, test=0.05),
                    text=text,
                    inputs=(root / "audio" / f"{clip_id}.opus",),
                    params={"aligner": self.aligner_name},
                )

    def make(self, job: Job) -> Made:
        samples = read_audio(job.inputs[0])
        phones, score = self.pronounced(samples, job.text, "de")
        return Made(samples, phones, align_score=score, aligner="frames")
