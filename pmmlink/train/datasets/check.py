"""Reads every take of a data set and reports on it; a bad one never stops the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError, RuntimeFault
from pmmlink.train.datasets.base import Dataset, Take, TakeData
from pmmlink.train.datasets.scan import scan
from pmmlink.types import SAMPLE_RATE_HZ

MOVES = 0.01
"""A curve whose values stay within this over all takes of a style does not move."""


@dataclass(slots=True)
class StyleReport:
    """The good takes of one style.

    Attributes:
        subject: whose face it is.
        gender: ``male``, ``female`` or None.
        language: two-letter code, or ``und``.
        takes: how many are good.
        seconds: their length together.
        lowest: ``[C]`` least value of each output; NaN without a label.
        highest: ``[C]`` greatest value.
    """

    subject: str
    gender: str | None
    language: str
    takes: int = 0
    seconds: float = 0.0
    lowest: npt.NDArray[np.float32] | None = None
    highest: npt.NDArray[np.float32] | None = None

    def still_curves(self) -> list[str]:
        """Labelled curves that never move (32 curves only): most likely no labels in truth."""
        if self.lowest is None or self.highest is None or len(self.lowest) != len(MODEL_32):
            return []
        still = self.highest - self.lowest < MOVES
        return [name for name, dead in zip(MODEL_32.names, still, strict=True) if dead]

    def unlabelled_curves(self) -> list[str]:
        """Curves without any label (32 curves only)."""
        if self.lowest is None or len(self.lowest) != len(MODEL_32):
            return []
        return [name for name, low in zip(MODEL_32.names, self.lowest, strict=True) if np.isnan(low)]


@dataclass(slots=True)
class DatasetReport:
    """What :func:`check_dataset` found.

    Attributes:
        dataset: the takes, good and bad.
        styles: style → its good takes.
        notes: take → what is odd about it and was put right.
        errors: one line for each take or file that cannot be used.
        plots: pictures written.
    """

    dataset: Dataset
    styles: dict[str, StyleReport] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    plots: int = 0


def check_dataset(
    root: Path,
    *,
    plots: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> DatasetReport:
    """Reads every take of a data set.

    Args:
        root: its folder.
        plots: folder for a picture of each good take; made if it is not there.
        progress: told how many takes are done, and how many there are.

    Raises:
        DataError: no data set there, or its lists are wrong.
        InputError: pictures are wanted and matplotlib is missing.
        RuntimeFault: a picture cannot be written.
    """
    found = scan(root)
    report = DatasetReport(found.dataset, errors=list(found.problems))
    if plots is not None:
        try:
            plots.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise RuntimeFault(f"{plots}: cannot make the folder ({fault.strerror or fault})") from None
    for number, take in enumerate(found.dataset.takes, 1):
        try:
            data = take.load()
        except DataError as error:
            report.errors.append(str(error))
        else:
            _add(report, take, data)
            if plots is not None:
                _draw(plots, found.dataset, take, data)
                report.plots += 1
        progress(number, len(found.dataset.takes))
    return report


def _add(report: DatasetReport, take: Take, data: TakeData) -> None:
    style = report.styles.setdefault(take.style, StyleReport(take.subject, take.gender, take.language))
    style.takes += 1
    style.seconds += len(data.audio) / SAMPLE_RATE_HZ
    # fmin and fmax pass over NaN; a column of nothing but NaN stays NaN.
    low, high = np.fmin.reduce(data.targets, axis=0), np.fmax.reduce(data.targets, axis=0)
    style.lowest = low if style.lowest is None else np.fmin(style.lowest, low)
    style.highest = high if style.highest is None else np.fmax(style.highest, high)
    if data.notes:
        report.notes[take.id] = data.notes


def _draw(folder: Path, dataset: Dataset, take: Take, data: TakeData) -> None:
    from pmmlink.train.corpus.show import draw_clip

    path = folder / f"{take.id.replace('/', '__')}.png"
    title = f"{take.id} ({take.subject}, {take.language})"
    if dataset.kind == "curves":
        draw_clip(path, data.audio, title=title, labels=data.targets)
    else:
        moved = np.linalg.norm(data.targets.reshape(len(data.targets), -1, 3), axis=2).max(axis=1)
        draw_clip(path, data.audio, title=title, motion_mm=moved)
