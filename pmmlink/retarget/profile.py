"""Calibration profiles: how much of each curve one character wants.

This file is the profile in memory; :mod:`pmmlink.retarget.profile_file` reads and writes it as YAML,
:class:`~pmmlink.retarget.mapping.Retargeter` applies it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pmmlink.curves import ARKIT_52, group_of, mirror_of
from pmmlink.errors import ProfileError
from pmmlink.retarget.rig import Rig
from pmmlink.strict_yaml import nearest

GROUPS = tuple(dict.fromkeys(group_of(name) for name in ARKIT_52.names))

SYMMETRIC_GROUPS = ("jaw", "mouth", "cheek", "nose", "brow")
"""Groups whose sides ``symmetric`` makes equal. Eyes are left out: equal sides would make them squint."""

PAIRS: Mapping[str, tuple[str, str]] = {
    name.removesuffix("Left"): (name, mirror_of(name))
    for name in ARKIT_52.names
    if name.endswith("Left") and name not in ("jawLeft", "mouthLeft")
}
"""Name without a side → left and right curve. jawLeft and mouthLeft are directions, not sides."""

LIMITS: Mapping[str, tuple[float, float]] = {
    "gain": (0.0, 10.0),
    "offset": (-1.0, 1.0),
    "exponent": (0.2, 5.0),
    "minimum": (0.0, 1.0),
    "maximum": (0.0, 1.0),
    "intensity": (0.0, 3.0),
    "delay_ms": (-500.0, 1000.0),
    "neutral": (0.0, 0.9),
    "min_cutoff_hz": (0.05, 60.0),
    "beta": (0.0, 100.0),
}
"""Setting → lowest and highest value allowed: for files, sliders and code alike."""

TIED_CLOSE_GAIN = (0.1, 10.0)
"""Limits of mouthClose's gain while it is tied to the jaw: at 0 lips would never close."""


@dataclass(frozen=True, slots=True)
class CurveSetting:
    """``clip(gain * value ** exponent + offset, minimum, maximum)``: what happens to one curve.

    Attributes:
        gain: slope.
        offset: added, also at rest.
        minimum: lowest result.
        maximum: highest result.
        exponent: below 1 lifts small values, above 1 holds them down; 0 and 1 stay.
        mute: the curve is 0 whatever the rest says.
    """

    gain: float = 1.0
    offset: float = 0.0
    minimum: float = 0.0
    maximum: float = 1.0
    exponent: float = 1.0
    mute: bool = False


@dataclass(frozen=True, slots=True)
class Smoothing:
    """Settings of a One-Euro filter (Casiez, Roussel, Vogel: 1 € Filter, CHI 2012) for a group of curves.

    Attributes:
        min_cutoff_hz: cut-off of a curve at rest; lower is calmer and later.
        beta: how much the cut-off grows with speed, per unit a second.
    """

    min_cutoff_hz: float
    beta: float = 0.0


class Conflict(NamedTuple):
    """What is wrong with a profile: the key or curve concerned, and a sentence with the remedy."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The settings of one character.

    Attributes:
        name: shown in reports.
        curves: settings by data name, group gains multiplied in; a curve that is absent is left as it is.
        neutral: resting values of the model's curves, subtracted so that rest becomes 0 while 1 stays 1.
        intensity: multiplies the gain of every curve.
        symmetric: left and right of :data:`SYMMETRIC_GROUPS` get their mean, sideways curves rest.
        mirror: left and right change places.
        tie_lips: mouthClose follows jawOpen; see :mod:`pmmlink.retarget.lip_tie`.
        delay_ms: the face follows the model's by this much; negative leads, and costs so much latency.
        smoothing: filter settings by group; a group that is absent is not filtered.
        rig: curves of another rig to send instead, or None.
        path: the file it came from, or None.
        boost: factor that :func:`~pmmlink.retarget.profile_file.load_profile` was asked to put into
            ``intensity``, beyond the file's own.
    """

    name: str = "identity"
    curves: dict[str, CurveSetting] = field(default_factory=dict)
    neutral: dict[str, float] = field(default_factory=dict)
    intensity: float = 1.0
    symmetric: bool = False
    mirror: bool = False
    tie_lips: bool = True
    delay_ms: float = 0.0
    smoothing: dict[str, Smoothing] = field(default_factory=dict)
    rig: Rig | None = None
    path: Path | None = field(default=None, compare=False, repr=False)
    boost: float = field(default=1.0, compare=False, repr=False)

    def setting(self, curve: str) -> CurveSetting:
        """The setting of a curve, given or default."""
        return self.curves.get(curve, CurveSetting())

    def with_changes(
        self, *, curves: Mapping[str, Mapping[str, float | bool]] | None = None, **fields: Any
    ) -> Profile:
        """A checked copy with some settings changed.

        Args:
            curves: per curve the settings that change, by attribute name. A name without a side, such as
                ``mouthSmile``, changes both sides.
            fields: other attributes of the profile.

        Raises:
            ProfileError: an unknown name, a value outside :data:`LIMITS`, or settings that contradict.

        >>> Profile().with_changes(curves={"mouthSmile": {"gain": 1.2}}).setting("mouthSmileLeft").gain
        1.2
        """
        settings = dict(self.curves)
        for name, changes in (curves or {}).items():
            for curve in PAIRS.get(name, (name,)):
                if curve not in ARKIT_52:
                    raise ProfileError(f"no curve is called {curve!r}; {nearest(curve, ARKIT_52.names)}")
                try:
                    settings[curve] = dataclasses.replace(self.setting(curve), **dict[str, Any](changes))
                except TypeError:
                    known = ", ".join(f.name for f in dataclasses.fields(CurveSetting))
                    raise ProfileError(f"{curve}: settings of a curve are {known}") from None
        kept = {name: setting for name, setting in settings.items() if setting != CurveSetting()}
        try:
            changed = dataclasses.replace(self, curves=kept, **fields)
        except TypeError:
            raise ProfileError(f"a profile has no setting {next(iter(fields))!r}") from None
        found = find_conflict(changed)
        if found is not None:
            raise ProfileError(f"profile {self.name}: {found.message}")
        return changed


