"""Recognises a data set by what its folder holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pmmlink.errors import DataError
from pmmlink.train.datasets.base import Dataset
from pmmlink.train.datasets.labelled import find_labelled, is_labelled_csv
from pmmlink.train.datasets.livelink import find_takes, is_live_link_csv
from pmmlink.train.datasets.subjects import SUBJECTS_FILE
from pmmlink.train.datasets.vocaset import find_vocaset, is_vocaset


@dataclass(frozen=True, slots=True)
class Found:
    """A data set, and what is wrong with its files.

    Attributes:
        dataset: the takes that have both halves.
        problems: one line for each file that does not belong to one.
    """

    dataset: Dataset
    problems: tuple[str, ...]


def scan(root: Path) -> Found:
    """Looks through a folder without reading the takes.

    Raises:
        DataError: no such folder, no data set that is known, or one whose lists are wrong.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    if is_vocaset(root):
        return _found(*find_vocaset(root))
    files = sorted(path for path in root.rglob("*") if path.is_file())
    tables = [path for path in files if path.suffix.lower() == ".csv"]
    if any(map(is_live_link_csv, tables)):
        return _found(*find_takes(root, files))
    if any(map(is_labelled_csv, tables)):
        return _found(*find_labelled(root, files))
    if (root / SUBJECTS_FILE).is_file():
        return _found(*find_takes(root, files))
    raise DataError(
        f"{root}: no data set here: expected folders of Live Link Face takes (CSV and sound), VOCASET "
        "(vertices_npy, audio, templates.pkl), or sound with CSV files of curves"
    )


def _found(dataset: Dataset, problems: list[str]) -> Found:
    return Found(dataset, tuple(problems))
