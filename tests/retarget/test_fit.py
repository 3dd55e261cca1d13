"""Calibration finds what a synthetic actor was made with, and refuses what the data cannot say."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.retarget import CurveSetting, Profile, Retargeter, TimeShift
from pmmlink.retarget.actor_take import resting_face, without_rest
from pmmlink.retarget.fit import Fit, Recording, fit_profile
from pmmlink.runtime.calibrate import before_gains, profile_of

MOVING = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthPressLeft", "mouthUpperUpRight", "mouthSmileLeft")


def speech_like(seconds: float, seed: int) -> np.ndarray:
    """``[T, 32]``: curves that open and close at the rate of syllables, each in its own rhythm."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((round(30 * seconds), 32), np.float32)
    kernel = np.hanning(9) / np.hanning(9).sum()
    for name in MOVING:
        noise = rng.standard_normal(len(rows) + 8)
        course = np.convolve(noise, kernel, mode="valid")
        rows[:, MODEL_32.index(name)] = np.clip(0.2 + 0.25 * course / course.std(), 0, 0.75)
    return rows


def actor(
    predicted: np.ndarray, profile: Profile, noise: float = 0.01, spikes: bool = False, seed: int = 1
) -> np.ndarray:
    """The face of someone for whom ``profile`` is exactly right, as a tracker sees it."""
    rng = np.random.default_rng(seed)
    shift = TimeShift(profile.delay_ms / 1e3, Fraction(30), 32)
    late = np.concatenate([shift.push(predicted), shift.flush()])
    face = Retargeter(profile, MODEL_32).apply(late)
    face += rng.normal(0, noise, face.shape).astype(np.float32)
    if spikes:  # a hand before the camera
        lost = rng.choice(len(face), len(face) // 20, replace=False)
        face[lost] = rng.uniform(0, 1, (len(lost), 32))
    return np.clip(face, 0, 1).astype(np.float32)


def by_name(fit: Fit) -> dict[str, tuple[float, float]]:
    return {c.curve: (c.gain, c.offset) for c in fit.curves if not c.kept}


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    delay_ms=st.floats(-120, 120),
    gains=st.lists(st.floats(0.5, 1.8), min_size=6, max_size=6),
    offsets=st.lists(st.floats(-0.05, 0.08), min_size=6, max_size=6),
)
def test_known_gains_offsets_and_delay_are_recovered(
    seed: int, delay_ms: float, gains: list[float], offsets: list[float]
) -> None:
    curves = {n: CurveSetting(gain=g, offset=o) for n, g, o in zip(MOVING, gains, offsets, strict=True)}
    predicted = speech_like(30, seed)
    truth = Profile(curves=curves, delay_ms=delay_ms, tie_lips=False)
    fit = fit_profile([Recording(predicted, actor(predicted, truth))])
    assert fit.delay_ms == pytest.approx(delay_ms, abs=1000 / 30)
    found = by_name(fit)
    for name, setting in curves.items():
        if name in found:
            assert found[name][0] == pytest.approx(setting.gain, rel=0.05), name
            assert found[name][1] == pytest.approx(setting.offset, abs=0.02), name
        else:  # a fit so near the default that it does not improve on it
            assert setting.gain == pytest.approx(1.0, abs=0.1), name
    told = sum(abs(setting.gain - 1.0) > 0.1 for setting in curves.values())
    assert len(found) >= min(4, told)


def test_lost_frames_of_the_tracker_do_not_pull_the_fit() -> None:
    predicted = speech_like(40, 5)
    truth = Profile(curves={"jawOpen": CurveSetting(gain=1.4, offset=-0.03)}, delay_ms=66.0, tie_lips=False)
    fit = fit_profile([Recording(predicted, actor(predicted, truth, spikes=True))])
    assert by_name(fit)["jawOpen"] == (pytest.approx(1.4, rel=0.05), pytest.approx(-0.03, abs=0.02))
    assert fit.delay_ms == pytest.approx(66, abs=1000 / 30)


def test_the_fitted_profile_halves_the_error_on_another_take() -> None:
    truth = Profile(curves={n: CurveSetting(gain=1.5, offset=0.03) for n in MOVING}, delay_ms=50.0)
    one, other = speech_like(20, 1), speech_like(20, 2)
    profile = profile_of(fit_profile([Recording(one, actor(one, truth))]), "anna")
    target = actor(other, truth, noise=0.0)
    shift = TimeShift(profile.delay_ms / 1e3, Fraction(30), 32)
    fitted = Retargeter(profile, MODEL_32).apply(np.concatenate([shift.push(other), shift.flush()]))
    assert np.abs(fitted - target).mean() < 0.5 * np.abs(other - target).mean()


