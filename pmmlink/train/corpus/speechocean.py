"""speechocean762: English sentences read by 250 Mandarin-speaking adults and children.

Upstream's test speakers stay test; a tenth of its training speakers is dev. Learners stumble, and a forced
alignment cannot say so: two aligners must agree (:mod:`.twice`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.corpus.aligned import AlignedSource
from pmmlink.train.corpus.base import Job, Made, read_audio, split_of
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.twice import align_twice


class Speechocean(AlignedSource):
    """5,000 clips, about six hours."""

    name = "speechocean762"
    licence = "speechocean762: free for commercial and non-commercial use"
    version = 2
    drop_fraction = 0.1

    def __init__(self) -> None:
        super().__init__()
        self._sphinx: SphinxAligner | None = None
        self._lexicon: tuple[tuple[str, str], ...] = ()

    def jobs(self, material: Path) -> Iterable[Job]:
        root = material / "speechocean762"
        self._lexicon = _lexicon(root / "lexicon.txt")
        for upstream in ("train", "test"):
            text, speaker, sex, age = (
                _table(root / upstream / name) for name in ("text", "utt2spk", "spk2gender", "spk2age")
            )
            for clip_id, words in text.items():
                who = speaker.get(clip_id, "")
                split = "test" if upstream == "test" else split_of(f"speechocean:{who}", dev=0.1, test=0.0)
                yield Job(
                    id=clip_id,
                    speaker=f"speechocean_{who}",
                    sex=sex.get(who),
                    age=int(age[who]) if age.get(who, "").isdigit() else None,
                    language="en",
                    split=split,
                    text=words.lower(),
                    inputs=(root / "audio" / f"{clip_id}.opus",),
                    params={"aligner": self.aligner_name},
                )

    def make(self, job: Job) -> Made:
        samples = read_audio(job.inputs[0])
        if self._sphinx is None:
            self._sphinx = SphinxAligner(self._lexicon, only_missing=True)
        phones, score = align_twice(samples, job.text.split(), self._sphinx, self.aligner())
        return Made(samples, phones, align_score=score, aligner="pocketsphinx+frames")


def _table(path: Path) -> dict[str, str]:
    """A Kaldi table: key, white space, value."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            f"{path}: missing; give the folder that holds speechocean762 as --material"
        ) from error
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {pair[0]: pair[1].strip() if len(pair) > 1 else "" for pair in pairs}


def _lexicon(path: Path) -> tuple[tuple[str, str], ...]:
    """Word → phones without stress; a word may come several times."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            f"{path}: missing; give the folder that holds speechocean762 as --material"
        ) from error
    entries = (line.split(maxsplit=1) for line in lines if len(line.split()) > 1)
    return tuple(
        (word.lower(), " ".join(phone.rstrip("012") for phone in phones.split())) for word, phones in entries
    )
