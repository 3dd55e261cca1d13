"""Curves keep their names, profiles change their size, and closed lips stay closed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from test_profile import profiles

from pmmlink.curves import (
    ARKIT_52,
    LIVELINK_61,
    LIVELINK_61_CSV,
    MODEL_32,
    CurveSet,
    group_of,
    mirror_of,
)
from pmmlink.lips import LIP_GAP_MM_PER_UNIT, LIP_GAP_NEUTRAL_MM, lip_gap_mm
from pmmlink.resources import shipped_profiles, shipped_rigs
from pmmlink.retarget import CurveSetting, Profile, Retargeter, load_profile
from pmmlink.retarget.profile import SYMMETRIC_GROUPS, find_conflict
from pmmlink.retarget.rig import FORBIDDEN
from pmmlink.retarget.rig_file import shipped_rig


def row(**curves: float) -> np.ndarray:
    values = np.zeros((1, len(MODEL_32)), np.float32)
    for name, value in curves.items():
        values[0, MODEL_32.index(name)] = value
    return values


@pytest.mark.parametrize("target", [MODEL_32, ARKIT_52, LIVELINK_61, LIVELINK_61_CSV], ids=lambda c: c.label)
def test_every_curve_arrives_under_its_name_and_the_others_are_zero(target: CurveSet) -> None:
    values = np.linspace(0.1, 0.9, 32, dtype=np.float32)[None]
    values[0, MODEL_32.index("mouthClose")] = 0.05
    out = Retargeter(Profile(), target).apply(values)[0]
    for name, value in zip(target.names, out, strict=True):
        expected = values[0, MODEL_32.index(name)] if name in MODEL_32 else 0.0
        assert value == pytest.approx(expected, abs=1e-6), name


def test_gain_offset_and_limits_apply_in_that_order() -> None:
    profile = Profile(curves={"mouthPucker": CurveSetting(gain=2.0, offset=-0.1, minimum=0.05, maximum=0.8)})
    mapper = Retargeter(profile, ARKIT_52)
    got = [mapper.apply(row(mouthPucker=x))[0, ARKIT_52.index("mouthPucker")] for x in (0.0, 0.3, 0.9)]
    assert got == pytest.approx([0.05, 0.5, 0.8])


def test_a_curve_the_model_lacks_rests_at_its_offset() -> None:
    mapper = Retargeter(Profile(curves={"browInnerUp": CurveSetting(offset=0.2)}))
    assert mapper.apply(row())[0, LIVELINK_61.index("browInnerUp")] == pytest.approx(0.2)


unit = st.floats(0, 1, width=32)


@settings(max_examples=100, deadline=None)
@given(
    jaw=unit,
    close=unit,
    jaw_setting=st.builds(CurveSetting, st.floats(0, 10), st.floats(-1, 1), st.just(0.0), unit),
    close_setting=st.builds(CurveSetting, st.floats(0, 10), st.floats(-1, 1), unit, st.just(1.0)),
)
def test_mouth_close_is_never_above_jaw_open(
    jaw: float, close: float, jaw_setting: CurveSetting, close_setting: CurveSetting
) -> None:
    mapper = Retargeter(Profile(curves={"jawOpen": jaw_setting, "mouthClose": close_setting}), ARKIT_52)
    out = mapper.apply(row(jawOpen=jaw, mouthClose=close))[0]
    assert 0.0 <= out[ARKIT_52.index("mouthClose")] <= out[ARKIT_52.index("jawOpen")] <= 1.0


@settings(max_examples=100, deadline=None)
@given(
    jaw=st.floats(0.015625, 1, width=32),
    ratio=unit,
    setting=st.builds(CurveSetting, st.floats(0.1, 5), st.floats(0, 0.3), st.just(0.0), st.floats(0.2, 1)),
)
def test_lips_together_survives_whatever_the_profile_does_to_the_jaw(
    jaw: float, ratio: float, setting: CurveSetting
) -> None:
    out = Retargeter(Profile(curves={"jawOpen": setting}), ARKIT_52).apply(
        row(jawOpen=jaw, mouthClose=jaw * ratio)
    )[0]
    together = out[ARKIT_52.index("mouthClose")] / out[ARKIT_52.index("jawOpen")]
    assert together == pytest.approx(ratio, abs=1e-3)


faces = st.integers(0, 2**31).map(
    lambda seed: np.random.default_rng(seed).beta(0.4, 1.2, (6, 32)).astype(np.float32)
)


@settings(max_examples=100, deadline=None)
@given(profile=profiles(), face=faces)
def test_any_valid_profile_keeps_every_curve_in_range(profile: Profile, face: np.ndarray) -> None:
    assume(find_conflict(profile) is None)
    out = Retargeter(profile, ARKIT_52).apply(face)
    assert np.isfinite(out).all()
    assert out.min() >= 0.0
    assert out.max() <= 1.0
    if profile.rig is None:
        for name, setting in profile.curves.items():
            if name != "mouthClose" and not (profile.symmetric and group_of(name) in SYMMETRIC_GROUPS):
                top = 0.0 if setting.mute else setting.maximum
                assert out[:, ARKIT_52.index(name)].max() <= top + 1e-6


def shut(face: np.ndarray, how: str) -> np.ndarray:
    """The face with its lips brought together, as the model's lip seal or its presses do it."""
    face = face.copy()
    jaw, close = MODEL_32.index("jawOpen"), MODEL_32.index("mouthClose")
    if how == "ratio":
        face[:, close] = face[:, jaw]
        for name in ("Funnel", "ShrugUpper", "StretchLeft", "StretchRight", "FrownLeft", "FrownRight"):
            face[:, MODEL_32.index(f"mouth{name}")] = 0.0
        for name in ("UpperUp", "LowerDown", "Dimple"):
            for side in ("Left", "Right"):
                face[:, MODEL_32.index(f"mouth{name}{side}")] = 0.0
        face[:, [MODEL_32.index(n) for n in ("jawForward", "noseSneerLeft", "noseSneerRight")]] = 0.0
    else:
        face *= 0.4
        gap = lip_gap_mm(face, signed=True) - LIP_GAP_NEUTRAL_MM
        face[:, close] = np.clip(face[:, close] + gap / 34.2, 0, 1)
    return face


