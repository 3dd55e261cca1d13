"""Recorded telephone prompts of the Asterisk project: real voices, test only.

CC BY-SA asks derived work to carry the same licence, so nothing is ever trained on them.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.corpus.aligned import AlignedSource
from pmmlink.train.corpus.base import Job, Made, to_16k
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.text_en import spoken_words
from pmmlink.train.corpus.twice import align_twice
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

SHORTEST_S = 0.7

_WORDS = (("pbx", "P IY B IY EH K S"), ("ivr", "AY V IY AA R"), ("iax", "AY EY EH K S"))
"""Abbreviations, said by letter."""

_NOTE = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>")


class AsteriskEnglish(AlignedSource):
    """Allison Smith, American: about 500 prompts, 15 minutes, G.722 at 16 kHz."""

    name = "asterisk_en"
    licence = "CC BY-SA 3.0 (Allison Smith, Digium); test only"
    version = 4
    drop_fraction = 0.05

    def __init__(
        self,
        sounds: Path = Path("/usr/share/asterisk/sounds/en_US_f_Allison"),
        transcript: Path = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"),
    ) -> None:
        self._sounds = sounds
        self._transcript = transcript
        super().__init__()
        self._sphinx = SphinxAligner(_WORDS)

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - comes with the system's packages
        for name, text in read_transcript(self._transcript).items():
            path = self._sounds / f"{name}.g722"
            if path.is_file() and spoken_words(text):
                yield Job(
                    id=name.replace("/", "_"),
                    speaker="asterisk_allison",
                    sex="f",
                    language="en",
                    split="test",
                    text=text,
                    inputs=(path,),
                    params={"aligner": self.aligner_name},
                )

    def make(self, job: Job) -> Made:
        samples = read_g722(job.inputs[0])
        if samples.size < SHORTEST_S * SAMPLE_RATE_HZ:
            raise DataError(f"{job.id}: shorter than {SHORTEST_S} s")
        phones, score = align_twice(samples, spoken_words(job.text), self._sphinx, self.aligner())
        return Made(samples, phones, align_score=score, aligner="pocketsphinx+frames")


def read_transcript(path: Path) -> dict[str, str]:
    """Prompt → text; notes in brackets are taken out.

    Raises:
        DataError: the file is missing.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read; install Debian's asterisk-core-sounds-en and its -g722"
        ) from error
    entries = (line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    return {name.strip(): " ".join(_NOTE.sub(" ", text).split()) for name, text in entries}


def read_g722(path: Path) -> FloatArray:
    """``[N]`` float32 at 16 kHz of a headerless G.722 file.

    Raises:
        DataError: the file cannot be decoded.
    """
    import av
    import numpy as np

    try:
        with av.open(str(path), format="g722") as container:
            frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
            rate_hz = container.streams.audio[0].rate
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"{path}: not a readable G.722 file ({error})") from error
    if not frames:
        raise DataError(f"{path}: holds no sound")
    return to_16k(np.concatenate(frames).astype(np.float32) / 32768.0, rate_hz, str(path))
