"""English voices of Flite, whose phone times are exact by construction.

Flite is called as a library, in this process: it then also tells the stress of each syllable.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pmmlink.errors import DataError
from pmmlink.phones import is_vowel
from pmmlink.train.corpus.base import Job, Made, Segment, Source, tile, to_16k
from pmmlink.train.corpus.prompts import english_prompts
from pmmlink.train.corpus.prompts_wide import with_wide
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

VOICES = {"slt": ("f", "train"), "rms": ("m", "train"), "kal16": ("m", "train"), "awb": ("m", "dev")}
"""Voice → sex, split. awb, a Scot, is held out whole."""

_PHONES = {
    "pau": "SIL", "ssil": "SIL", "ax": "AH", "axr": "ER", "nx": "N", "el": "L", "em": "M", "en": "N",
    "hv": "HH", "dx": "D",
}  # fmt: skip
"""Flite's names that are not ARPAbet in lower case."""

_RATES = (0.8, 0.9, 1.0, 1.1, 1.3)
"""Stretch of durations; drawn in turn by sentence."""

PROMPTS = 330
"""Sentences a voice of the prompts' words, and as many of others: about a quarter of an hour each."""


class Flite(Source):
    """Four voices reading the prompts, and other words, at five speeds."""

    name = "flite"
    licence = "BSD-like (Flite and its CMU voices); text our own"
    version = 1

    def __init__(self) -> None:
        self._engine: _Engine | None = None

    def jobs(self, material: Path) -> Iterable[Job]:  # noqa: ARG002 - needs no material
        find_library("flite")
        for number, (voice, (sex, split)) in enumerate(VOICES.items()):
            find_library(f"flite_cmu_us_{voice}")
            # Voices start at different sentences, so that they share only part of the text.
            prompts = english_prompts(seed=number)[:PROMPTS]
            named = with_wide(voice, prompts, seed=number, count=PROMPTS, digits=4)
            for i, (name, text) in enumerate(named):
                yield Job(
                    id=name,
                    speaker=f"flite_{voice}",
                    sex=sex,
                    language="en",
                    split=split,
                    text=text,
                    params={"voice": voice, "stretch": _RATES[(i + number) % len(_RATES)]},
                )

    def make(self, job: Job) -> Made:
        if self._engine is None:
            self._engine = _Engine()
        samples, segments = self._engine.speak(job.params["voice"], job.text, job.params["stretch"])
        return Made(samples, tile(segments, samples.size / SAMPLE_RATE_HZ))


def find_library(name: str) -> str:
    """Path of a shared library of a speech engine.

    Raises:
        DataError: it is not installed.
    """
    found = ctypes.util.find_library(name)
    if found is None:
        raise DataError(
            f"the speech engine library '{name}' was not found: install it (Debian: apt install flite"
            " espeak-ng) or choose other sources with --only"
        )
    return found


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _Engine:
    """The few calls of libflite that are needed."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL(find_library("flite"))
        signatures: dict[str, tuple[Any, list[Any]]] = {
            "flite_init": (ctypes.c_int, []),
            "flite_synth_text": (ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_void_p]),
            "utt_wave": (ctypes.POINTER(_Wave), [ctypes.c_void_p]),
            "utt_relation": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
            "relation_head": (ctypes.c_void_p, [ctypes.c_void_p]),
            "item_next": (ctypes.c_void_p, [ctypes.c_void_p]),
            "item_feat_float": (ctypes.c_float, [ctypes.c_void_p, ctypes.c_char_p]),
            "ffeature_string": (ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_char_p]),
            "delete_utterance": (None, [ctypes.c_void_p]),
            "feat_set_float": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float]),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(self._lib, name)
            function.restype, function.argtypes = result, arguments
        self._lib.flite_init()
        self._voices: dict[str, Any] = {}

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            register = getattr(ctypes.CDLL(find_library(f"flite_cmu_us_{name}")), f"register_cmu_us_{name}")
            register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
            self._voices[name] = register(None)
        return self._voices[name]

    def speak(self, voice: str, text: str, stretch: float) -> tuple[FloatArray, list[Segment]]:
        """Sound at 16 kHz and its phones."""
        handle = self._voice(voice)
        # A voice begins with its name (a pointer) and its feature table, which holds the speed.
        features = ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[1]
        self._lib.feat_set_float(features, b"duration_stretch", stretch)
        utterance = self._lib.flite_synth_text(text.encode("ascii", "ignore"), handle)
        if not utterance:
            raise DataError(f"flite could not speak {text!r}")
        try:
            wave = self._lib.utt_wave(utterance).contents
            pcm = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).copy()
            rate_hz = wave.sample_rate
            segments: list[Segment] = []
            item = self._lib.relation_head(self._lib.utt_relation(utterance, b"Segment"))
            start_s = 0.0
            while item:
                name = self._lib.ffeature_string(item, b"name").decode()
                end_s = float(self._lib.item_feat_float(item, b"end"))
                phone = _PHONES.get(name, name.upper())
                stress = None
                if is_vowel(phone):
                    stress = int(self._lib.ffeature_string(item, b"R:SylStructure.parent.stress") == b"1")
                segments.append(Segment(phone, start_s, end_s, stress))
                start_s = end_s
                item = self._lib.item_next(item)
        finally:
            self._lib.delete_utterance(utterance)
        return to_16k(pcm.astype(np.float32) / 32768.0, rate_hz, text), segments
