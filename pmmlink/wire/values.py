"""What a curve value may be on the wire: finite, and in [0, 1] unless it is an angle."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from unicodedata import category

import numpy as np

from pmmlink.curves import ROTATIONS, CurveSet
from pmmlink.errors import WireError
from pmmlink.types import FloatArray

MAX_SUBJECT_BYTES = 255

_CONTROLS = ("Cc", "Zl", "Zp")
"""Unicode categories: control characters, line and paragraph separators."""


@lru_cache(maxsize=16)
def _limits(curves: CurveSet) -> tuple[FloatArray, FloatArray]:
    angle = np.array([name in ROTATIONS for name in curves.names], dtype=bool)
    low = np.where(angle, -np.inf, 0.0).astype(np.float32)
    high = np.where(angle, np.inf, 1.0).astype(np.float32)
    return low, high


def clamp(values: FloatArray, curves: CurveSet) -> FloatArray:
    """Limits blendshapes to [0, 1] and leaves head and eye angles as they are.

    Args:
        values: ``[len(curves)]`` finite float32.
        curves: names of ``values``.

    Returns:
        A new array of the same shape.
    """
    low, high = _limits(curves)
    return np.clip(values, low, high)


def require_finite(values: Sequence[float], where: str) -> None:
    """Refuses NaN and infinity, which would stick to a face rather than pass by.

    Raises:
        WireError: naming the first such value.
    """
    for position, value in enumerate(values):
        if not isfinite(value):
            raise WireError(f"{where}: value {position} is {value}, not a finite number")


def require_subject(subject: str) -> bytes:
    """The UTF-8 bytes of a subject name that every format can carry.

    Raises:
        WireError: empty, longer than 255 bytes, not encodable, or with control characters (OSC ends a
            string at a NUL, and a terminal obeys the others).
    """
    try:
        data = subject.encode("utf-8")
    except UnicodeEncodeError:
        raise WireError("subject name: not valid Unicode text") from None
    if not data:
        raise WireError("subject name: empty")
    if len(data) > MAX_SUBJECT_BYTES:
        raise WireError(f"subject name: {len(data)} bytes, at most {MAX_SUBJECT_BYTES} are allowed")
    if any(category(character) in _CONTROLS for character in subject):
        raise WireError("subject name: contains control characters")
    return data
