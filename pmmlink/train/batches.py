"""Training batches from a built corpus: crops of speech with targets made on the fly."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import soxr
import torch
from numpy.random import Generator
from torch import Tensor

from pmmlink.train.augment import degrade, rms
from pmmlink.train.corpus.reader import Clip
from pmmlink.train.phone_tokens import phone_tokens
from pmmlink.train.targets import curves_from_phones
from pmmlink.train.teachers import TEACHER_WIDTH, at_speed, lesson_path, load_lesson
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

FRAME = SAMPLE_RATE_HZ / 30
MIDDLE = 0.5
"""Chance that an item begins anywhere in a clip. Clips begin with a pause: where all items do, a model learns
that nobody speaks at the start of a stream, and shuts the mouth of a voice that does."""


@dataclass(frozen=True, slots=True)
class Item:
    """One training clip of fixed length.

    Attributes:
        clean: ``[N]`` float32 before degradation.
        audio: ``[N]`` float32 as the model hears it.
        curves: ``[T, 32]`` targets, NaN without a label.
        closure: ``[T]`` how far the lips must shut, NaN without a label.
        phones: ``[T50]`` class of each 20 ms token, ``IGNORE`` without a label.
        teachers: ``[T50, TEACHER_WIDTH]`` float16 the teachers' lesson, NaN where none listened.
        style: index of the style.
    """

    clean: FloatArray
    audio: FloatArray
    curves: FloatArray
    closure: FloatArray
    phones: np.ndarray
    teachers: np.ndarray
    style: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Items stacked: clean ``[B, N]``, audio ``[B, N, 1]``, curves ``[B, T, 32]``, closure ``[B, T]``,
    phones ``[B, T50]``, teachers ``[B, T50, TEACHER_WIDTH]``.
    """

    clean: Tensor
    audio: Tensor
    curves: Tensor
    closure: Tensor
    phones: Tensor
    teachers: Tensor
    style: Tensor


@dataclass(slots=True)
class Piece:
    """A clip's sound and targets, possibly at another speed."""

    audio: FloatArray
    curves: FloatArray
    closure: FloatArray
    phones: np.ndarray
    teachers: np.ndarray


@dataclass(slots=True)
class Pool:
    """Clips grouped by style, drawn with a weight per source; those that teach nothing are left out.

    Args:
        clips: all clips to draw from.
        styles: style names, in the order of the model's vectors.
        weights: chance of a source relative to its minutes; 1 where not given.
        lessons: whether clips with nothing but a lesson are drawn too.
    """

    clips: Sequence[Clip]
    styles: Sequence[str]
    weights: dict[str, float] = field(default_factory=dict)
    lessons: bool = False
    _groups: dict[str, tuple[list[Clip], np.ndarray]] = field(init=False)
    _audio: dict[str, np.ndarray] = field(init=False, default_factory=dict)
    _heard: dict[str, np.ndarray] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._groups = {}
        for style in self.styles:
            group = [c for c in self.clips if c.style == style and self._teaches(c)]
            if group:
                p = np.array([c.samples * self.weights.get(c.source, 1.0) for c in group])
                self._groups[style] = (group, np.cumsum(p / p.sum()))

    def _teaches(self, clip: Clip) -> bool:
        return bool(clip.phones or clip.labels) or (self.lessons and lesson_path(clip).exists())

    def draw(self, rng: Generator, style: str) -> Clip:
        """A random clip of a style."""
        group, edges = self._groups[style]
        return group[min(int(np.searchsorted(edges, rng.random())), len(group) - 1)]

    def audio(self, clip: Clip) -> FloatArray:
        """A clip's samples, kept in memory in 16 bits after the first use."""
        key = f"{clip.source}/{clip.id}"
        if key not in self._audio:
            self._audio[key] = (clip.load_audio() * 32767).astype(np.int16)
        out: FloatArray = self._audio[key].astype(np.float32) / np.float32(32767)
        return out

    def heard(self, clip: Clip) -> FloatArray | None:
        """The teachers' lesson of a clip, ``[T50, TEACHER_WIDTH]``, kept in memory; None if there is none."""
        key = f"{clip.source}/{clip.id}"
        if key not in self._heard:
            features = load_lesson(clip)
            if features is None:  # asked again next time: the teachers may be at work beside
                return None
            self._heard[key] = features.astype(np.float16)
        out: FloatArray = self._heard[key].astype(np.float32)
        return out

    @property
    def available(self) -> list[str]:
        """Styles that have clips."""
        return list(self._groups)


