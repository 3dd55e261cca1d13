"""What a source of the corpus is, and what it hands to the builder."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from pmmlink.errors import DataError
from pmmlink.phones import PHONE_INDEX, SILENCE
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

LABEL_FPS = 30
"""Frame rate of ``labels/*.npy``: row k describes the mouth at k / 30 s."""

MIN_PAUSE_S = 0.03
"""A shorter gap between phones is a rounding of the aligner, not a pause."""

_SPLIT_SEED = "pmmlink-split-1"


@dataclass(frozen=True, slots=True)
class Segment:
    """A phone and where it lies.

    Attributes:
        phone: a member of :data:`pmmlink.phones.PHONES`.
        start_s: seconds from the start of the clip.
        end_s: seconds; equal to the next segment's ``start_s``.
        stress: 0, 1, 2 as in ARPAbet, or None where the source does not tell.
    """

    phone: str
    start_s: float
    end_s: float
    stress: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One clip to make.

    Attributes:
        id: unique within the source; also the name of the sound file.
        speaker: unique over the whole corpus.
        sex: ``m``, ``f`` or None.
        age: years, or None.
        language: two-letter code.
        split: ``train``, ``dev`` or ``test``.
        text: what is said; may be empty.
        style: name of the label scale, ``default`` for the articulate rules.
        inputs: files whose bytes decide the result.
        params: everything else that decides the result; JSON values only.
        licence: of this clip, where the source's is not one for all.
    """

    id: str
    speaker: str
    language: str
    split: str
    text: str
    sex: str | None = None
    age: int | None = None
    style: str = "default"
    inputs: tuple[Path, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    licence: str | None = None

    def content_key(self, source_key: str) -> str:
        """Hash of all that decides the clip; a manifest line with the same key is not made again.

        Raises:
            DataError: an input file is missing.
        """
        digest = hashlib.sha256()
        meta = [
            self.speaker,
            self.sex,
            self.age,
            self.language,
            self.split,
            self.text,
            self.style,
            self.params,
        ]
        digest.update(json.dumps([source_key, self.id, *meta], sort_keys=True).encode())
        for path in self.inputs:
            try:
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            except OSError as error:
                raise DataError(f"{self.id}: cannot read {path} ({error.strerror})") from error
        return digest.hexdigest()[:24]


@dataclass(slots=True)
class Made:
    """A finished clip.

    Attributes:
        samples: ``[N]`` float32 at 16 kHz.
        phones: contiguous segments over the whole clip, or None where nothing is known.
        labels: ``[T, 32]`` float32 at 30 fps in ``MODEL_32`` order, NaN without a label; or None.
        align_score: higher is better; only comparable within a source. None for exact times.
        text: what is really said, where that differs from the job's text.
        aligner: which aligner made ``phones``; None where they are exact by construction.
    """

    samples: FloatArray
    phones: list[Segment] | None = None
    labels: FloatArray | None = None
    align_score: float | None = None
    text: str | None = None
    aligner: str | None = None


class Source(ABC):
    """Lists and makes the clips of one origin.

    Attributes:
        name: folder of the source in the corpus.
        licence: of the sound and labels; goes into every manifest line.
        version: raised whenever :meth:`make` changes its result.
        drop_fraction: share of the worst aligned clips that the builder marks as dropped.
    """

    name: str
    licence: str
    version: int = 1
    drop_fraction: float = 0.0

    def prepare(self, material: Path, corpus: Path, say: Callable[[str], None]) -> None:  # noqa: B027 - most need nothing
        """Called once before :meth:`jobs`, with the folders of material and corpus and a place for progress.

        Raises:
            DataError: what the source builds upon is missing.
        """

    @abstractmethod
    def jobs(self, material: Path) -> Iterable[Job]:
        """Lists the clips.

        Args:
            material: folder with the downloaded material.

        Raises:
            DataError: the material or the engine is missing.
        """

    @abstractmethod
    def make(self, job: Job) -> Made:
        """Makes one clip.

        Raises:
            PmmlinkError: the clip cannot be made; the builder reports it and goes on.
        """


def split_of(key: str, *, dev: float, test: float) -> str:
    """Seeded draw of ``train``, ``dev`` or ``test`` for a speaker or sentence.

    >>> split_of("a speaker", dev=0.0, test=0.0)
    'train'
    """
    draw = int.from_bytes(hashlib.sha256(f"{_SPLIT_SEED}:{key}".encode()).digest()[:8], "big") / 2**64
    if draw < test:
        return "test"
    return "dev" if draw < test + dev else "train"


def read_audio(path: Path) -> FloatArray:
    """``[N]`` mono float32 at 16 kHz from any file that libsndfile reads.

    Raises:
        DataError: the file is missing, corrupt or empty.
    """
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataError(f"{path}: not a readable sound file ({error}); fetch it again") from error
    return to_16k(samples.mean(axis=1), int(rate_hz), str(path))


def to_16k(samples: FloatArray, rate_hz: int, where: str) -> FloatArray:
    """Resamples to 16 kHz. Raises DataError for an empty or non-finite clip."""
    if samples.size == 0 or not np.isfinite(samples).all():
        raise DataError(f"{where}: the clip holds no samples or values that are not numbers")
    if rate_hz != SAMPLE_RATE_HZ:
        import soxr

        samples = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)
    return np.ascontiguousarray(samples, dtype=np.float32)


def tile(segments: Iterable[Segment], duration_s: float, *, offset_s: float = 0.0) -> list[Segment]:
    """Shifts segments by ``offset_s`` and makes them contiguous from 0 to ``duration_s``.

    Gaps become silence, neighbouring silences are merged, and what lies outside the clip is cut. A
    boundary is kept to 0.1 ms.

    Raises:
        DataError: a phone outside the phone set, or segments that run backwards.
    """
    tiled: list[Segment] = []

    def push(segment: Segment) -> None:
        if tiled and segment.phone == SILENCE == tiled[-1].phone:
            tiled[-1] = Segment(SILENCE, tiled[-1].start_s, segment.end_s)
        elif segment.end_s > segment.start_s:
            tiled.append(segment)

    at_s = 0.0
    for segment in segments:
        if segment.phone not in PHONE_INDEX:
            raise DataError(f"{segment.phone!r} is not in the phone set")
        start_s = round(min(max(segment.start_s + offset_s, 0.0), duration_s), 4)
        end_s = round(min(max(segment.end_s + offset_s, 0.0), duration_s), 4)
        if start_s < at_s - 1e-3 or end_s < start_s:
            raise DataError(f"phone times run backwards at {start_s:.3f} s")
        if start_s - at_s > (MIN_PAUSE_S if tiled else 1e-3):
            push(Segment(SILENCE, at_s, start_s))
            at_s = start_s
        elif tiled and start_s > at_s:
            before = tiled[-1]
            tiled[-1] = Segment(before.phone, before.start_s, start_s, before.stress)
            at_s = start_s
        push(Segment(segment.phone, at_s, end_s, segment.stress))
        at_s = max(at_s, end_s)
    if duration_s - at_s > 1e-3 or not tiled:
        push(Segment(SILENCE, at_s, duration_s))
    last = tiled[-1]
    tiled[-1] = Segment(last.phone, last.start_s, round(duration_s, 4), last.stress)
    return tiled
