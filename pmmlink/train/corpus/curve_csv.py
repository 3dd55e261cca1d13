"""Reads label files: CSV with curve names in the first line, 30 rows a second."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.types import FloatArray


def read_curves(path: Path) -> FloatArray:
    """``[T, 32]`` float32 in ``MODEL_32`` order, by name; an empty cell or missing column is NaN.

    Raises:
        DataError: the file is missing, has no known column, or a cell is not a number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a table of curves ({error})") from error
    names = rows[0] if rows else []
    columns = {name: i for i, name in enumerate(names) if name in MODEL_32}
    if not columns or len(rows) < 2:
        raise DataError(f"{path}: no curves by name in the first line, or no rows below it")
    labels = np.full((len(rows) - 1, len(MODEL_32)), np.nan, np.float32)
    for number, row in enumerate(rows[1:]):
        if len(row) != len(names):
            raise DataError(f"{path}:{number + 2}: {len(row)} cells, the first line has {len(names)}")
        for name, i in columns.items():
            if row[i].strip():
                try:
                    labels[number, MODEL_32.index(name)] = float(row[i])
                except ValueError as error:
                    raise DataError(f"{path}:{number + 2}: {name} is {row[i]!r}, not a number") from error
    return labels
