"""The one table of facial curves: names, order, groups, mirrors, and both casings.

Three sets share it:

* ``MODEL_32``: what the model predicts: ARKit's jaw, mouth, cheek and nose curves, in ARKit order.
* ``ARKIT_52``: all ARKit blendshapes, in the order of the Live Link Face wire.
* ``LIVELINK_61``: those and nine rotations, as Unreal's ARKit face source expects them.

Names are lower camel case in data (``jawOpen``) and Pascal case on the wire (``JawOpen``).
**Trap:** the CSV of the Live Link Face app runs JawRight, JawLeft and MouthRight, MouthLeft, swapped
against the wire. Files are therefore always read by name, and :data:`LIVELINK_61_CSV` gives the
order in which the app writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")

# Order of the Live Link Face wire (version 6), 0-51.
_WIRE_52: tuple[str, ...] = (
    *(f"eye{part}Left" for part in _EYE),
    *(f"eye{part}Right" for part in _EYE),
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
)

_ROTATIONS: tuple[str, ...] = (
    *(f"head{axis}" for axis in ("Yaw", "Pitch", "Roll")),
    *(f"leftEye{axis}" for axis in ("Yaw", "Pitch", "Roll")),
    *(f"rightEye{axis}" for axis in ("Yaw", "Pitch", "Roll")),
)

_MODEL_GROUPS = ("jaw", "mouth", "cheek", "nose")


def group_of(name: str) -> str:
    """The group of a curve: jaw, mouth, cheek, nose, eye, brow, tongue or rotation.

    >>> group_of("mouthPucker"), group_of("headYaw")
    ('mouth', 'rotation')
    """
    if name in _ROTATIONS:
        return "rotation"
    for group in (*_MODEL_GROUPS, "eye", "brow", "tongue"):
        if name.startswith(group):
            return group
    raise KeyError(name)


def wire_name(name: str) -> str:
    """``jawOpen`` → ``JawOpen``: the casing of Live Link, OSC and CSV."""
    return name[0].upper() + name[1:]


def data_name(name: str) -> str:
    """``JawOpen`` → ``jawOpen``: the casing used inside pmmlink."""
    return name[0].lower() + name[1:]


def mirror_of(name: str) -> str:
    """The same curve on the other side of the face; a middle curve is its own mirror.

    >>> mirror_of("mouthSmileLeft"), mirror_of("jawOpen"), mirror_of("leftEyeYaw")
    ('mouthSmileRight', 'jawOpen', 'rightEyeYaw')
    """
    for here, there in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(here):
            return name.removesuffix(here) + there
    for here, there in (("leftEye", "rightEye"), ("rightEye", "leftEye")):
        if name.startswith(here):
            return there + name.removeprefix(here)
    return name


@dataclass(frozen=True)
class CurveSet:
    """Names of curves in a fixed order.

    Attributes:
        label: short name for messages, e.g. ``ARKit 52``.
        names: data names (``jawOpen``) in order.
    """

    label: str
    names: tuple[str, ...]
    _index: dict[str, int] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {name: i for i, name in enumerate(self.names)})
        if len(self._index) != len(self.names):
            raise ValueError(f"{self.label}: a curve name appears twice")

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def index(self, name: str) -> int:
        """Position of a data name. Raises KeyError when the set has no such curve."""
        return self._index[name]

    @cached_property
    def wire_names(self) -> tuple[str, ...]:
        """The names in the casing of the wire."""
        return tuple(wire_name(name) for name in self.names)

    def positions(self, names: Iterable[str]) -> list[int]:
        """Positions of several data names, in the order given."""
        return [self._index[name] for name in names]


MODEL_32 = CurveSet("model 32", tuple(n for n in _WIRE_52 if group_of(n) in _MODEL_GROUPS))
ARKIT_52 = CurveSet("ARKit 52", _WIRE_52)
LIVELINK_61 = CurveSet("Live Link Face 61", (*_WIRE_52, *_ROTATIONS))


def _csv_order(names: tuple[str, ...]) -> tuple[str, ...]:
    swapped = list(names)
    for left, right in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):
        i, j = swapped.index(left), swapped.index(right)
        swapped[i], swapped[j] = swapped[j], swapped[i]
    return tuple(swapped)


LIVELINK_61_CSV = CurveSet("Live Link Face CSV 61", _csv_order(LIVELINK_61.names))

ROTATIONS = frozenset(_ROTATIONS)
"""Curves that are angles and may be negative; all others live in [0, 1]."""
