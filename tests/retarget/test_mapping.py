"""Curves keep their names, profiles change their size, and closed lips stay closed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.curves import ARKIT_52, LIVELINK_61, LIVELINK_61_CSV, MODEL_32, CurveSet
from pmmlink.retarget import CurveSetting, Profile, Retargeter


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


@settings(max_examples=150, deadline=None)
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


@settings(max_examples=150, deadline=None)
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


def test_many_rows_equal_one_row_at_a_time() -> None:
    rows = np.random.default_rng(0).uniform(0, 1, (50, 32)).astype(np.float32)
    mapper = Retargeter(Profile(curves={"jawOpen": CurveSetting(gain=1.5)}))
    np.testing.assert_array_equal(mapper.apply(rows), np.concatenate([mapper.apply(r[None]) for r in rows]))
