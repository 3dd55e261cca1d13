"""An actor's Live Link Face take on the model's frames, and the face at rest in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pmmlink.curves import LIVELINK_61, MODEL_32
from pmmlink.errors import DataError
from pmmlink.types import MODEL_FPS, FloatArray
from pmmlink.wire import csv
from pmmlink.wire.timecode import Clock

_TO_32 = LIVELINK_61.positions(MODEL_32.names)
_STILL_PER_FRAME = 0.01
"""A face whose curves all move by less between frames is at rest."""

_LEAST_STILL = 15
_LONGEST_GAP_S = 1.0


@dataclass(frozen=True, slots=True)
class ActorRows:
    """A take as recorded.

    Attributes:
        seconds: ``[R]`` time of each row since the first; they only grow.
        values: ``[R, 32]`` in the order of ``MODEL_32``.
        clock: what the timecodes were read by.
        named: curves that the file has; others are zero.
    """

    seconds: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    clock: Clock
    named: frozenset[str]

    def at(self, grid: npt.NDArray[np.float64]) -> FloatArray:
        """``[len(grid), 32]`` at given seconds, on straight lines between the rows."""
        columns = [np.interp(grid, self.seconds, self.values[:, c]) for c in range(self.values.shape[1])]
        rows: FloatArray = np.stack(columns, axis=1).astype(np.float32)
        return rows


def read_rows(path: Path, clock: Clock | None = None) -> ActorRows:
    """The rows of a Live Link Face CSV, whatever their rate.

    Args:
        path: the file.
        clock: what its timecodes count; None takes it from the timecodes themselves.

    Raises:
        DataError: not a Live Link Face CSV, fewer than two frames, times that run backwards, or values that
            are no blendshapes.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            take = csv.read(file, str(path))
    except OSError as fault:
        raise DataError(f"{path}: cannot be read: {fault.strerror or fault}") from None
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: not UTF-8 text (byte {fault.start})") from None
    if len(take.times) < 2:
        raise DataError(f"{path}: {len(take.times)} frames; record a few sentences")
    times = clock.seconds(take.timecodes) if clock else take.times
    seconds = np.array([float(time - times[0]) for time in times])
    steps = np.diff(seconds)
    if (steps <= 0).any():
        row = int(np.flatnonzero(steps <= 0)[0])
        raise DataError(f"{path}: frame {row + 1} is not later than the one before; is the file in order?")
    values = take.values[:, _TO_32].astype(np.float64)
    wrong = np.argwhere((values < -0.01) | (values > 1.5))
    if len(wrong):
        row, column = (int(at) for at in wrong[0])
        name, value = MODEL_32.names[column], values[row, column]
        raise DataError(f"{path}: frame {row}: {name} is {value:g}, which is no blendshape value (0 to 1)")
    return ActorRows(seconds, values, clock or take.clock, take.named)


def read_take(path: Path) -> FloatArray:
    """``[T, 32]`` at 30 fps from the take's first frame on, whatever its frame rate.

    Raises:
        DataError: as :func:`read_rows`, or times that leave long gaps.
    """
    rows = read_rows(path)
    steps = np.diff(rows.seconds)
    if steps.max() > _LONGEST_GAP_S:
        row = int(steps.argmax())
        raise DataError(f"{path}: {steps[row]:.1f} s without a frame after frame {row}; record again")
    return rows.at(np.arange(int(rows.seconds[-1] * MODEL_FPS) + 1) / float(MODEL_FPS))


def resting_face(rows: FloatArray, where: str) -> FloatArray:
    """``[32]``: the median of the frames in which the face is still.

    Raises:
        DataError: it is never still for half a second altogether.
    """
    steps = np.abs(np.diff(rows, axis=0)).max(axis=1) if len(rows) > 1 else np.zeros(0)
    still = np.flatnonzero(steps < _STILL_PER_FRAME) + 1
    if len(still) < _LEAST_STILL:
        raise DataError(
            f"{where}: the face is still in {len(still)} of {len(rows)} frames; "
            f"hold a resting face for a second ({_LEAST_STILL} still frames are needed)"
        )
    rest: FloatArray = np.median(rows[still], axis=0).astype(np.float32)
    return rest


def without_rest(rows: FloatArray, rest: FloatArray) -> FloatArray:
    """The take as a face would make it whose rest is all zero; 1 stays 1."""
    bounded = np.minimum(rest, 0.9)
    freed: FloatArray = np.clip((rows - bounded) / (1.0 - bounded), 0.0, 1.0).astype(np.float32)
    return freed
