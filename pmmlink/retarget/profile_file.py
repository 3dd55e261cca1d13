"""Profiles as versioned YAML files, read strictly and written so that they read back the same.

    version: 1
    name: my character
    intensity: 1.1
    groups:
      mouth: {gain: 1.1}
    curves:
      jawOpen: {gain: 0.8, max: 0.7}
      mouthSmile: {gain: 1.2, offset: 0.02}     # both sides

What is left out keeps its default. What is misspelt, out of range or contradictory is an error with file,
line and remedy. ``calibration/README.md`` describes every key.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import yaml

from pmmlink.curves import ARKIT_52, group_of
from pmmlink.errors import ProfileError
from pmmlink.resources import default_profile, shipped_profiles
from pmmlink.retarget.profile import (
    GROUPS,
    LIMITS,
    PAIRS,
    CurveSetting,
    Profile,
    Smoothing,
    find_conflict,
)
from pmmlink.retarget.rig_file import read_rig
from pmmlink.strict_yaml import YamlMapping, nearest, read_mapping
from pmmlink.whole_file import whole_file

VERSION = 1
_KEYS = (
    *("version", "name", "intensity", "symmetric", "mirror", "tie_lips", "delay_ms"),
    *("neutral", "smoothing", "groups", "curves", "rig"),
)
_CURVE_KEYS = {
    "gain": "gain",
    "offset": "offset",
    "exponent": "exponent",
    "min": "minimum",
    "max": "maximum",
    "mute": "mute",
}
"""Key in the file → attribute of :class:`CurveSetting`."""


def find_profile(path: Path | None) -> Path:
    """The file that a user's ``--profile`` means: a path, or the name of a shipped profile.

    A bare name such as ``metahuman`` is a shipped profile unless a file of that name exists.

    Raises:
        ProfileError: neither, with the nearest shipped name.
    """
    if path is None:
        return default_profile()
    if path.suffix or path.exists():
        return path
    shipped = shipped_profiles()
    if path.name not in shipped:
        raise ProfileError(f"{path}: no such file, and no shipped profile; {nearest(path.name, shipped)}")
    return shipped[path.name]


def load_profile(path: Path | None = None, intensity: float = 1.0) -> Profile:
    """Read and check a profile.

    Args:
        path: the YAML file, or the name of a shipped profile; None is the shipped default.
        intensity: multiplies the profile's own.

    Raises:
        ProfileError: with file, line and, for a misspelt name, the nearest valid one.
    """
    root = read_mapping(find_profile(path), ProfileError)
    root.allow_only(_KEYS, "key")
    version = root.entries.get("version")
    if version is None:
        root.fail(1, f"no 'version'; write 'version: {VERSION}' on the first line")
    if version.value != VERSION or isinstance(version.value, bool):
        root.fail(version.line, f"version {version.value!r} is not known here; this pmmlink reads {VERSION}")
    name = root.entries.get("name")
    if name is not None and not isinstance(name.value, str):
        root.fail(name.line, "'name' must be text")
    tie_lips = _switch(root, "tie_lips", True)
    groups = _groups(root.mapping("groups"))
    profile = Profile(
        name=str(name.value) if name is not None else root.path.stem,
        curves=_curves(root.mapping("curves"), groups, tie_lips),
        neutral=_neutral(root.mapping("neutral")),
        intensity=_number(root, "intensity", 1.0, "intensity"),
        symmetric=_switch(root, "symmetric", False),
        mirror=_switch(root, "mirror", False),
        tie_lips=tie_lips,
        delay_ms=_number(root, "delay_ms", 0.0, "delay_ms"),
        smoothing=_smoothing(root.mapping("smoothing")),
        rig=read_rig(root, "rig"),
        path=root.path,
    )
    found = find_conflict(profile)
    if found is not None:
        root.fail(_line_of(root, found.where), found.message)
    if intensity == 1.0:
        return profile
    return profile.with_changes(intensity=profile.intensity * intensity, boost=intensity)


def save_profile(profile: Profile, path: Path, comment: str = "") -> None:
    """Write a profile; :func:`load_profile` gives it back unchanged. The file appears whole or not at all.

    Args:
        profile: what to write. Group gains are already inside its curves.
        path: the YAML file, replaced if it exists.
        comment: lines for the top of the file.

    Raises:
        ProfileError: the file cannot be written.
    """
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines += [f"version: {VERSION}", f"name: {_scalar(profile.name)}"]
    default = Profile()
    for key in ("intensity", "symmetric", "mirror", "tie_lips", "delay_ms"):
        if getattr(profile, key) != getattr(default, key):
            lines.append(f"{key}: {_scalar(getattr(profile, key))}")
    if profile.neutral:
        lines.append("neutral:")
        lines += [f"  {curve}: {_scalar(value)}" for curve, value in profile.neutral.items()]
    if profile.smoothing:
        lines.append("smoothing:")
        lines += [f"  {group}: {_flow(dataclasses.asdict(s))}" for group, s in profile.smoothing.items()]
    if profile.curves:
        lines.append("curves:")
        for curve, setting in profile.curves.items():
            given = {key: getattr(setting, attribute) for key, attribute in _CURVE_KEYS.items()}
            plain = {key: getattr(CurveSetting(), attribute) for key, attribute in _CURVE_KEYS.items()}
            changed = {key: value for key, value in given.items() if value != plain[key]}
            lines.append(f"  {curve}: {_flow(changed)}")
    if profile.rig is not None:
        lines.append("rig:" if profile.rig.name == "custom" else f"rig: {profile.rig.name}")
        if profile.rig.name == "custom":
            lines += [f"  {_scalar(target)}: {_flow(dict(parts))}" for target, parts in profile.rig]
    try:
        with whole_file(path) as partial:
            partial.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    except OSError as fault:
        raise ProfileError(f"{path}: cannot be written: {fault.strerror or fault}") from None


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{_scalar(key)}: {_scalar(value)}" for key, value in values.items()) + "}"


def _scalar(value: object) -> str:
    """YAML of one value on one line; floats so that they read back exactly."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=math.inf, default_style=None
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _groups(groups: YamlMapping) -> dict[str, tuple[float, bool]]:
    """Gain and mute by group."""
    groups.allow_only(GROUPS, "group")
    found = {}
    for group, _ in groups:
        settings = groups.mapping(group)
        settings.allow_only(("gain", "mute"), "setting of a group")
        found[group] = (_number(settings, "gain", 1.0, "gain"), _switch(settings, "mute", False))
    return found


