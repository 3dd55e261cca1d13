"""Profiles are strict: what is misspelt or out of range is an error with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmmlink.errors import ProfileError
from pmmlink.resources import default_profile
from pmmlink.retarget import CurveSetting, Profile, load_profile

ROOT = Path(__file__).parents[2]


def load(tmp_path: Path, text: str) -> Profile:
    path = tmp_path / "anna.yaml"
    path.write_text(text, encoding="utf-8")
    return load_profile(path)


def test_settings_are_read_and_group_gains_multiply(tmp_path: Path) -> None:
    profile = load(
        tmp_path,
        "version: 1\nname: Anna\ngroups:\n  mouth: {gain: 2}\ncurves:\n"
        "  jawOpen: {gain: 0.8, max: 0.7}\n  mouthPucker: {gain: 1.5, offset: 0.1, min: 0.05}\n",
    )
    assert profile.name == "Anna"
    assert profile.setting("jawOpen") == CurveSetting(0.8, 0.0, 0.0, 0.7)
    assert profile.setting("mouthPucker") == CurveSetting(3.0, 0.1, 0.05, 1.0)
    assert profile.setting("mouthFunnel") == CurveSetting(gain=2.0)
    assert profile.setting("cheekPuff") == CurveSetting()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("curves: {}", r"anna\.yaml:1: no 'version'; write 'version: 1'"),
        ("version: 2", r":1: version 2 is not known here; this pmmlink reads 1"),
        ("version: true", r":1: version True is not known"),
        ("version: 1\ncurves:\n  jawopn: {gain: 1}", r":3: unknown curve 'jawopn'; did you mean 'jawOpen'\?"),
        ("version: 1\ncurves:\n  JawOpen: {}", r":3: unknown curve 'JawOpen'; did you mean 'jawOpen'\?"),
        ("version: 1\ncurves:\n  headYaw: {gain: 1}", r":3: unknown curve 'headYaw'"),
        ("version: 1\ncurvs: {}", r":2: unknown key 'curvs'; did you mean 'curves'\?"),
        ("version: 1\ngroups:\n  mouht: {gain: 1}", r":3: unknown group 'mouht'; did you mean 'mouth'\?"),
        ("version: 1\ngroups:\n  jaw: {offset: 1}", r":3: unknown setting of a group 'offset'"),
        (
            "version: 1\ncurves:\n  jawOpen:\n    gian: 1",
            r":4: unknown setting of a curve 'gian'; did you mean 'gain'\?",
        ),
        ("version: 1\ncurves:\n  jawOpen: {gain: loud}", r":3: gain must be a number, not 'loud'"),
        ("version: 1\ncurves:\n  jawOpen: {gain: .inf}", r":3: gain must be a number"),
        ("version: 1\ncurves:\n  jawOpen: {gain: 11}", r":3: gain 11 is outside 0 to 10"),
        ("version: 1\ncurves:\n  jawOpen: {min: 0.6, max: 0.5}", r":3: jawOpen: min 0\.6 is above max 0\.5"),
        ("version: 1\ncurves:\n  jawOpen: 0.5", r":3: 'jawOpen' must be a mapping"),
        ("version: 1\ncurves: 7", r":2: 'curves' must be a mapping"),
        ("version: 1\nname: 3", r":2: 'name' must be text"),
    ],
)
def test_a_bad_profile_is_named_with_file_line_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        load(tmp_path, text)


def test_a_missing_profile_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no such file"):
        load_profile(tmp_path / "nobody.yaml")


def test_the_default_profile_is_shipped_inside_the_package_and_changes_nothing() -> None:
    assert load_profile() == Profile(name="default")
    assert default_profile().read_bytes() == (ROOT / "calibration" / "default.yaml").read_bytes()
