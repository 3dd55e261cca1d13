"""Labelled folders: sound beside CSV files with curve names in the first line and 30 rows a second.

``X/a.wav`` with ``X/a.csv``, or ``X/audio/a.opus`` with ``X/arkit/a.csv``. An empty or NaN cell has no label.
Sources measure in scales of their own (a rig's, a tracker's): each folder is a subject and a style.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.train.corpus import facegood, grid
from pmmlink.train.corpus.curve_csv import read_curves
from pmmlink.train.datasets.base import Dataset, Take, TakeData
from pmmlink.train.datasets.pairs import is_sound, pair_files
from pmmlink.train.datasets.sound import fitted, read_sound
from pmmlink.train.datasets.subjects import Subject, read_subjects

_GRID_MOVES = (
    *("jawOpen", "mouthClose", "mouthPucker", "mouthRollUpper"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthPressLeft", "mouthPressRight"),
)
"""What the tracker saw of this face: a hundredth of the frames is above 0.046 (the smile) to 0.38 (the jaw).
Of funnel, stretch, lowerDown and upperUp, which speech moves as much, it is at 0.003 to 0.038: too little to
be a label by, and a mean over the curves would count them as nearly right."""

KNOWN = {
    grid.Grid.name: Subject("male", "en", mask=tuple(n for n in MODEL_32.names if n not in _GRID_MOVES)),
    facegood.Facegood.name: Subject(
        "female", "zh", mask=(*facegood.DEAD, "mouthDimpleLeft", "mouthDimpleRight")
    ),
}
"""Public sources by the name of their folder. Masked are columns that say nothing: all zero in every file of
FACEGOOD's, dead or nearly so in GRID's (the corpus of the shipped weights keeps a few of those, under a style
that scales each curve). ``subjects.yaml`` overrides it."""


def is_labelled_csv(path: Path) -> bool:
    """Whether a file's first line names curves."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            titles = file.readline(4096).strip().split(",")
    except (OSError, UnicodeDecodeError):
        return False
    return any(title in MODEL_32 for title in titles)


def find_labelled(root: Path, files: list[Path]) -> tuple[Dataset, list[str]]:
    """The takes among the files of a data set, and what is wrong with it.

    Args:
        root: its folder.
        files: every file below it.

    Raises:
        DataError: ``subjects.yaml`` is wrong, or two sources have one name.
    """
    with_sound = {path.parent for path in files if is_sound(path)}
    labels: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        if path.suffix.lower() == ".csv" and is_labelled_csv(path):
            beside = path.parent in with_sound or path.parent == root
            labels[path.parent if beside else path.parent.parent].append(path)
    names = {folder: folder.name if folder != root else root.resolve().name for folder in sorted(labels)}
    if len(set(names.values())) < len(names):
        twice = next(name for name in names.values() if list(names.values()).count(name) > 1)
        raise DataError(f"{root}: two folders are called {twice}; styles are told apart by name: rename one")
    subjects = read_subjects(root, sorted(names.values()))
    takes: list[Take] = []
    problems: list[str] = []
    for folder, name in names.items():
        sounds = [path for path in files if is_sound(path) and folder in path.parents]
        paired = pair_files(labels[folder], sounds, "table of curves")
        problems += paired.problems
        about = subjects.get(name, KNOWN.get(name, Subject()))
        for table, sound in paired.pairs:
            takes.append(
                Take(
                    id=f"{name}/{table.stem}",
                    subject=name,
                    style=name,
                    language=about.language,
                    gender=about.gender,
                    files=(table, sound),
                    loader=partial(read_labelled, table, sound, about.mask),
                )
            )
    return Dataset(root, "labelled folders", tuple(takes)), problems


def read_labelled(table: Path, sound: Path, mask: tuple[str, ...] = ()) -> TakeData:
    """A take as it lies there.

    Args:
        table: curves at 30 fps.
        sound: its sound.
        mask: curves whose columns are no labels.

    Raises:
        DataError: a file is damaged, there is no label in it, or the two do not belong together.
    """
    targets = read_curves(table)
    if np.isinf(targets).any():
        row = int(np.flatnonzero(np.isinf(targets).any(axis=1))[0])
        raise DataError(
            f"{table}:{row + 2}: a value is infinite; leave the cell empty where there is no label"
        )
    targets[:, MODEL_32.positions(mask)] = np.nan
    known = np.isfinite(targets)
    if not known.any():
        raise DataError(f"{table}: no label is left in it: every curve is empty or masked")
    without = int((~known.any(axis=1)).sum())
    notes = [f"{without} of {len(targets)} frames have no label"] if without else []
    return fitted(read_sound(sound), targets, table, sound, notes)
