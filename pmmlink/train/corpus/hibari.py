"""hibari's bundled voice *heart*: an American woman whose network tells its durations.

Its durations come in steps of 25 ms, blurred by the network around them, and are late as a whole: they
are used as a guide and every boundary is snapped with a forced alignment (:mod:`.spoken`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Job, Made, Segment, Source, to_16k
from pmmlink.train.corpus.ipa import timed_word
from pmmlink.train.corpus.prompts import english_prompts
from pmmlink.train.corpus.prompts_wide import with_wide
from pmmlink.train.corpus.sphinx import SphinxAligner
from pmmlink.train.corpus.spoken import Spoken, spoken_clip
from pmmlink.types import FloatArray

PROMPTS = 420
WIDE = 600
"""Sentences of the prompts' words, and of others."""

SPEEDS = (0.85, 1.0, 1.0, 1.15, 1.3)

UNIT_S = 0.025
"""One step of the network's durations: two frames of 12.5 ms."""

LATE_S = 0.06
"""The durations lag the sound by this much; removed before comparing with the aligner."""

_MISAKI = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "W": "aʊ", "Y": "ɔɪ", "Q": "əʊ", "T": "ɾ"}
"""hibari writes the diphthongs as capitals."""

_DURATIONS = "/Clip_output_0"
"""The tensor of rounded durations inside the graph of hibari 0.2."""

PAUSES = frozenset(';:,.!?—…"()“” ')
"""Signs between words."""


class Hibari(Source):
    """One voice, the prompts at several speeds."""

    name = "hibari"
    licence = "Apache-2.0 (hibari-tts, voice heart); text our own"
    version = 4
    drop_fraction = 0.03

    def __init__(self) -> None:
        self._voice: Any = None
        self._session: Any = None
        self._aligner = SphinxAligner()

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - the voice is in its package
        _need_packages()
        prompts = english_prompts(seed=10)[:PROMPTS]
        named = with_wide("heart", prompts, seed=10, count=WIDE, digits=4)
        for i, (name, text) in enumerate(named):
            yield Job(
                id=name,
                speaker="hibari_heart",
                sex="f",
                language="en",
                split="train",
                text=text,
                params={"speed": SPEEDS[i % len(SPEEDS)]},
            )

    def _load(self) -> None:
        if self._session is not None:
            return
        _need_packages()
        import hibari
        import onnx
        import onnxruntime

        self._voice = hibari.Hibari()
        model = onnx.load(self._voice.model_path)
        value = onnx.helper.make_tensor_value_info(_DURATIONS, onnx.TensorProto.FLOAT, None)
        model.graph.output.append(value)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail as error:
            raise DataError(f"this version of hibari has no tensor {_DURATIONS}: install 0.2.1") from error

    def make(self, job: Job) -> Made:
        self._load()
        return spoken_clip(job, self._parts(job), self._aligner)

    def _parts(self, job: Job) -> Iterator[Spoken]:
        for number, phonemes in enumerate(self._voice.phonemize(job.text)):
            samples, lengths = self._speak(
                phonemes, job.params["speed"], zlib.crc32(f"{job.id}{number}".encode())
            )
            yield samples, group_words(phonemes, lengths, -LATE_S)

    def _speak(self, phonemes: str, speed: float, seed: int) -> tuple[FloatArray, list[float]]:
        """Sound at 16 kHz, and seconds for each sign of ``_ + phonemes + _`` that the voice knows."""
        from hibari import dsp

        ids = self._voice.ids(phonemes)
        inputs = {"ids": np.asarray([ids], np.int64), "speed": np.asarray([speed], np.float32)}
        *spectrum, durations = self._session.run(None, inputs)
        wave = dsp.synth(*(part[0] for part in spectrum), np.random.default_rng(seed))
        return to_16k(wave, dsp.SR, phonemes), [float(d) * UNIT_S for d in durations.ravel()]


def _need_packages() -> None:
    try:
        import hibari  # noqa: F401
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise DataError(
            f"the voice of hibari needs '{error.name}': pip install hibari-tts onnx onnxruntime, or choose"
            " other sources with --only"
        ) from error


def group_words(phonemes: str, lengths: list[float], start_s: float) -> list[list[Segment]]:
    """Phones by word with rough times.

    Args:
        phonemes: misaki's alphabet; all signs are known to the voice.
        lengths: seconds of each sign, with a pad before and after.
        start_s: time of the first pad.
    """
    words: list[list[tuple[str, float, float]]] = [[]]
    at_s = start_s + lengths[0]
    for sign, length_s in zip(phonemes, lengths[1:], strict=False):
        if sign in PAUSES:
            words.append([])
        else:
            words[-1].append((_MISAKI.get(sign, sign), at_s, at_s + length_s))
        at_s += length_s
    timed = (timed_word(word) for word in words)
    return [word for word in timed if word]
