"""Reads a built corpus: manifest lines in, :class:`Clip` out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from pmmlink.errors import DataError
from pmmlink.train.corpus.base import Segment
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of the corpus.

    Attributes:
        id: unique within the source.
        source: name of the source, e.g. ``flite``.
        speaker: unique over the corpus.
        sex: ``m``, ``f`` or None.
        age: years, or None.
        language: two-letter code.
        split: ``train``, ``dev`` or ``test``; by speaker where a source has several.
        audio: 16 kHz mono FLAC.
        samples: number of samples.
        text: what is said.
        phones: contiguous over the clip, or None.
        labels: file with ``[T, 32]`` measured curves, or None.
        style: label scale, ``default`` where curves come from phones.
        align_score: higher is better within a source; None for exact times.
        aligner: what timed the phones; None where the times are exact by construction.
        dropped: among the worst aligned of its source; left out by :func:`load_manifest`.
        licence: of the sound and labels.
    """

    id: str
    source: str
    speaker: str
    sex: str | None
    age: int | None
    language: str
    split: str
    audio: Path
    samples: int
    text: str
    phones: tuple[Segment, ...] | None
    labels: Path | None
    style: str
    align_score: float | None
    aligner: str | None
    dropped: bool
    licence: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / SAMPLE_RATE_HZ

    def load_audio(self) -> FloatArray:
        """``[N]`` float32 at 16 kHz.

        Raises:
            DataError: the file is missing or not what the manifest says.
        """
        try:
            samples, rate_hz = soundfile.read(self.audio, dtype="float32")
        except (soundfile.LibsndfileError, OSError) as error:
            raise DataError(f"{self.audio}: unreadable; run 'pmmlink data build' again") from error
        if rate_hz != SAMPLE_RATE_HZ or samples.shape != (self.samples,):
            raise DataError(
                f"{self.audio}: not the clip the manifest describes; run 'pmmlink data build' again"
            )
        audio: FloatArray = samples
        return audio

    def load_labels(self) -> FloatArray | None:
        """``[T, 32]`` float32 at 30 fps in ``MODEL_32`` order, NaN without a label; None without labels."""
        if self.labels is None:
            return None
        try:
            labels: FloatArray = np.load(self.labels)
        except (OSError, ValueError) as error:
            raise DataError(f"{self.labels}: unreadable; run 'pmmlink data build' again") from error
        return labels


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a manifest in file order; a last line cut off by a crash is left out.

    An id may come twice while a clip is being made anew: the last line counts.

    Raises:
        DataError: a line other than the last is not JSON.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    lines = raw.split(b"\n")
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            records.append(json.loads(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise DataError(f"{path}:{number}: not a manifest line; delete it and build again") from error
    return records


def _segments(phones: list[list[Any]], stress: list[int | None] | None) -> tuple[Segment, ...]:
    marks = stress or [None] * len(phones)
    return tuple(
        Segment(phone, start_s, end_s, mark)
        for (phone, start_s, end_s), mark in zip(phones, marks, strict=True)
    )


def to_clip(record: dict[str, Any], folder: Path) -> Clip:
    """A manifest line as a :class:`Clip`; ``folder`` is that of the source."""
    try:
        phones = record["phones"]
        return Clip(
            id=record["id"],
            source=record["source"],
            speaker=record["speaker"],
            sex=record["sex"],
            age=record["age"],
            language=record["language"],
            split=record["split"],
            audio=folder / record["audio"],
            samples=record["samples"],
            text=record["text"],
            phones=None if phones is None else _segments(phones, record.get("stress")),
            labels=None if record["labels"] is None else folder / record["labels"],
            style=record["style"],
            align_score=record["align_score"],
            aligner=record.get("aligner"),
            dropped=bool(record.get("dropped", False)),
            licence=record["licence"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{folder / MANIFEST}: clip {record.get('id', '?')} has a bad field ({error})"
        ) from error


def load_manifest(
    root: Path | str,
    sources: Iterable[str] | None = None,
    split: str | None = None,
    *,
    include_dropped: bool = False,
) -> list[Clip]:
    """Clips of a built corpus in a fixed order.

    Args:
        root: folder given to ``pmmlink data build --out``.
        sources: names of sources; all that exist when None.
        split: ``train``, ``dev`` or ``test``; all when None.
        include_dropped: also those among the worst aligned of their source.

    Raises:
        DataError: no corpus there, an unknown source, or a damaged manifest.
    """
    root = Path(root)
    present = sorted(path.parent.name for path in root.glob(f"*/{MANIFEST}"))
    if not present:
        raise DataError(f"{root}: no corpus here; make one with 'pmmlink data build --out {root}'")
    wanted = present if sources is None else list(sources)
    for name in wanted:
        if name not in present:
            raise DataError(f"{root}: no source {name!r}; there are {', '.join(present)}")
    clips = [
        to_clip(record, root / name)
        for name in wanted
        for _, record in sorted({str(r.get("id")): r for r in read_lines(root / name / MANIFEST)}.items())
    ]
    return [
        clip
        for clip in clips
        if (split is None or clip.split == split) and (include_dropped or not clip.dropped)
    ]
