"""The plugin's calibration does to a face what pmmlink's own does."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Build

from pmmlink.curves import ARKIT_52, LIVELINK_61, ROTATIONS
from pmmlink.retarget.mapping import Retargeter
from pmmlink.retarget.profile import CurveSetting, Profile
from pmmlink.types import FloatArray

LIPS = ("jawOpen", "mouthClose", "mouthFunnel", "mouthUpperUpLeft", "mouthLowerDownRight", "mouthShrugUpper")


def _random_setting(rng: np.random.Generator) -> CurveSetting:
    low, high = np.sort(rng.uniform(0, 1, 2)) if rng.random() < 0.3 else (0.0, 1.0)
    return CurveSetting(
        gain=float(np.round(rng.uniform(0, 3), 4)),
        offset=float(np.round(rng.uniform(-0.2, 0.2), 4)),
        minimum=float(np.round(low, 4)),
        maximum=float(np.round(high, 4)),
        exponent=float(np.round(rng.uniform(0.4, 2.5), 4)) if rng.random() < 0.5 else 1.0,
    )


def _random_face(rng: np.random.Generator) -> FloatArray:
    """Often with lips that touch: those are what the two must agree on most."""
    face = rng.uniform(0, 1, 61) ** 3
    jaw, close = LIVELINK_61.index("jawOpen"), LIVELINK_61.index("mouthClose")
    face[close] = face[jaw] * rng.choice((1.0, rng.uniform(0, 1), 0.98))
    if rng.random() < 0.5:
        for name in LIPS[2:]:
            face[LIVELINK_61.index(name)] *= 0.05
    for name in ROTATIONS:
        face[LIVELINK_61.index(name)] = rng.uniform(-1, 1)
    return face.astype(np.float32)


def test_random_profiles_change_random_faces_as_in_python(core: Build) -> None:
    rng = np.random.default_rng(3)
    lines: list[str] = []
    expected: list[FloatArray] = []
    for _ in range(60):
        names = [str(name) for name in rng.choice(ARKIT_52.names, rng.integers(1, 20), replace=False)]
        names = list(dict.fromkeys([*names, *rng.choice(LIPS, 2)]))
        settings = {str(name): _random_setting(rng) for name in names}
        retargeter = Retargeter(Profile(curves=settings), LIVELINK_61, LIVELINK_61)
        lines.append("clear")
        for name, s in settings.items():
            lines.append(f"set {name} {s.gain} {s.offset} {s.minimum} {s.maximum} {s.exponent}")
        for _ in range(20):
            face = _random_face(rng)
            lines.append("apply " + " ".join(f"{value:.9g}" for value in face))
            expected.append(retargeter.apply(face[None])[0])
    out = core.run("pmmlink_profile", stdin="\n".join(lines) + "\n").splitlines()
    assert len(out) == len(expected)
    for line, face in zip(out, expected, strict=True):
        assert np.array(line.split(), np.float32) == pytest.approx(face, abs=2e-5)


def test_a_profile_without_settings_changes_nothing(core: Build) -> None:
    face = _random_face(np.random.default_rng(4))
    (line,) = core.run("pmmlink_profile", stdin="apply " + " ".join(f"{v:.9g}" for v in face)).splitlines()
    assert np.array_equal(np.array(line.split(), np.float32), face)
