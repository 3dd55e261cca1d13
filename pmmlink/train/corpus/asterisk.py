"""Recorded telephone prompts of the Asterisk project: real voices, never trained on.

CC BY-SA asks derived work to carry the same licence. The English ones are test, the French and Italian ones
dev: other people, rooms and microphones than any in training. (The Spanish ones are spoken by the English
ones' speaker.)
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.corpus.aligned import AlignedSource
from pmmlink.train.corpus.base import Job, Made, tile, to_16k
from pmmlink.train.corpus.edges import stretched, trim_edges, unexplained_s
from pmmlink.train.corpus.espeak_engine import espeak_words
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.text_en import spoken_words
from pmmlink.train.corpus.twice import LONGEST_EXTRA_S, align_twice
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


class AsteriskForeign(AlignedSource):
    """One speaker's prompts in another language, pronounced as eSpeak NG would and timed by our own aligner.

    Args:
        language: of two letters, also eSpeak NG's voice.
        folder: of the prompts, in Asterisk's folder of sounds.
        sex: of the speaker, ``f`` or ``m``.
        sounds: Asterisk's folder of sounds.
        documents: where Debian's packages keep the transcripts.
    """

    version = 1
    drop_fraction = 0.1

    def __init__(
        self,
        language: str,
        folder: str,
        sex: str,
        sounds: Path = Path("/usr/share/asterisk/sounds"),
        documents: Path = Path("/usr/share/doc"),
    ) -> None:
        self.name = f"asterisk_{language}"
        self._language = language
        self._sex = sex
        self._sounds = sounds / folder
        who = folder.rpartition("_")[2]
        self._speaker = f"asterisk_{who.lower()}"
        self.licence = f"CC BY-SA 3.0 (asterisk-core-sounds-{language}, {who}); dev only"
        self._transcript = documents / f"asterisk-core-sounds-{language}/core-sounds-{language}.txt.gz"
        super().__init__()

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - comes with the system's packages
        for name, text in read_transcript(self._transcript).items():
            path = self._sounds / f"{name}.g722"
            # A prompt of one word rests on one aligner's guess; and what is spelt is said in many ways.
            if path.is_file() and len(text.split()) > 1 and not any(sign.isdigit() for sign in text):
                yield Job(
                    id=name.replace("/", "_"),
                    speaker=self._speaker,
                    sex=self._sex,
                    language=self._language,
                    split="dev",
                    text=text,
                    inputs=(path,),
                    params={"aligner": self.aligner_name},
                )

    def make(self, job: Job) -> Made:
        samples = read_g722(job.inputs[0])
        if samples.size < SHORTEST_S * SAMPLE_RATE_HZ:
            raise DataError(f"{job.id}: shorter than {SHORTEST_S} s")
        words = espeak_words(job.text, self._language, self._language)
        found = self.aligner().align(samples, [[word] for word in words])
        phones = trim_edges(tile(found.phones, samples.size / SAMPLE_RATE_HZ), samples)
        long = stretched(phones)
        if long is not None:
            raise DataError(f"{job.id}: {long.phone} would last {long.end_s - long.start_s:.2f} s")
        extra_s = unexplained_s(phones, samples)
        if extra_s > LONGEST_EXTRA_S:
            raise DataError(f"{job.id}: {extra_s:.2f} s of it are speech that the transcript does not have")
        return Made(samples, phones, align_score=found.score, aligner="frames")


def read_transcript(path: Path) -> dict[str, str]:
    """Prompt → text; notes in brackets are taken out.

    Raises:
        DataError: the file is missing.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        package = path.parent.name
        raise DataError(f"{path}: cannot be read; install Debian's {package} and {package}-g722") from error
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