@settings(max_examples=100, deadline=None)
@example(
    profile=Profile("slit", curves={"mouthClose": CurveSetting(gain=0.25)}),
    face=np.random.default_rng(0).beta(0.4, 1.2, (6, 32)).astype(np.float32),
    how="seal",
)
@given(profile=profiles(), face=faces, how=st.sampled_from(["ratio", "seal"]))
def test_any_valid_profile_with_tied_lips_keeps_closed_lips_closed(
    profile: Profile, face: np.ndarray, how: str
) -> None:
    profile = dataclasses.replace(profile, tie_lips=True, rig=None)
    assume(find_conflict(profile) is None)
    closed = shut(face, how)
    closed = closed[lip_gap_mm(closed) <= LIP_GAP_NEUTRAL_MM + 1e-4]
    out = Retargeter(profile, MODEL_32).apply(closed)
    jaw, close = out[:, MODEL_32.index("jawOpen")], out[:, MODEL_32.index("mouthClose")]
    np.testing.assert_allclose(close, jaw, atol=2e-3)  # LipsTogether is 1
    # Curves that part the lips by less than 1.5 mm at full strength are left alone: see lip_tie.
    minor = [i for i, mm in enumerate(LIP_GAP_MM_PER_UNIT) if 0 < mm < 1.5]
    out[:, minor] = 0.0
    assert (lip_gap_mm(out) <= LIP_GAP_NEUTRAL_MM + 0.05).all()


@settings(max_examples=100, deadline=None)
@given(profile=profiles(), jaw=st.floats(0.03125, 1, width=32), ratio=unit)
def test_lips_together_survives_every_gain_and_every_other_setting(
    profile: Profile, jaw: float, ratio: float
) -> None:
    curves = {name: setting for name, setting in profile.curves.items() if name != "mouthClose"}
    profile = dataclasses.replace(profile, tie_lips=True, rig=None, curves=curves)
    assume(find_conflict(profile) is None)
    out = Retargeter(profile, ARKIT_52).apply(row(jawOpen=jaw, mouthClose=jaw * ratio))[0]
    new_jaw, new_close = (float(out[ARKIT_52.index(n)]) for n in ("jawOpen", "mouthClose"))
    assert new_close == pytest.approx(new_jaw * ratio, abs=1e-5 + 1e-3 * new_jaw)


@settings(max_examples=100, deadline=None)
@given(gain=st.floats(0.1, 10), jaw=st.floats(0.03125, 1, width=32), ratio=unit)
def test_mouth_closes_own_gain_bends_the_ratio_between_open_and_closed(
    gain: float, jaw: float, ratio: float
) -> None:
    mapper = Retargeter(Profile(curves={"mouthClose": CurveSetting(gain=gain)}), ARKIT_52)
    out = mapper.apply(row(jawOpen=jaw, mouthClose=jaw * ratio))[0]
    together = out[ARKIT_52.index("mouthClose")] / out[ARKIT_52.index("jawOpen")]
    # Beside 1 a small gain is steep, and float32 is coarse there.
    if ratio <= 0.99 or ratio == 1.0:
        assert together == pytest.approx(1 - (1 - ratio) ** gain, abs=2e-3)


@settings(max_examples=100, deadline=None)
@given(profile=profiles(), face=faces)
def test_a_symmetric_profile_gives_equal_sides_and_no_sideways_motion(
    profile: Profile, face: np.ndarray
) -> None:
    profile = dataclasses.replace(profile, symmetric=True, rig=None)
    assume(find_conflict(profile) is None)
    out = Retargeter(profile, ARKIT_52).apply(face)
    for name in ARKIT_52.names:
        if group_of(name) in SYMMETRIC_GROUPS:
            np.testing.assert_array_equal(
                out[:, ARKIT_52.index(name)], out[:, ARKIT_52.index(mirror_of(name))], name
            )