def find_conflict(profile: Profile) -> Conflict | None:
    """What makes a profile invalid, or None: a name, a value, or two settings that contradict."""
    return _bad_value(profile) or _bad_lips(profile) or _bad_symmetry(profile)


def _bad_value(profile: Profile) -> Conflict | None:
    for key in ("intensity", "delay_ms"):
        if fault := out_of_range(key, getattr(profile, key)):
            return Conflict(key, fault)
    for curve, setting in profile.curves.items():
        if curve not in ARKIT_52:
            return Conflict(curve, f"no curve is called {curve!r}")
        for key in ("gain", "offset", "exponent", "minimum", "maximum"):
            if fault := out_of_range(key, getattr(setting, key)):
                return Conflict(curve, f"{curve}: {fault}")
        if setting.minimum > setting.maximum:
            return Conflict(curve, f"{curve}: min {setting.minimum:g} is above max {setting.maximum:g}")
    for curve, value in profile.neutral.items():
        fault = "no such curve" if curve not in ARKIT_52 else out_of_range("neutral", value)
        if fault:
            return Conflict(curve, f"neutral {curve}: {fault}")
    for group, smoothing in profile.smoothing.items():
        fault = "" if group in GROUPS else "no such group"
        fault = fault or out_of_range("min_cutoff_hz", smoothing.min_cutoff_hz)
        if fault := fault or out_of_range("beta", smoothing.beta):
            return Conflict(group, f"smoothing {group}: {fault}")
    return None


def out_of_range(key: str, value: float) -> str:
    """Says what is wrong with a number; empty when nothing is."""
    low, high = LIMITS[key]
    if not math.isfinite(value) or not low <= value <= high:
        return f"{key} {value:g} is outside {low:g} to {high:g}"
    return ""


def _bad_lips(profile: Profile) -> Conflict | None:
    setting = profile.setting("mouthClose")
    if not profile.tie_lips or setting == CurveSetting():
        return None
    if setting != CurveSetting(gain=setting.gain):
        return Conflict(
            "mouthClose",
            "mouthClose follows jawOpen and takes a gain only; "
            "write 'tie_lips: false' to shape it alone (MetaHumans then may not close their lips)",
        )
    low, high = TIED_CLOSE_GAIN
    if not low <= setting.gain <= high:
        return Conflict("mouthClose", f"mouthClose: gain {setting.gain:g} is outside {low:g} to {high:g}")
    return None


def _bad_symmetry(profile: Profile) -> Conflict | None:
    if not profile.symmetric:
        return None
    for curve in profile.curves:
        other = mirror_of(curve)
        if group_of(curve) in SYMMETRIC_GROUPS and profile.setting(curve) != profile.setting(other):
            both = next((stem for stem, pair in PAIRS.items() if curve in pair), f"{curve} and {other}")
            return Conflict(
                curve,
                f"{curve} and {other} differ, but symmetric is on; "
                f"give {both} one setting or write 'symmetric: false'",
            )
    return None