def loudness_db(audio: FloatArray, frames: int) -> FloatArray:
    """Level of each 30 fps frame in dB over ±25 ms, ``[frames]``."""
    power = np.cumsum(np.concatenate([[0.0], audio.astype(np.float64) ** 2]))
    centre = (np.arange(frames) * FRAME).astype(int)
    low, high = np.clip(centre - 400, 0, len(audio)), np.clip(centre + 400, 1, len(audio))
    mean = (power[high] - power[low]) / np.maximum(high - low, 1)
    out: FloatArray = (10 * np.log10(mean + 1e-9)).astype(np.float32)
    return out


def piece_of(
    clip: Clip, audio: FloatArray, speed: float, seed: int | None, heard: FloatArray | None = None
) -> Piece:
    """Targets of a clip played at another speed (pitch moves with it).

    Args:
        clip: the clip.
        audio: its samples ``[N]``.
        speed: 1 leaves it as it is; labelled clips are never changed.
        seed: of the targets' micro-variation.
        heard: ``[T50, TEACHER_WIDTH]`` of the clip as it is, or None.
    """
    if clip.labels is not None:
        speed = 1.0
    if speed != 1.0:
        audio = soxr.resample(audio, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ / speed).astype(np.float32)
    frames = -(-len(audio) * 30 // SAMPLE_RATE_HZ)
    tokens = -(-len(audio) // 320)
    phones = phone_tokens(clip, tokens, speed)
    curves = np.full((frames, 32), np.nan, np.float32)
    closure = np.full(frames, np.nan, np.float32)
    teachers = np.full((tokens, TEACHER_WIDTH), np.nan, np.float16)
    if heard is not None and len(heard) > 1:
        teachers[:] = at_speed(heard, speed, tokens)
    if clip.phones:
        segments = [(s.phone, s.start_s / speed, s.end_s / speed) for s in clip.phones]
        target = curves_from_phones(
            segments,
            frames,
            stress=[s.stress for s in clip.phones],
            loudness_db=loudness_db(audio, frames),
            seed=seed,
        )
        closure = target.closure.copy()
        if clip.labels is None:
            curves = target.curves
    labels = clip.load_labels()
    if labels is not None:
        count = min(frames, len(labels))
        curves[:count] = labels[:count]
    return Piece(audio, curves, closure, phones, teachers)


def _pause(rng: Generator, seconds: float, silent_targets: bool) -> Piece:
    """A stretch without speech; real labels are not extended into it."""
    samples = int(seconds * 10) * 1600
    frames, tokens = samples * 3 // 1600, samples // 320
    level = 10 ** (rng.uniform(-90, -60) / 20)
    value = 0.0 if silent_targets else np.nan
    return Piece(
        (rng.standard_normal(samples) * level).astype(np.float32),
        np.full((frames, 32), value, np.float32),
        np.zeros(frames, np.float32),
        np.zeros(tokens, np.int64),
        np.full((tokens, TEACHER_WIDTH), np.nan, np.float16),
    )


def make_item(pool: Pool, style: str, seconds: float, rng: Generator) -> Item:
    """One item: clips of a style one after another, with pauses, at one random recording situation.

    Pieces are cut to whole 100 ms, the period that samples, tokens and frames share.
    """
    want = int(seconds * 10)
    pieces: list[Piece] = []
    have = 0
    while have < want:
        if rng.random() < (0.25 if pieces else 0.15):
            piece = _pause(rng, float(rng.choice([0.3, 0.6, 1.2, 2.5])), style == "default")
        else:
            clip = pool.draw(rng, style)
            speed = float(rng.uniform(0.85, 1.18)) if rng.random() < 0.5 else 1.0
            piece = piece_of(clip, pool.audio(clip), speed, int(rng.integers(1 << 31)), pool.heard(clip))
            piece.audio = piece.audio * np.float32(0.08 * 10 ** (rng.normal(0, 2.5) / 20) / rms(piece.audio))
        periods = len(piece.audio) // 1600
        furthest = periods - (1 if not pieces and rng.random() < MIDDLE else want)
        first = int(rng.integers(0, max(1, furthest)))
        take = min(periods - first, want - have)
        if take <= 0:
            continue
        pieces.append(
            Piece(
                piece.audio[first * 1600 : (first + take) * 1600],
                piece.curves[first * 3 : (first + take) * 3],
                piece.closure[first * 3 : (first + take) * 3],
                piece.phones[first * 5 : (first + take) * 5],
                piece.teachers[first * 5 : (first + take) * 5],
            )
        )
        have += take
    clean = np.concatenate([p.audio for p in pieces])
    babble: FloatArray | None = None
    if rng.random() < 0.8:
        babble = np.zeros(len(clean), np.float32)
        for _ in range(int(rng.integers(2, 8))):
            voice = pool.audio(pool.draw(rng, "default"))
            babble += np.roll(np.resize(voice / rms(voice), len(clean)), int(rng.integers(len(clean))))
    return Item(
        clean,
        degrade(rng, clean, babble),
        np.concatenate([p.curves for p in pieces]),
        np.concatenate([p.closure for p in pieces]),
        np.concatenate([p.phones for p in pieces]),
        np.concatenate([p.teachers for p in pieces]),
        list(pool.styles).index(style),
    )


def stack(items: Sequence[Item]) -> Batch:
    """Items of one length as tensors."""
    return Batch(
        torch.from_numpy(np.stack([i.clean for i in items])),
        torch.from_numpy(np.stack([i.audio for i in items]))[..., None],
        torch.from_numpy(np.stack([i.curves for i in items])),
        torch.from_numpy(np.stack([i.closure for i in items])),
        torch.from_numpy(np.stack([i.phones for i in items])),
        torch.from_numpy(np.stack([i.teachers for i in items])).float(),
        torch.tensor([i.style for i in items]),
    )


def batches(
    pool: Pool, size: int, seconds: float, seed: int, style_share: dict[str, float], numbers: Iterable[int]
) -> Iterator[Batch]:
    """Batches, prepared ahead in a thread; batch ``k`` depends on ``(seed, k)`` alone.

    Args:
        pool: clips.
        size: items in a batch.
        seconds: length of an item, a multiple of 0.1 s.
        seed: of everything random.
        style_share: chance of each style.
        numbers: which batches.
    """
    ready: queue.Queue[Batch | Exception | None] = queue.Queue(maxsize=3)
    names = [s for s in pool.available if style_share.get(s, 0) > 0]
    chances = np.array([style_share[s] for s in names])
    chances /= chances.sum()

    def work() -> None:
        try:
            for number in numbers:
                rng = np.random.default_rng([seed, number])
                styles = [str(s) for s in rng.choice(names, size, p=chances)]
                ready.put(stack([make_item(pool, style, seconds, rng) for style in styles]))
            ready.put(None)
        except Exception as error:  # handed to the training loop, which raises it
            ready.put(error)

    threading.Thread(target=work, daemon=True, name="batches").start()
    while (batch := ready.get()) is not None:
        if isinstance(batch, Exception):
            raise batch
        yield batch