@pytest.mark.parametrize(
    "base",
    [
        Profile(intensity=0.75, curves={"mouthPucker": CurveSetting(gain=2.0, exponent=1.4)}, delay_ms=200.0),
        Profile(mirror=True, neutral={"jawOpen": 0.1}),
        Profile(symmetric=True),
    ],
    ids=["intensity and exponent", "mirror and neutral", "symmetric"],
)
def test_whatever_profile_a_calibration_begins_from_the_curves_meet_the_actors(base: Profile) -> None:
    gains = {"jawOpen": 1.5, "mouthFunnel": 0.6, "mouthPucker": 1.4}
    curves = {name: {"gain": gain / base.intensity, "offset": 0.03} for name, gain in gains.items()}
    truth = base.with_changes(curves=curves, delay_ms=50.0)
    predicted = speech_like(30, 1)
    recorded = actor(predicted, truth)
    profile = profile_of(fit_profile([Recording(before_gains(base, predicted), recorded)]), "anna", base)
    assert profile.delay_ms == pytest.approx(50, abs=1000 / 30)
    for name in gains:
        assert profile.setting(name).gain == pytest.approx(truth.setting(name).gain, rel=0.05), name
    assert (profile.mirror, profile.symmetric) == (base.mirror, base.symmetric)
    assert np.abs(actor(predicted, profile, noise=0.0) - recorded).mean() < 0.012


def test_curves_that_the_take_says_nothing_about_are_kept_with_the_reason() -> None:
    predicted = speech_like(20, 3)
    recorded = actor(predicted, Profile(curves={"jawOpen": CurveSetting(gain=1.5)}))
    recorded[:, MODEL_32.index("mouthFunnel")] = 0.1
    recorded[:, MODEL_32.index("mouthPucker")] = speech_like(20, 99)[:, MODEL_32.index("mouthPucker")]
    recorded[:, MODEL_32.index("mouthSmileLeft")] = np.nan
    recorded[:, MODEL_32.index("cheekPuff")] = speech_like(20, 98)[:, MODEL_32.index("jawOpen")]
    kept = {c.curve: c.kept for c in fit_profile([Recording(predicted, recorded)]).curves}
    assert kept["jawOpen"] == ""
    assert kept["mouthFunnel"] == "hardly moves in the take"
    assert "correlation" in kept["mouthPucker"]
    assert kept["mouthSmileLeft"] == "not recorded"
    assert kept["cheekPuff"] == "hardly predicted for this sound"
    assert kept["mouthClose"] == "follows jawOpen"


def test_a_take_of_other_speech_is_refused() -> None:
    with pytest.raises(DataError, match="does not follow the sound"):
        fit_profile([Recording(speech_like(20, 1), speech_like(20, 2))])


def test_a_face_that_does_not_move_is_refused() -> None:
    predicted = speech_like(20, 1)
    with pytest.raises(DataError, match="does not move with any predicted curve"):
        fit_profile([Recording(predicted, np.full_like(predicted, 0.2))])


def test_too_few_frames_and_values_that_are_no_blendshapes_are_refused() -> None:
    predicted = speech_like(20, 1)
    with pytest.raises(DataError, match=r"10 frames .* at least 60"):
        fit_profile([Recording(predicted[:10], predicted[:10])])
    loud = predicted.copy()
    loud[7, MODEL_32.index("jawOpen")] = 57.0
    with pytest.raises(DataError, match="frame 7: jawOpen is 57, which is no blendshape value"):
        fit_profile([Recording(predicted, loud)])


def test_little_data_moves_the_profile_less_than_much() -> None:
    predicted = speech_like(60, 4)
    recorded = actor(predicted, Profile(curves={"jawOpen": CurveSetting(gain=1.8)}), noise=0.1)
    short, long = (fit_profile([Recording(predicted[:n], recorded[:n])]) for n in (70, 1800))
    jaw = MODEL_32.index("jawOpen")
    assert short.curves[jaw].confidence < long.curves[jaw].confidence
    assert short.curves[jaw].gain_error > 3 * long.curves[jaw].gain_error


def test_the_resting_face_is_the_median_of_still_frames_and_is_taken_off() -> None:
    rows = np.tile(np.linspace(0, 0.3, 32, dtype=np.float32), (90, 1))
    rows[30:60] = np.random.default_rng(0).uniform(0, 1, (30, 32))
    rest = resting_face(rows, "rest.csv")
    np.testing.assert_allclose(rest, np.linspace(0, 0.3, 32), atol=1e-6)
    freed = without_rest(np.stack([rest, np.ones(32, np.float32)]), rest)
    np.testing.assert_allclose(freed, [[0.0] * 32, [1.0] * 32], atol=1e-6)
    with pytest.raises(DataError, match=r"rest\.csv: the face is still in 0 of 30 frames"):
        resting_face(rows[30:60], "rest.csv")
