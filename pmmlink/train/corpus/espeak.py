"""Formant voices of eSpeak NG in six languages; phone times come with the sound.

The library is called in this process, because only its events tell times. Two things in them are mended:

* an event of a stop lies at its burst; the closure before it is exact digital silence that the events
  count to the phone before (measured: 40-80 ms of zeros before every p, t, k). The stop is begun there;
* an event without a sign is a pause, or, below 50 ms, the joint between two words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pmmlink.train.corpus.base import Job, Made, Segment, Source, tile, to_16k
from pmmlink.train.corpus.espeak_engine import Mark, espeak_engine
from pmmlink.train.corpus.ipa import IpaSegment, segments
from pmmlink.train.corpus.prompts import english_prompts
from pmmlink.train.corpus.prompts_foreign import foreign_prompts
from pmmlink.train.corpus.prompts_wide import with_wide
from pmmlink.types import SAMPLE_RATE_HZ

STOPS = frozenset({"P", "T", "K", "B", "D", "G", "CH", "JH"})

CLOSURE_S = 0.07
"""Length given to the closure of a stop after a pause, where it cannot be told from the pause."""

_LONGEST_CLOSURE_S = 0.12
_JOINT_S = 0.05
_INSIDE_S = 0.015

PAD_S = (0.3, 0.4)
"""Silence put before and after: the engine leaves none."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice with its variant; ``pitch`` 0-99 (50 is the variant's own)."""

    voice: str
    sex: str
    split: str
    prompts: int
    pitch: int = 50


SPEAKERS: dict[str, tuple[Speaker, ...]] = {
    "en": (
        Speaker("en-us", "m", "train", 70),
        Speaker("en-us+f3", "f", "train", 70),
        Speaker("en+m3", "m", "train", 60, 40),
        Speaker("en+f2", "f", "train", 60, 60),
        Speaker("en-us+klatt4", "m", "train", 50),
        Speaker("en-gb-scotland+m7", "m", "train", 50),
        Speaker("en-us+f5", "f", "train", 50, 65),
        Speaker("en-us+m1", "m", "dev", 40),
        Speaker("en+f4", "f", "dev", 40),
    ),
    "zh": (
        Speaker("cmn-latn-pinyin", "m", "train", 160),
        Speaker("cmn-latn-pinyin+f3", "f", "train", 160),
        Speaker("cmn-latn-pinyin+m3", "m", "train", 120, 40),
        Speaker("cmn-latn-pinyin+f2", "f", "train", 120, 60),
        Speaker("cmn-latn-pinyin+klatt2", "m", "train", 80),
        Speaker("cmn-latn-pinyin+f5", "f", "dev", 60),
        Speaker("cmn-latn-pinyin+m7", "m", "test", 80),
    ),
    "de": (
        Speaker("de", "m", "train", 100),
        Speaker("de+f2", "f", "train", 100),
        Speaker("de+m3", "m", "train", 60, 40),
        Speaker("de+f4", "f", "dev", 40),
    ),
    "fr": (
        Speaker("fr", "m", "train", 90),
        Speaker("fr+f3", "f", "train", 90),
        Speaker("fr+m7", "m", "dev", 40),
    ),
    "es": (
        Speaker("es", "m", "train", 90),
        Speaker("es-419+f2", "f", "train", 90),
        Speaker("es+m1", "m", "dev", 40),
    ),
    "it": (
        Speaker("it", "m", "train", 90),
        Speaker("it+f5", "f", "train", 90),
        Speaker("it+m3", "m", "dev", 40),
    ),
}

_RATES_WPM = (140, 165, 190, 120, 215)


class Espeak(Source):
    """29 speakers in six languages."""

    name = "espeak"
    licence = "eSpeak NG GPL-3 (a tool; its output is free); text our own"
    version = 2

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - needs no material
        espeak_engine()
        for language, speakers in SPEAKERS.items():
            for number, speaker in enumerate(speakers):
                name = f"{language}_{speaker.voice}".replace("+", "-")
                texts = (
                    english_prompts(seed=30 + number)
                    if language == "en"
                    else foreign_prompts(language, seed=number, count=speaker.prompts)
                )
                wide = speaker.prompts if language == "en" else 0
                named = with_wide(name, texts[: speaker.prompts], seed=30 + number, count=wide, digits=3)
                for i, (clip, text) in enumerate(named):
                    yield Job(
                        id=clip,
                        speaker=f"espeak_{name}",
                        sex=speaker.sex,
                        language=language,
                        split=speaker.split,
                        text=text,
                        params={
                            "voice": speaker.voice,
                            "pitch": speaker.pitch,
                            "rate": _RATES_WPM[(i + number) % len(_RATES_WPM)],
                        },
                    )

    def make(self, job: Job) -> Made:
        pcm, rate_hz, marks = espeak_engine().speak(
            job.text, job.params["voice"], job.params["rate"], job.params["pitch"]
        )
        pad, tail = (round(pad_s * rate_hz) for pad_s in PAD_S)
        pcm = np.concatenate([np.zeros(pad, np.int16), pcm, np.zeros(tail, np.int16)])
        lead_s = pad / rate_hz
        marks = [Mark(0.0, "", 0), *(mark._replace(start_s=mark.start_s + lead_s) for mark in marks)]
        phones = segments(_pieces(marks, (pcm.size - tail) / rate_hz), job.language)
        phones = begin_stops_at_closure(phones, pcm, rate_hz)
        samples = to_16k(pcm.astype(np.float32) / 32768.0, rate_hz, job.id)
        return Made(samples, tile(phones, samples.size / SAMPLE_RATE_HZ))


def _pieces(marks: list[Mark], duration_s: float) -> list[IpaSegment]:
    ends = [mark.start_s for mark in marks[1:]] + [duration_s]
    pieces: list[IpaSegment] = []
    for (start_s, sign, _), end_s in zip(marks, ends, strict=True):
        if not sign and pieces and end_s - start_s < _JOINT_S:
            before = pieces[-1]
            pieces[-1] = IpaSegment(before.text, before.start_s, end_s)
        else:
            pieces.append(IpaSegment(sign, start_s, end_s))
    return pieces


def begin_stops_at_closure(phones: list[Segment], pcm: np.ndarray, rate_hz: int) -> list[Segment]:
    """Moves the start of each stop back over the digital silence before its burst.

    Args:
        phones: contiguous.
        pcm: ``[N]`` samples as the engine made them.
        rate_hz: of ``pcm``.
    """
    loud = np.flatnonzero(np.abs(pcm) > 8)
    joint = 0.01 * rate_hz
    mended: list[Segment] = []
    for phone in phones:
        if phone.phone in STOPS and mended:
            before = mended[-1]
            burst = round(phone.start_s * rate_hz)
            last = int(np.searchsorted(loud, burst)) - 1
            # The event may lie some milliseconds inside the burst: go back to the burst's own start.
            while last >= 0 and burst - loud[last] < _INSIDE_S * rate_hz:
                last -= 1
                if last >= 0 and loud[last + 1] - loud[last] > joint:
                    break
            quiet_from_s = (loud[last] + 1) / rate_hz if last >= 0 else 0.0
            longest_s = CLOSURE_S if before.phone == "SIL" else _LONGEST_CLOSURE_S
            start_s = max(quiet_from_s, phone.start_s - longest_s, before.start_s + 0.01)
            if phone.start_s - start_s > 0.008:
                mended[-1] = Segment(before.phone, before.start_s, start_s, before.stress)
                mended.append(Segment(phone.phone, start_s, phone.end_s, phone.stress))
                continue
        mended.append(phone)
    return mended
