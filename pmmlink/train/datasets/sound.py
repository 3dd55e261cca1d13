"""The sound of a take: any file that pmmlink plays, at 16 kHz, and cut to fit its labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pmmlink.dsp.resample import Resampler
from pmmlink.errors import AudioError, DataError, ShortTakeError
from pmmlink.sources.file import FileSource
from pmmlink.train.datasets.base import TakeData
from pmmlink.types import MODEL_FPS, SAMPLE_RATE_HZ, FloatArray

LEAST_S = 1.0
"""A shorter take says too little about a face to be worth an update."""

NOTED_S = 0.1
"""Sound and labels whose lengths differ by more are worth a look: one was stopped before the other."""

REFUSED_S, REFUSED_SHARE = 0.5, 0.005
"""Lengths that differ by more than both are of different takes, or their clocks drift."""

_BLOCK = 1 << 16


def read_sound(path: Path) -> FloatArray:
    """``[N]`` mono float32 at 16 kHz of a sound file or of the sound of a film.

    Raises:
        DataError: no sound in it, damaged, or not a file that can be read.
    """
    try:
        with FileSource(path) as source:
            resampler = Resampler(source.rate_hz)
            pieces = []
            while (block := source.read(_BLOCK)) is not None:
                pieces.append(resampler.push(block.mono().samples))
            pieces.append(resampler.flush())
    except AudioError as error:
        raise DataError(str(error)) from None
    return np.concatenate(pieces)


def fitted(audio: FloatArray, targets: FloatArray, labels: Path, sound: Path, notes: list[str]) -> TakeData:
    """Sound and labels that start together, cut to the frames that both have.

    Args:
        audio: ``[N]`` at 16 kHz.
        targets: ``[T, C]`` at 30 fps.
        labels: file of the targets, for messages.
        sound: file of the sound, for messages.
        notes: what was found before.

    Raises:
        DataError: their lengths do not belong together.
        ShortTakeError: what is left is too short.
    """
    sound_s, labels_s = len(audio) / SAMPLE_RATE_HZ, len(targets) / float(MODEL_FPS)
    apart_s = sound_s - labels_s
    lengths = f"{sound.name} lasts {sound_s:.2f} s and the labels {labels_s:.2f} s"
    if abs(apart_s) > max(REFUSED_S, REFUSED_SHARE * max(sound_s, labels_s)):
        raise DataError(
            f"{labels}: {lengths}: not of one take, or one was cut; they must start and end together"
        )
    if abs(apart_s) > NOTED_S:
        # 1001/1000 is what 59.94 frames a second counted as 60 do to a long take.
        ratio = sound_s / max(labels_s, 1e-9)
        hint = ""
        if abs(ratio - 1.001) < 2e-4:
            hint = "; if the timecode runs at 59.94, say so in subjects.yaml"
        notes = [*notes, f"{lengths} (drift or an early stop); cut to the shorter{hint}"]
    frames = min(len(targets), len(audio) * MODEL_FPS.numerator // SAMPLE_RATE_HZ)
    if frames < LEAST_S * float(MODEL_FPS):
        raise ShortTakeError(
            f"{labels}: {frames / float(MODEL_FPS):.2f} s: too short; a take needs {LEAST_S:g} s"
        )
    samples = frames * SAMPLE_RATE_HZ // MODEL_FPS.numerator
    return TakeData(np.ascontiguousarray(audio[:samples]), targets[:frames], tuple(notes))
