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
from pmmlink.train.corpus.base import Job, Made, to_16k
from pmmlink.train.corpus.edges import refuse_unexplained
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.text_en import spoken_words
from pmmlink.train.corpus.twice import align_twice
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

SOUNDS = Path("/usr/share/asterisk/sounds")
DOCUMENTS = Path("/usr/share/doc")
SHORTEST_S = 0.7

_WORDS = (("pbx", "P IY B IY EH K S"), ("ivr", "AY V IY AA R"), ("iax", "AY EY EH K S"))
"""Abbreviations, said by letter."""

_NOTE = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>")


class AsteriskPrompts(AlignedSource):
    """The prompts of one speaker, G.722 at 16 kHz; subclasses choose among them and time them.

    Args:
        language: of two letters.
        folder: of the prompts, in Asterisk's folder of sounds; ends in the speaker's name.
        sex: of the speaker, ``f`` or ``m``.
        split: dev or test.
        sounds: Asterisk's folder of sounds.
        documents: where Debian's packages keep the transcripts.
    """

    def __init__(
        self, language: str, folder: str, sex: str, split: str, sounds: Path, documents: Path
    ) -> None:
        super().__init__()
        self.name = f"asterisk_{language}"
        self._language, self._sex, self._split = language, sex, split
        self._speaker = f"asterisk_{folder.rpartition('_')[2].lower()}"
        self._folder = sounds / folder
        self._transcript = documents / f"asterisk-core-sounds-{language}/core-sounds-{language}.txt.gz"

    def wanted(self, text: str) -> bool:
        """Whether a prompt of this text becomes a clip."""
        raise NotImplementedError

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - comes with the system's packages
        for name, text in read_transcript(self._transcript).items():
            path = self._folder / f"{name}.g722"
            if path.is_file() and self.wanted(text):
                yield Job(
                    id=name.replace("/", "_"),
                    speaker=self._speaker,
                    sex=self._sex,
                    language=self._language,
                    split=self._split,
                    text=text,
                    inputs=(path,),
                    params={"aligner": self.aligner_name},
                )


class AsteriskEnglish(AsteriskPrompts):
    """Allison Smith, American: about 500 prompts, 15 minutes; test."""

    licence = "CC BY-SA 3.0 (Allison Smith, Digium); test only"
    version = 4
    drop_fraction = 0.05

    def __init__(self, sounds: Path = SOUNDS, documents: Path = DOCUMENTS) -> None:
        super().__init__("en", "en_US_f_Allison", "f", "test", sounds, documents)
        self._sphinx = SphinxAligner(_WORDS)

    def wanted(self, text: str) -> bool:
        return bool(spoken_words(text))

    def make(self, job: Job) -> Made:
        samples = read_prompt(job.inputs[0])
        phones, score = align_twice(samples, spoken_words(job.text), self._sphinx, self.aligner())
        return Made(samples, phones, align_score=score, aligner="pocketsphinx+frames")


class AsteriskForeign(AsteriskPrompts):
    """One speaker's prompts in another language, pronounced as eSpeak NG would and timed by our own aligner;
    dev. Arguments as of :class:`AsteriskPrompts`."""

    version = 1
    drop_fraction = 0.1

    def __init__(
        self, language: str, folder: str, sex: str, sounds: Path = SOUNDS, documents: Path = DOCUMENTS
    ) -> None:
        super().__init__(language, folder, sex, "dev", sounds, documents)
        who = folder.rpartition("_")[2]
        self.licence = f"CC BY-SA 3.0 (asterisk-core-sounds-{language}, {who}); dev only"

    def wanted(self, text: str) -> bool:
        # A prompt of one word rests on one aligner's guess; and what is spelt is said in many ways.
        return len(text.split()) > 1 and not any(sign.isdigit() for sign in text)

    def make(self, job: Job) -> Made:
        samples = read_prompt(job.inputs[0])
        phones, score = self.pronounced(samples, job.text, job.language)
        refuse_unexplained(phones, samples)
        return Made(samples, phones, align_score=score, aligner="frames")


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


def read_prompt(path: Path) -> FloatArray:
    """``[N]`` float32 at 16 kHz.

    Raises:
        DataError: the file cannot be decoded, or is too short to align.
    """
    samples = read_g722(path)
    if samples.size < SHORTEST_S * SAMPLE_RATE_HZ:
        raise DataError(f"{path}: shorter than {SHORTEST_S} s")
    return samples


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
