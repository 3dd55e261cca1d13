"""speechocean762: English sentences read by 250 Mandarin-speaking adults and children.

Learners stumble, and a forced alignment cannot say so: two aligners judge each clip (:mod:`.twice`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from pmmlink.train.corpus.aligned import AlignedSource
from pmmlink.train.corpus.base import Job, Made, read_audio
from pmmlink.train.corpus.speechocean_lists import lexicon, utterances
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.twice import align_twice


class Speechocean(AlignedSource):
    """5,000 clips, about six hours."""

    name = "speechocean762"
    licence = "speechocean762: free for commercial and non-commercial use"
    version = 4
    drop_fraction = 0.1

    def __init__(self) -> None:
        super().__init__()
        self._sphinx: SphinxAligner | None = None
        self._lexicon: tuple[tuple[str, str], ...] = ()

    def prepare(self, material: Path, corpus: Path, say: Callable[[str], None]) -> None:
        # Missing material is said before minutes go into an aligner.
        self._lexicon = lexicon(material / "speechocean762")
        super().prepare(material, corpus, say)

    def jobs(self, material: Path) -> Iterable[Job]:
        root = material / "speechocean762"
        for clip in utterances(root):
            yield Job(
                id=clip.id,
                speaker=clip.speaker,
                sex=clip.sex,
                age=clip.age,
                language="en",
                split=clip.split,
                text=" ".join(clip.words),
                inputs=(clip.audio,),
                params={"aligner": self.aligner_name},
            )

    def make(self, job: Job) -> Made:
        samples = read_audio(job.inputs[0])
        if self._sphinx is None:
            self._sphinx = SphinxAligner(self._lexicon, only_missing=True)
        phones, score = align_twice(samples, job.text.split(), self._sphinx, self.aligner())
        return Made(samples, phones, align_score=score, aligner="pocketsphinx+frames")
