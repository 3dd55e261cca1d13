"""Calibration profiles: how much of each curve one character wants.

A profile is a versioned YAML file. Every curve may be given a ``gain``, an ``offset`` and limits; a group
(jaw, mouth, cheek, nose, ...) may be given a gain that multiplies those of its curves:

    version: 1
    name: my character
    groups:
      mouth: {gain: 1.1}
    curves:
      jawOpen: {gain: 0.8, max: 0.7}
      mouthPucker: {gain: 1.2, offset: 0.02}

What is left out keeps ``gain 1, offset 0, min 0, max 1``. What is misspelt is an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from pmmlink.curves import ARKIT_52, group_of
from pmmlink.errors import ProfileError
from pmmlink.resources import default_profile
from pmmlink.strict_yaml import YamlMapping, read_mapping

VERSION = 1
GROUPS = tuple(dict.fromkeys(group_of(name) for name in ARKIT_52.names))
_MAX_GAIN = 10.0


@dataclass(frozen=True, slots=True)
class CurveSetting:
    """``clip(gain * value + offset, minimum, maximum)``: what happens to one curve."""

    gain: float = 1.0
    offset: float = 0.0
    minimum: float = 0.0
    maximum: float = 1.0


@dataclass(frozen=True, slots=True)
class Profile:
    """The settings of one character.

    Attributes:
        name: shown in reports.
        curves: settings by data name, group gains multiplied in; a curve that is absent is left as it is.
    """

    name: str = "identity"
    curves: dict[str, CurveSetting] = field(default_factory=dict)

    def setting(self, curve: str) -> CurveSetting:
        """The setting of a curve, given or default."""
        return self.curves.get(curve, CurveSetting())


def load_profile(path: Path | None = None) -> Profile:
    """Read and check a profile.

    Args:
        path: the YAML file; None is the shipped default.

    Raises:
        ProfileError: with file, line and, for a misspelt name, the nearest valid one.
    """
    root = read_mapping(path or default_profile(), ProfileError)
    root.allow_only(("version", "name", "groups", "curves"), "key")
    version = root.entries.get("version")
    if version is None:
        root.fail(1, f"no 'version'; write 'version: {VERSION}' on the first line")
    if version.value != VERSION or isinstance(version.value, bool):
        root.fail(version.line, f"version {version.value!r} is not known here; this pmmlink reads {VERSION}")
    name = root.entries.get("name")
    if name is not None and not isinstance(name.value, str):
        root.fail(name.line, "'name' must be text")

    group_gain = _group_gains(root.mapping("groups"))
    curves = root.mapping("curves")
    curves.allow_only(ARKIT_52.names, "curve")
    settings: dict[str, CurveSetting] = {}
    for curve in ARKIT_52.names:
        given = _curve_setting(curves, curve, group_gain.get(group_of(curve), 1.0))
        if given != CurveSetting():
            settings[curve] = given
    return Profile(name=str(name.value) if name is not None else root.path.stem, curves=settings)


def _group_gains(groups: YamlMapping) -> dict[str, float]:
    groups.allow_only(GROUPS, "group")
    gains = {}
    for group, _ in groups:
        settings = groups.mapping(group)
        settings.allow_only(("gain",), "setting of a group")
        gains[group] = _number(settings, "gain", 1.0, 0.0, _MAX_GAIN)
    return gains


def _curve_setting(curves: YamlMapping, curve: str, group_gain: float) -> CurveSetting:
    settings = curves.mapping(curve)
    settings.allow_only(("gain", "offset", "min", "max"), "setting of a curve")
    minimum = _number(settings, "min", 0.0, 0.0, 1.0)
    maximum = _number(settings, "max", 1.0, 0.0, 1.0)
    if minimum > maximum:
        settings.fail(settings.line, f"{curve}: min {minimum:g} is above max {maximum:g}")
    return CurveSetting(
        gain=group_gain * _number(settings, "gain", 1.0, 0.0, _MAX_GAIN),
        offset=_number(settings, "offset", 0.0, -1.0, 1.0),
        minimum=minimum,
        maximum=maximum,
    )


def _number(settings: YamlMapping, key: str, default: float, low: float, high: float) -> float:
    entry = settings.entries.get(key)
    if entry is None:
        return default
    value = entry.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        settings.fail(entry.line, f"{key} must be a number, not {value!r}")
    if not low <= value <= high:
        settings.fail(entry.line, f"{key} {value:g} is outside {low:g} to {high:g}")
    return float(value)