def test_a_mirrored_face_smiles_on_the_other_side_and_turns_the_other_way() -> None:
    face = np.zeros((1, 61), np.float32)
    for name, value in (("mouthSmileLeft", 0.7), ("jawLeft", 0.2), ("headYaw", 0.3), ("headPitch", 0.1)):
        face[0, LIVELINK_61.index(name)] = value
    out = Retargeter(Profile(mirror=True), source=LIVELINK_61).apply(face)[0]
    shown = {
        name: out[LIVELINK_61.index(name)] for name in ("mouthSmileRight", "jawRight", "headYaw", "headPitch")
    }
    assert list(shown.values()) == pytest.approx([0.7, 0.2, -0.3, 0.1])
    assert out[LIVELINK_61.index("mouthSmileLeft")] == 0.0


def test_neutral_exponent_and_intensity_keep_rest_at_rest_and_full_at_full() -> None:
    setting = CurveSetting(exponent=2.0)
    mapper = Retargeter(Profile(neutral={"mouthPucker": 0.2}, curves={"mouthPucker": setting}), ARKIT_52)
    at = ARKIT_52.index("mouthPucker")
    got = [mapper.apply(row(mouthPucker=x))[0, at] for x in (0.1, 0.2, 0.6, 1.0)]
    assert got == pytest.approx([0.0, 0.0, 0.25, 1.0], abs=1e-6)
    half = Retargeter(Profile(intensity=0.5), ARKIT_52)
    assert half.apply(row(mouthPucker=0.6))[0, at] == pytest.approx(0.3)


def test_a_muted_curve_is_still_whatever_else_is_set() -> None:
    muted = CurveSetting(gain=3.0, offset=0.2, minimum=0.1, mute=True)
    out = Retargeter(Profile(curves={"mouthPucker": muted}), ARKIT_52).apply(row(mouthPucker=0.6))
    assert not out.any()


@pytest.mark.parametrize("name", sorted(shipped_rigs()))
def test_a_shipped_rig_moves_no_curve_at_rest_and_every_curve_somewhere(name: str) -> None:
    mapper = Retargeter(Profile(rig=shipped_rig(name)), source=ARKIT_52)
    assert not mapper.apply(np.zeros((1, 52), np.float32)).any()
    # Whatever the lip tie takes away from a lone mouthClose is given to it here by an open jaw.
    poses = np.eye(52, dtype=np.float32)
    poses[ARKIT_52.index("mouthClose"), ARKIT_52.index("jawOpen")] = 1.0
    out = mapper.apply(poses)
    assert out.shape == (52, len(mapper.target))
    assert (out.max(axis=0) > 0.2).all()
    assert mapper.target.wire_names == tuple(shipped_rig(name).mix)


def test_vrm_visemes_tell_the_vowels_apart_and_are_shut_on_p_b_m() -> None:
    mapper = Retargeter(Profile(rig=shipped_rig("vrm")))
    assert mapper.target.wire_names == ("aa", "ih", "ou", "ee", "oh")
    poses = {
        "aa": row(jawOpen=0.6),
        "ou": row(jawOpen=0.1, mouthPucker=0.7, mouthFunnel=0.2),
        "oh": row(jawOpen=0.3, mouthFunnel=0.6, mouthPucker=0.2),
        "ee": row(
            jawOpen=0.15, mouthSmileLeft=0.6, mouthSmileRight=0.6, mouthUpperUpLeft=0.3, mouthUpperUpRight=0.3
        ),
        "ih": row(
            jawOpen=0.2,
            mouthStretchLeft=0.5,
            mouthStretchRight=0.5,
            mouthLowerDownLeft=0.4,
            mouthLowerDownRight=0.4,
        ),
    }
    for name, pose in poses.items():
        assert mapper.target.names[int(mapper.apply(pose)[0].argmax())] == name
    assert mapper.apply(row(jawOpen=0.2, mouthClose=0.2)).max() == 0.0


@pytest.mark.parametrize("name", sorted(shipped_profiles()))
def test_no_shipped_profile_makes_the_curve_that_switches_metahumans(name: str) -> None:
    names = Retargeter(load_profile(Path(name))).target.wire_names
    assert "JawOpen" in names
    assert FORBIDDEN not in [wire.casefold() for wire in names]


def test_many_rows_equal_one_row_at_a_time() -> None:
    rows = np.random.default_rng(0).uniform(0, 1, (50, 32)).astype(np.float32)
    mapper = Retargeter(Profile(curves={"jawOpen": CurveSetting(gain=1.5)}))
    np.testing.assert_array_equal(mapper.apply(rows), np.concatenate([mapper.apply(r[None]) for r in rows]))