def _curves(
    curves: YamlMapping, groups: dict[str, tuple[float, bool]], tie_lips: bool
) -> dict[str, CurveSetting]:
    curves.allow_only((*ARKIT_52.names, *PAIRS), "curve")
    own: dict[str, tuple[CurveSetting, int]] = {}
    for name, entry in curves:
        setting = _curve_setting(curves, name)
        for curve in PAIRS.get(name, (name,)):
            if curve in own:
                curves.fail(
                    entry.line, f"{curve} is set by line {own[curve][1]} already; keep one of the two"
                )
            own[curve] = setting, entry.line
    settings: dict[str, CurveSetting] = {}
    for curve in ARKIT_52.names:
        setting, line = own.get(curve, (CurveSetting(), curves.line))
        gain, mute = groups.get(group_of(curve), (1.0, False))
        if curve == "mouthClose" and tie_lips:
            gain, mute = 1.0, False  # it follows the jaw; a louder mouth is no tighter one
        if setting.gain * gain > LIMITS["gain"][1]:
            curves.fail(
                line,
                f"{curve}: gain {setting.gain:g} times {gain:g} of its group is above {LIMITS['gain'][1]:g}",
            )
        given = dataclasses.replace(setting, gain=setting.gain * gain, mute=setting.mute or mute)
        if given != CurveSetting():
            settings[curve] = given
    return settings


def _curve_setting(curves: YamlMapping, curve: str) -> CurveSetting:
    settings = curves.mapping(curve)
    settings.allow_only(_CURVE_KEYS, "setting of a curve")
    plain = CurveSetting()
    numbers = {
        attribute: _number(settings, key, getattr(plain, attribute), attribute)
        for key, attribute in _CURVE_KEYS.items()
        if key != "mute"
    }
    setting = CurveSetting(**numbers, mute=_switch(settings, "mute", False))
    if setting.minimum > setting.maximum:
        settings.fail(
            settings.line, f"{curve}: min {setting.minimum:g} is above max {setting.maximum:g}; swap them"
        )
    return setting


def _neutral(neutral: YamlMapping) -> dict[str, float]:
    neutral.allow_only((*ARKIT_52.names, *PAIRS), "curve")
    return {
        curve: value
        for name, _ in neutral
        if (value := _number(neutral, name, 0.0, "neutral")) != 0.0
        for curve in PAIRS.get(name, (name,))
    }


def _smoothing(smoothing: YamlMapping) -> dict[str, Smoothing]:
    smoothing.allow_only(GROUPS, "group")
    found = {}
    for group, entry in smoothing:
        settings = smoothing.mapping(group)
        settings.allow_only(("min_cutoff_hz", "beta"), "setting of the smoothing")
        if "min_cutoff_hz" not in settings.entries:
            settings.fail(entry.line, f"smoothing of {group} needs min_cutoff_hz; write 'min_cutoff_hz: 4'")
        cutoff_hz = _number(settings, "min_cutoff_hz", 1.0, "min_cutoff_hz")
        found[group] = Smoothing(cutoff_hz, _number(settings, "beta", 0.0, "beta"))
    return found


def _number(settings: YamlMapping, key: str, default: float, limit: str) -> float:
    entry = settings.entries.get(key)
    if entry is None:
        return default
    value = entry.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        settings.fail(entry.line, f"{key} must be a number, not {value!r}")
    low, high = LIMITS[limit]
    if not low <= value <= high:
        settings.fail(entry.line, f"{key} {value:g} is outside {low:g} to {high:g}")
    return float(value)


def _switch(settings: YamlMapping, key: str, default: bool) -> bool:
    entry = settings.entries.get(key)
    if entry is None:
        return default
    if not isinstance(entry.value, bool):
        settings.fail(entry.line, f"{key} must be true or false, not {entry.value!r}")
    return entry.value


def _line_of(root: YamlMapping, where: str) -> int:
    """The line that mentions a key, a curve or the stem of its pair."""
    stems = [stem for stem, pair in PAIRS.items() if where in pair]
    for section in (root.mapping("curves"), root.mapping("groups"), root):
        for key in (where, *stems, group_of(where) if where in ARKIT_52 else where):
            if key in section.entries:
                return section.entries[key].line
    return root.line
