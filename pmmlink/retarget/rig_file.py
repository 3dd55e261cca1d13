"""Rigs in YAML: the ``rig`` key of a profile, and the shipped ``*_rig.yaml`` files that it may name.

rig: vrm                                        # a shipped one

rig:                                            # or your own
  Mouth_Open: jawOpen                           # renamed
  OO: {mouthPucker: 0.8, mouthFunnel: 0.4}      # remixed
"""

from __future__ import annotations

import math
from functools import lru_cache

from pmmlink.curves import ARKIT_52
from pmmlink.errors import ProfileError
from pmmlink.resources import shipped_rigs
from pmmlink.retarget.rig import MAX_CURVES, Rig, name_fault
from pmmlink.strict_yaml import Entry, YamlMapping, nearest, read_mapping

MAX_WEIGHT = 5.0


def read_rig(profile: YamlMapping, key: str) -> Rig | None:
    """The rig of a profile, None when it names none.

    Raises:
        ProfileError: with file, line and remedy.
    """
    entry = profile.entries.get(key)
    if entry is None or entry.value is None or entry.value == "arkit":
        return None
    if isinstance(entry.value, YamlMapping):
        return _rig("custom", entry.value)
    shipped = ("arkit", *shipped_rigs())
    if entry.value not in shipped:
        profile.fail(entry.line, f"no shipped rig {entry.value!r}; {nearest(str(entry.value), shipped)}")
    return shipped_rig(str(entry.value))


@lru_cache(maxsize=16)
def shipped_rig(name: str) -> Rig:
    """A rig inside the package. Raises ProfileError when it is damaged."""
    return _rig(name, read_mapping(shipped_rigs()[name], ProfileError))


def _rig(name: str, curves: YamlMapping) -> Rig:
    if not curves.entries:
        curves.fail(curves.line, "the rig has no curves; write 'Your_Morph: jawOpen' lines below it")
    if len(curves.entries) > MAX_CURVES:
        curves.fail(curves.line, f"the rig has {len(curves.entries)} curves; at most {MAX_CURVES} fit")
    mix: dict[str, dict[str, float]] = {}
    for target, entry in curves:
        if fault := name_fault(target):
            curves.fail(entry.line, f"rig curve {target!r} {fault}")
        mix[target] = _parts(curves, target, entry)
    return Rig(name, mix)


def _parts(curves: YamlMapping, target: str, entry: Entry) -> dict[str, float]:
    if isinstance(entry.value, str):
        if entry.value not in ARKIT_52:
            curves.fail(entry.line, f"unknown curve {entry.value!r}; {nearest(entry.value, ARKIT_52.names)}")
        return {entry.value: 1.0}
    if not isinstance(entry.value, YamlMapping):
        curves.fail(entry.line, f"{target}: name an ARKit curve, or curves with weights: {{jawOpen: 0.8}}")
    parts = entry.value
    parts.allow_only(ARKIT_52.names, "curve")
    weights = {}
    for curve, part in parts:
        value = part.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            parts.fail(part.line, f"weight of {curve} must be a number, not {value!r}")
        if abs(value) > MAX_WEIGHT:
            parts.fail(part.line, f"weight {value:g} of {curve} is outside -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}")
        weights[curve] = float(value)
    return weights
