"""What a data set is: takes of subjects, unread until asked for, and how the protocols part them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from pmmlink.errors import DataError
from pmmlink.types import FloatArray

Kind = Literal["curves", "vertices"]
Protocol = Literal["cross-subject", "cross-gender", "cross-take", "public"]

PROTOCOLS: tuple[Protocol, ...] = ("cross-subject", "cross-gender", "cross-take", "public")
"""The paper's two (section III, *Evaluation protocol*); unseen sentences of known subjects; the split that a
data set was published with."""

TRAIN_SHARE, VAL_SHARE = 0.6, 0.2
"""Of the subjects (section III); the rest is test."""


@dataclass(frozen=True, slots=True)
class TakeData:
    """A take, read.

    Attributes:
        audio: ``[N]`` mono float32 at 16 kHz.
        targets: ``[T, 32]`` curves in the order of ``MODEL_32`` at 30 fps, NaN where there is no label; or
            ``[T, V * 3]`` offsets of the vertices from the subject's template in millimetres. Row ``k``
            belongs to the sound at ``k / 30`` s, and both have the same length to within a frame.
        notes: what is odd about the files and was put right, one line each.
    """

    audio: FloatArray
    targets: FloatArray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Take:
    """One recording of one subject, not yet read.

    Attributes:
        id: unique within the data set, e.g. ``anna/take_3``.
        subject: whose face it is.
        style: whose style vector p it trains; subjects measured in the same way by the same hand share none.
        language: two-letter code, ``und`` where nobody said.
        gender: ``male``, ``female``, or None where nobody said.
        files: what is read: labels first, then sound, then what else decides the result.
        loader: reads it; a picklable callable, so that worker processes can have it.
    """

    id: str
    subject: str
    style: str
    language: str
    gender: str | None
    files: tuple[Path, ...] = field(repr=False)
    loader: Callable[[], TakeData] = field(repr=False, compare=False)

    def load(self) -> TakeData:
        """Reads and resamples the take.

        Raises:
            DataError: with the file and what is wrong with it.
        """
        return self.loader()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Takes of one kind.

    Attributes:
        path: its folder.
        format: what it is, for reports, e.g. ``Live Link Face takes``.
        takes: in a fixed order.
        kind: ``curves`` or ``vertices``.
        outputs: columns of the targets: 32, or three times the vertices.
        public: subject → ``train``, ``val`` or ``test``, where the data set comes with a split.
        templates: subject → ``[V, 3]`` millimetres (vertices only).
    """

    path: Path
    format: str
    takes: tuple[Take, ...]
    kind: Kind = "curves"
    outputs: int = 32
    public: dict[str, str] | None = None
    templates: dict[str, npt.NDArray[np.float32]] | None = field(default=None, repr=False)

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles in the order of their first takes."""
        return tuple(dict.fromkeys(take.style for take in self.takes))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names of the subjects in the order of their first takes."""
        return tuple(dict.fromkeys(take.subject for take in self.takes))


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a data set under a protocol; no take is in two of them."""

    train: tuple[Take, ...]
    val: tuple[Take, ...]
    test: tuple[Take, ...]

    @property
    def train_styles(self) -> tuple[str, ...]:
        """Styles that a model trained on ``train`` has."""
        return tuple(dict.fromkeys(take.style for take in self.train))


def open_dataset(path: Path | str) -> Dataset:
    """The takes under a folder, recognised by what it holds.

    A folder of subjects with Live Link Face takes, VOCASET's public layout, a labelled folder (sound, and
    CSV with curve names), or a folder of labelled folders, each of which is then a style of its own.

    Raises:
        DataError: nothing of the kind there, or a take or sound without its other half.
    """
    from pmmlink.train.datasets.scan import scan

    found = scan(Path(path))
    if found.problems:
        more = len(found.problems) - 1
        rest = f" (and {more} more: 'pmmlink data check {path}' lists them)" if more else ""
        raise DataError(found.problems[0] + rest)
    return found.dataset


def split_takes(dataset: Dataset, protocol: Protocol, seed: int = 0) -> Split:
    """Parts the takes of a data set.

    * ``cross-subject``: subjects drawn at random, 60 % to train, 20 % to val, 20 % to test.
    * ``cross-gender``: all men to train; the women, drawn at random, half to val and half to test.
    * ``cross-take``: not in the paper: of every subject 60 % of the takes to train, 20 % to val, 20 % to
      test, for data sets of too few subjects.
    * ``public``: the split that the data set was published with.

    The same seed gives the same parts on any machine, whatever the order of the files.

    Args:
        dataset: what to part.
        protocol: which rule.
        seed: of the draw.

    Raises:
        DataError: too few subjects or takes, a subject without a gender, no public split.
    """
    if protocol == "cross-subject":
        parts = _drawn(sorted(dataset.subjects), seed)
        if not all(parts):
            raise DataError(
                f"{dataset.path}: {len(dataset.subjects)} subjects; cross-subject needs three or more "
                "(one for each part): use cross-take"
            )
        return _by_subject(dataset, *parts)
    if protocol == "cross-gender":
        return _cross_gender(dataset, seed)
    if protocol == "cross-take":
        return _cross_take(dataset, seed)
    if dataset.public is None:
        raise DataError(
            f"{dataset.path}: {dataset.format} come without a split of their own: use cross-subject"
        )
    owner = dataset.public
    by_part = {
        part: [subject for subject in dataset.subjects if owner.get(subject) == part]
        for part in ("train", "val", "test")
    }
    return _by_subject(dataset, *by_part.values())


def _cross_gender(dataset: Dataset, seed: int) -> Split:
    unknown = [take.subject for take in dataset.takes if take.gender is None]
    if unknown:
        raise DataError(
            f"{dataset.path}: the gender of {unknown[0]} is not known; write it into its subjects.yaml"
        )
    women = sorted({take.subject for take in dataset.takes if take.gender == "female"})
    men = sorted(set(dataset.subjects) - set(women))
    if not men or len(women) < 2:
        raise DataError(
            f"{dataset.path}: {len(men)} men and {len(women)} women; cross-gender trains on the men and "
            "parts the women between val and test: one and two are needed"
        )
    order = [women[i] for i in np.random.default_rng(seed).permutation(len(women))]
    return _by_subject(dataset, men, order[: len(order) // 2], order[len(order) // 2 :])


def _cross_take(dataset: Dataset, seed: int) -> Split:
    parts: tuple[list[str], list[str], list[str]] = ([], [], [])
    for subject in sorted(dataset.subjects):
        own = _drawn(sorted(take.id for take in dataset.takes if take.subject == subject), seed)
        if not all(own):
            count = sum(map(len, own))
            raise DataError(
                f"{dataset.path}: {count} takes of {subject}; cross-take needs three or more of each subject"
            )
        for part, ids in zip(parts, own, strict=True):
            part.extend(ids)
    train, val, test = (tuple(take for take in dataset.takes if take.id in part) for part in map(set, parts))
    return Split(train, val, test)


def _drawn(names: Sequence[str], seed: int) -> tuple[list[str], list[str], list[str]]:
    """60, 20 and 20 % of the names in a random order; at least one each where there are three."""
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    val = max(1, round(VAL_SHARE * len(order)))
    test = max(1, round((1.0 - TRAIN_SHARE - VAL_SHARE) * len(order)))
    train = len(order) - val - test
    return order[: max(train, 0)], order[train : train + val], order[train + val :]


def _by_subject(dataset: Dataset, *parts: Iterable[str]) -> Split:
    train, val, test = (
        tuple(take for take in dataset.takes if take.subject in subjects) for subjects in map(set, parts)
    )
    return Split(train, val, test)
