"""Whatever is written in a profile, it loads or is refused with its file, its line and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmmlink.curves import ARKIT_52
from pmmlink.errors import ProfileError
from pmmlink.retarget import load_profile, save_profile
from pmmlink.retarget.profile import find_conflict

_values = st.one_of(
    st.integers(-20, 20),
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.sampled_from(
        ["true", "false", "yes", "null", "''", "[]", "{}", "- 1", "jawOpen", "!!python/none", "&a 1"]
    ),
).map(str)
_keys = st.sampled_from(
    [
        *("version", "name", "intensity", "symmetric", "mirror", "tie_lips", "delay_ms", "neutral"),
        *("smoothing", "groups", "curves", "rig", "gain", "mouth", "jawOpen", "mouthClose", "mouthSmile"),
        *("mouthSmileLeft", "offset", "exponent", "min", "max", "mute", "gian", "jawOpne"),
    ]
)
_lines = st.builds(
    lambda indent, key, value: f"{' ' * indent}{key}: {value}", st.sampled_from([0, 2, 4]), _keys, _values
)
_sections = st.builds(
    lambda key: f"{key}:", st.sampled_from(["neutral", "groups", "curves", "smoothing", "rig"])
)
_settings = st.builds(
    lambda curve, key, value: f"  {curve}: {{{key}: {value}}}",
    st.sampled_from([*ARKIT_52.names, "mouthSmile", "jawOpne"]),
    st.sampled_from(["gain", "offset", "exponent", "min", "max", "mute", "gian"]),
    _values,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profiles")


@given(lines=st.lists(_lines | _sections | _settings, max_size=8), versioned=st.booleans())
def test_any_text_is_a_valid_profile_or_a_fault_with_file_and_line(
    folder: Path, lines: list[str], versioned: bool
) -> None:
    path = folder / "anna.yaml"
    path.write_text("\n".join(["version: 1"] * versioned + lines) + "\n", encoding="utf-8")
    try:
        profile = load_profile(path)
    except ProfileError as fault:
        message = str(fault)
        where = re.match(re.escape(str(path)) + r":(\d+): ", message)
        assert where, message
        assert 1 <= int(where[1]) <= len(lines) + 2
        assert "\n" not in message
    else:
        assert find_conflict(profile) is None
        save_profile(profile, path)
        assert load_profile(path) == profile


@given(data=st.binary(max_size=200))
def test_bytes_that_are_no_profile_are_refused_in_one_line(folder: Path, data: bytes) -> None:
    path = folder / "noise.yaml"
    path.write_bytes(data)
    with pytest.raises(ProfileError) as fault:
        load_profile(path)
    assert "noise.yaml" in str(fault.value)
    assert "\n" not in str(fault.value)
