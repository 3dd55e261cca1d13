"""Takes of the Live Link Face app: a folder of subjects, each with CSV and sound or film.

3D-CAVFA (paper, section III) was recorded so: 61 curves at 60 fps with timecodes, sound at 48 kHz.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pmmlink.curves import LIVELINK_61, MODEL_32
from pmmlink.errors import DataError
from pmmlink.retarget.actor_take import ActorRows, read_rows
from pmmlink.train.datasets.base import Dataset, Take, TakeData
from pmmlink.train.datasets.pairs import is_neutral, is_sound, pair_files
from pmmlink.train.datasets.sound import fitted, read_sound
from pmmlink.train.datasets.subjects import SUBJECTS_FILE, Subject, read_subjects
from pmmlink.types import MODEL_FPS
from pmmlink.wire.timecode import Clock

BRIDGED_S = 0.1
"""Frames missing for longer than this are not made up: they get no label."""

MOST_MISSING = 0.2
"""A take that lost a larger share of its frames is refused."""

_MARK = "timecode,blendshapecount"


def is_live_link_csv(path: Path) -> bool:
    """Whether a file's first line is that of a Live Link Face take."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MARK) + 3)
    except OSError:
        return False
    return start.removeprefix(b"\xef\xbb\xbf").decode("latin-1").casefold().startswith(_MARK)


def find_takes(root: Path, files: list[Path]) -> tuple[Dataset, list[str]]:
    """The takes among the files of a data set, and what is wrong with it.

    Args:
        root: its folder; the folders in it are the subjects, or it is itself one's.
        files: every file below it.

    Raises:
        DataError: ``subjects.yaml`` is wrong.
    """
    by_folder: dict[Path, tuple[list[Path], list[Path]]] = defaultdict(lambda: ([], []))
    for path in files:
        if path.suffix.lower() == ".csv" and not is_neutral(path):
            by_folder[path.parent][0].append(path)
        elif is_sound(path):
            by_folder[path.parent][1].append(path)
    names = sorted({_subject_of(root, folder) for folder in by_folder})
    subjects = read_subjects(root, names)
    takes: list[Take] = []
    problems: list[str] = []
    for folder, (labels, sounds) in sorted(by_folder.items()):
        paired = pair_files(labels, sounds, "take")
        problems += paired.problems
        name = _subject_of(root, folder)
        about = subjects.get(name, Subject())
        takes += [_take(root, name, about, *pair) for pair in paired.pairs]
    if not takes and not problems:
        problems.append(f"{root}: has a {SUBJECTS_FILE} but no takes (CSV files of the Live Link Face app)")
    return Dataset(root, "Live Link Face takes", tuple(takes)), problems


def read_take(labels: Path, sound: Path, clock: Clock | None = None, mask: tuple[str, ...] = ()) -> TakeData:
    """A take at 30 fps and 16 kHz; its first frame and the first sample of its sound belong together.

    Args:
        labels: the app's CSV.
        sound: its sound or film.
        clock: what the timecodes count; None where they show it.
        mask: curves without a label.

    Raises:
        DataError: a file is damaged, does not have the app's 61 curves, lost too many frames, is too short,
            or the two do not belong together.
    """
    rows = read_rows(labels, clock)
    if len(rows.named) != len(LIVELINK_61):
        missing = [name for name in LIVELINK_61.wire_names if name[0].lower() + name[1:] not in rows.named]
        raise DataError(
            f"{labels}: {len(rows.named)} curves, the app writes {len(LIVELINK_61)}; "
            f"missing: {', '.join(missing[:4])}{' …' if len(missing) > 4 else ''}"
        )
    # A timecode is rounded to a thousandth of a label: a hundredth of a frame of slack loses no last frame.
    grid = np.arange(int(rows.seconds[-1] * float(MODEL_FPS) + 0.01) + 1) / float(MODEL_FPS)
    targets = rows.at(grid)
    lost, notes = _gaps(rows, grid, labels)
    targets[lost] = np.nan
    targets[:, MODEL_32.positions(mask)] = np.nan
    if str(rows.clock) != "60":
        notes.append(f"timecode counts {rows.clock} frames a second")
    return fitted(read_sound(sound), targets, labels, sound, notes)


def _gaps(
    rows: ActorRows, grid: npt.NDArray[np.float64], where: Path
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Which frames of the grid lie in a gap too long to bridge, and a line about what is missing."""
    steps = np.diff(rows.seconds)
    period = float(np.median(steps))
    holes = np.flatnonzero(steps > 1.5 * period)
    missing = int(np.round(steps[holes] / period - 1.0).sum())
    lost = np.zeros(len(grid), bool)
    if not missing:
        return lost, []
    whole = len(rows.seconds) + missing
    if missing > MOST_MISSING * whole:
        raise DataError(f"{where}: {missing} of {whole} frames are missing; record again")
    for hole in holes[steps[holes] > BRIDGED_S]:
        lost |= (grid > rows.seconds[hole] + 1e-6) & (grid < rows.seconds[hole + 1] - 1e-6)
    longest = int(steps.argmax())
    note = (
        f"{missing} of {whole} frames missing in {len(holes)} places, "
        f"longest {steps[longest]:.2f} s at {rows.seconds[longest]:.2f} s"
    )
    if lost.any():
        note += f"; {int(lost.sum())} frames at 30 fps left without label"
    return lost, [note]


def _take(root: Path, subject: str, about: Subject, labels: Path, sound: Path) -> Take:
    name = labels.relative_to(root).with_suffix("").as_posix()
    return Take(
        id=name,
        subject=subject,
        style=subject,
        language=about.language,
        gender=about.gender,
        files=(labels, sound),
        loader=partial(read_take, labels, sound, about.clock, about.mask),
    )


def _subject_of(root: Path, folder: Path) -> str:
    inside = folder.relative_to(root).parts
    return inside[0] if inside else root.resolve().name
