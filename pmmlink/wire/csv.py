"""The CSV of the Live Link Face app: header, rows and timecode, to text and back.

``Timecode,BlendshapeCount,`` and 61 names; then a row a frame: timecode, 61, and the values with ten
decimals.
The timecode is ``HH:MM:SS:FF.fff``: ``FF`` counts sixtieths of a second whatever the frame rate of the
capture, ``.fff`` is the fraction of one.

**Trap:** the app writes JawRight before JawLeft and MouthRight before MouthLeft, unlike its own datagrams.
Rows are written in that order (:data:`pmmlink.curves.LIVELINK_61_CSV`) and read by the names in the header
alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pmmlink.curves import LIVELINK_61, LIVELINK_61_CSV, CurveSet, data_name
from pmmlink.errors import DataError
from pmmlink.types import FloatArray
from pmmlink.wire.timecode import TIMECODE_BASE_HZ, Clock, Timecode, clock_of, parse

_TO_CSV = LIVELINK_61.positions(LIVELINK_61_CSV.names)


@dataclass(frozen=True, slots=True)
class Take:
    """The contents of one file.

    Attributes:
        times: seconds since timecode zero, one a row, by the clock that the timecodes betray.
        values: ``[rows, 61]`` float32 in the order of :data:`pmmlink.curves.LIVELINK_61`; a curve that the
            file does not have is zero.
        timecodes: the labels behind ``times``.
        clock: that clock.
        named: curves that the file has.
    """

    times: tuple[Fraction, ...]
    values: FloatArray
    timecodes: tuple[Timecode, ...]
    clock: Clock
    named: frozenset[str]


def timecode(seconds: Fraction) -> str:
    """``HH:MM:SS:FF.fff`` of a time, to the nearest 1/60000 s.

    >>> timecode(Fraction(1, 30)), timecode(3600 + Fraction(1001, 24000))
    ('00:00:00:02.000', '01:00:00:02.502')
    """
    whole, rest = divmod(round(seconds * TIMECODE_BASE_HZ * 1000), TIMECODE_BASE_HZ * 1000)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    frame, fraction = divmod(rest, 1000)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{frame:02d}.{fraction:03d}"


def parse_timecode(text: str) -> Fraction:
    """Seconds of a timecode.

    Raises:
        DataError: not ``HH:MM:SS:FF.fff``.

    >>> parse_timecode("00:01:00:30.500")
    Fraction(7261, 120)
    """
    return Clock().seconds([parse(text)])[0]


def header(curves: CurveSet = LIVELINK_61_CSV) -> str:
    """First line of a file, with its line end; ``curves`` of another rig make a file for that rig."""
    return ",".join(("Timecode", "BlendshapeCount", *curves.wire_names)) + "\n"


def row(seconds: Fraction, values: FloatArray, *, in_order: bool = False) -> str:
    """Line of one frame, with its line end.

    Args:
        seconds: time of the frame.
        values: ``[61]`` in the order of :data:`pmmlink.curves.LIVELINK_61`.
        in_order: the values are in the order of the header already, as those of another rig are.
    """
    columns = (values if in_order else values[_TO_CSV]).tolist()
    return f"{timecode(seconds)},{len(columns)}," + ",".join(f"{value:.10f}" for value in columns) + "\n"


def read(lines: Iterable[str], where: str) -> Take:
    """The take in a file's lines, mapped by the names in its header.

    Args:
        lines: an open text file, or its lines.
        where: the file's name, for messages.

    Raises:
        DataError: no header, a column that is no curve or comes twice, a row of another length, a bad
            timecode or number.
    """
    rows = _rows(lines, where)
    _, titles = next(rows, (1, []))
    columns = _columns(titles, where)
    timecodes: list[Timecode] = []
    table: list[list[float]] = []
    for number, cells in rows:
        if len(cells) != len(titles):
            raise DataError(f"{where}:{number}: {len(cells)} cells, the header has {len(titles)}")
        try:
            timecodes.append(parse(cells[0]))
            table.append([float(cells[column]) for column in columns])
        except (DataError, ValueError) as error:
            raise DataError(f"{where}:{number}: {error}") from None
    values = np.zeros((len(table), len(LIVELINK_61)), dtype=np.float32)
    if table:
        values[:, list(columns.values())] = np.array(table, dtype=np.float32)
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise DataError(f"{where}: frame {bad} has a value that is not finite")
    named = frozenset(LIVELINK_61.names[position] for position in columns.values())
    clock = clock_of(timecodes)
    return Take(clock.seconds(timecodes), values, tuple(timecodes), clock, named)


def _rows(lines: Iterable[str], where: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of the lines that are not empty. Raises DataError."""
    reader = csv.reader(lines)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{where}:{reader.line_num + 1}: not a CSV text file ({error})") from None


def _columns(titles: list[str], where: str) -> dict[int, int]:
    """Column of the file → position in the 61 curves. Raises DataError."""
    names = [title.strip().lstrip("\ufeff") for title in titles]
    if len(names) < 2 or names[0].lower() != "timecode" or names[1].lower() != "blendshapecount":
        raise DataError(f"{where}:1: does not begin with Timecode,BlendshapeCount: not a Live Link Face CSV")
    columns: dict[int, int] = {}
    for column, name in enumerate(names[2:], start=2):
        if not name or data_name(name) not in LIVELINK_61:
            raise DataError(f"{where}:1: column {column + 1} is {name!r}, which is no Live Link Face curve")
        position = LIVELINK_61.index(data_name(name))
        if position in columns.values():
            raise DataError(f"{where}:1: {name} appears twice")
        columns[column] = position
    return columns
