"""Other rigs: the 52 ARKit curves renamed or remixed to the curves a character has.

Each curve of a rig is a weighted sum of ARKit curves, held in [0, 1]: renaming is one weight of 1, a VRM
viseme a handful.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pmmlink.curves import ARKIT_52, CurveSet
from pmmlink.types import FloatArray

FORBIDDEN = "ctrl_expressions_mouthup"
"""A property of this name switches a MetaHuman from ARKit curves to raw ones: no rig may have it."""

MAX_CURVES = 256
MAX_NAME_BYTES = 64


class RigCurves(CurveSet):
    """Curves that keep their spelling on the wire: a rig's names are not ours to capitalise."""

    @property
    def wire_names(self) -> tuple[str, ...]:
        return self.names


@dataclass(frozen=True)
class Rig:
    """A set of target curves made of ARKit curves.

    Attributes:
        name: of a shipped rig, or ``custom``.
        mix: target curve → ARKit curve → weight.
    """

    name: str
    mix: Mapping[str, Mapping[str, float]]

    @cached_property
    def curves(self) -> RigCurves:
        """The target's curves in the order of the file."""
        return RigCurves(f"rig {self.name}", tuple(self.mix))

    @cached_property
    def matrix(self) -> FloatArray:
        """``[52, N]`` weights from :data:`ARKIT_52`."""
        weights = np.zeros((len(ARKIT_52), len(self.mix)), np.float32)
        for column, parts in enumerate(self.mix.values()):
            for curve, weight in parts.items():
                weights[ARKIT_52.index(curve), column] = weight
        return weights

    def apply(self, values: FloatArray) -> FloatArray:
        """``[K, 52]`` ARKit curves to ``[K, N]``."""
        mixed: FloatArray = np.clip(values @ self.matrix, 0.0, 1.0)
        return mixed

    def __iter__(self) -> Iterator[tuple[str, Mapping[str, float]]]:
        return iter(self.mix.items())


def name_fault(name: str) -> str:
    """Why a rig may not have a curve of this name; empty when it may."""
    if name.casefold() == FORBIDDEN:
        return "switches MetaHumans away from ARKit curves; choose another name"
    if not name.strip() or not name.isprintable() or any(mark in name for mark in ',"'):
        return "is not a name: printable characters without commas and quotes"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return ""
