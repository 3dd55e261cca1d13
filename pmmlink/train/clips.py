"""Takes made ready for a run: parted by the protocol, read once, long ones cut into pieces."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pmmlink.errors import DataError, ShortTakeError
from pmmlink.train.datasets.base import Dataset, Kind, Protocol, Take, TakeData, open_dataset, split_takes
from pmmlink.train.recipe import Recipe
from pmmlink.types import SAMPLE_RATE_HZ

_PERIOD_FRAMES = 3
_PERIOD_SAMPLES = SAMPLE_RATE_HZ * _PERIOD_FRAMES // 30
"""Three frames are five tokens are 1600 samples: pieces begin on the grid of both rates."""

_KEPT_BYTES = 1 << 30


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clip:
    """A take, or a piece of a long one.

    Attributes:
        take: of which.
        name: for messages.
        first: its first frame in the take, a multiple of 3.
        frames: its length; None goes to the end.
    """

    take: Take
    name: str
    first: int = 0
    frames: int | None = None

    def cut(self, data: TakeData) -> TakeData:
        """Its part of the take's data."""
        start = self.first // _PERIOD_FRAMES * _PERIOD_SAMPLES
        if self.frames is None:
            return TakeData(data.audio[start:], data.targets[self.first :])
        samples = self.frames // _PERIOD_FRAMES * _PERIOD_SAMPLES
        return TakeData(
            data.audio[start : start + samples], data.targets[self.first : self.first + self.frames]
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """All takes of a run.

    Attributes:
        train: clips of the training part.
        val: of the validation part.
        test: of the test part, which no run looks at.
        styles: of the training takes, in the order of first appearance.
        kind: ``curves`` or ``vertices``.
        outputs: columns of the targets.
        mean: ``[outputs]`` mean of the training targets, NaN of an output that has no label at all.
    """

    train: tuple[Clip, ...]
    val: tuple[Clip, ...]
    test: tuple[Clip, ...]
    styles: tuple[str, ...]
    kind: Kind
    outputs: int
    mean: npt.NDArray[np.float64]


def open_parts(
    recipe: Recipe,
    report: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> Parts:
    """Opens the data sets, parts them, and reads every take once: a bad file is found now, not in epoch 7.

    Takes that are merely too short are left out; a damaged one ends it, because what else is wrong with the
    folder nobody knows.

    Args:
        recipe: data sets, protocol, seed, limits.
        report: told how many takes of how many have been read.
        note: told which takes are left out.

    Raises:
        DataError: a data set or take that cannot be read, a protocol that does not suit it, or data sets of
            different kinds.
    """
    sets = [open_dataset(Path(folder)) for folder in recipe.data]
    for other in sets[1:]:
        if (other.kind, other.outputs) != (sets[0].kind, sets[0].outputs):
            raise DataError(
                f"{other.path}: {other.outputs} {other.kind} columns, but {sets[0].path} has "
                f"{sets[0].outputs} {sets[0].kind}: train on one kind at a time"
            )
    takes = _split_all(sets, recipe)
    total = sum(map(len, takes))
    read = 0
    short: list[str] = []
    sums = np.zeros((2, sets[0].outputs))
    parts: list[tuple[Clip, ...]] = []
    for number, part in enumerate(takes):
        clips: list[Clip] = []
        for take in part:
            try:
                data = take.load()
            except ShortTakeError as error:
                short.append(str(error))
            else:
                clips.extend(_pieces(take, data, recipe.longest_s))
                if number == 0:
                    known = np.isfinite(data.targets)
                    sums += np.where(known, data.targets, 0.0).sum(0), known.sum(0)
            read += 1
            if report:
                report(read, total)
        parts.append(tuple(_limited(clips, lambda clip: clip.take.subject, lambda clip: clip.name, recipe)))
    if short and note:
        more = f" (and {len(short) - 1} more: 'pmmlink data check' lists them)" if len(short) > 1 else ""
        note(f"left out: {short[0]}{more}")
    styles = tuple(dict.fromkeys(clip.take.style for clip in parts[0]))
    mean = np.where(sums[1] > 0, sums[0] / np.maximum(sums[1], 1), np.nan)
    train, val, test = parts
    return Parts(train, val, test, styles, sets[0].kind, sets[0].outputs, mean)


def _split_all(sets: Sequence[Dataset], recipe: Recipe) -> tuple[list[Take], list[Take], list[Take]]:
    takes: tuple[list[Take], list[Take], list[Take]] = ([], [], [])
    protocol: Protocol = recipe.protocol  # type: ignore[assignment]
    for dataset in sets:
        split = split_takes(dataset, protocol, recipe.split_seed)
        for mine, theirs in zip(takes, (split.train, split.val, split.test), strict=True):
            mine.extend(_limited(theirs, lambda take: take.subject, lambda take: take.id, recipe))
    return takes


def _limited(
    items: Sequence[T], subject_of: Callable[[T], str], name_of: Callable[[T], str], recipe: Recipe
) -> list[T]:
    """At most ``recipe.limit`` of each subject, drawn at random, in their old order."""
    if not recipe.limit:
        return list(items)
    kept: set[str] = set()
    for subject in sorted({subject_of(item) for item in items}):
        names = sorted(name_of(item) for item in items if subject_of(item) == subject)
        order = np.random.default_rng(recipe.split_seed).permutation(len(names))
        kept.update(names[i] for i in order[: recipe.limit])
    return [item for item in items if name_of(item) in kept]


def _pieces(take: Take, data: TakeData, longest_s: float) -> list[Clip]:
    """The whole take, or pieces of about equal length, none longer than ``longest_s``."""
    frames = len(data.targets)
    if frames < 2 or not len(data.audio):
        raise DataError(f"{take.files[0]}: {frames} frames and {len(data.audio)} samples are no take")
    longest = max(_PERIOD_FRAMES, int(longest_s * 30) // _PERIOD_FRAMES * _PERIOD_FRAMES)
    count = -(-frames // longest)
    if count == 1:
        return [Clip(take, take.id)]
    size = -(-frames // (count * _PERIOD_FRAMES)) * _PERIOD_FRAMES
    starts = range(0, frames, size)
    last = len(starts) - 1
    return [
        Clip(take, f"{take.id} ({i + 1} of {len(starts)})", first, None if i == last else size)
        for i, first in enumerate(starts)
    ]


class TakeMemory:
    """Reads clips; keeps the takes read last, up to a gibibyte."""

    def __init__(self, most_bytes: int = _KEPT_BYTES) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, TakeData] = OrderedDict()

    def read(self, clip: Clip) -> TakeData:
        """Sound and targets of a clip.

        Raises:
            DataError: the take has become unreadable since the run began.
        """
        key = f"{clip.take.files[0]} {clip.take.id}"  # several takes may lie in one file
        data = self._kept.pop(key, None)
        if data is None:
            data = clip.take.load()
            self._bytes += _size(data)
        self._kept[key] = data
        while self._bytes > self._most and len(self._kept) > 1:
            self._bytes -= _size(self._kept.popitem(last=False)[1])
        return clip.cut(data)


def _size(data: TakeData) -> int:
    return int(data.audio.nbytes + data.targets.nbytes)
