"""Sound in, frames out: the same frames however the sound is cut, counted and placed exactly."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.curves import LIVELINK_61
from pmmlink.retarget import CurveSetting, Profile
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.testing import LoudnessAnimator
from pmmlink.types import AudioChunk, CurveFrame

JAW = LIVELINK_61.index("jawOpen")


def syllables(seconds: float, rate: int) -> np.ndarray:
    """Noise in bursts of 0.2 s with pauses of 0.3 s."""
    t = np.arange(round(seconds * rate)) / rate
    return np.where(t % 0.5 < 0.2, 0.3 * np.sin(2 * np.pi * 180 * t), 0.0).astype(np.float32)


def frames_of(
    sound: np.ndarray, rate: int, cuts: list[int], fps: Fraction = Fraction(30)
) -> list[CurveFrame]:
    pipeline = Pipeline(LoudnessAnimator(), rate, fps=fps)
    frames, at = [], 0
    for size in [*cuts, len(sound)]:
        frames += pipeline.push(AudioChunk(sound[at : at + size], at, rate))
        at += size
    return frames + pipeline.flush()


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([8000, 16000, 44100, 48000]),
    fps=st.sampled_from([Fraction(24), Fraction(30), Fraction(60), Fraction(30000, 1001)]),
    cuts=st.lists(st.integers(0, 9000), max_size=20),
    length=st.integers(1, 30_000),
)
def test_any_cutting_gives_the_same_frames(rate: int, fps: Fraction, cuts: list[int], length: int) -> None:
    sound = syllables(4.0, rate)[:length]
    whole, cut = frames_of(sound, rate, [], fps), frames_of(sound, rate, cuts, fps)
    assert [f.index for f in cut] == list(range(len(whole)))
    assert abs(len(whole) - length / rate * fps) < 1 + fps / 16000
    for a, b in zip(whole, cut, strict=True):
        np.testing.assert_allclose(a.values, b.values, atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000])
def test_frame_k_shows_the_sound_at_k_over_fps(rate: int) -> None:
    sound = np.zeros(2 * rate, np.float32)
    click = (
        rate * 61 // 60
    )  # half-way between two frames of the model, so that its window takes both sides alike
    sound[click - rate // 500 : click + rate // 500] = 0.9
    frames = frames_of(sound, rate, [rate // 30] * 40, Fraction(60))
    assert len(frames) == 120
    opening = np.array([f.values[JAW] for f in frames])
    centre = (opening * np.arange(120)).sum() / opening.sum()
    assert centre == pytest.approx(61.0, abs=0.1)
    assert frames[60].time_us == 1_000_000


def test_frames_leave_within_the_declared_budget() -> None:
    rate, fps = 48000, Fraction(60)
    pipeline = Pipeline(LoudnessAnimator(), rate, fps=fps)
    sound = syllables(3.0, rate)
    step = 480
    for at in range(0, len(sound), step):
        for frame in pipeline.push(AudioChunk(sound[at : at + step], at, rate)):
            waited = (at + step) / rate - float(frame.index / fps)
            assert waited <= pipeline.budget.total_s + step / rate + 1 / 16000
    assert [name for name, _ in pipeline.budget.stages] == ["resampler", "model look-ahead", "frame rate"]
    assert pipeline.budget.stages[1][1] == pytest.approx(0.1)


def test_the_profile_shapes_the_frames() -> None:
    profile = Profile(curves={"jawOpen": CurveSetting(gain=0.5)})
    sound = syllables(1.0, 16000)
    plain = frames_of(sound, 16000, [])
    pipeline = Pipeline(LoudnessAnimator(), 16000, profile=profile)
    shaped = pipeline.push(AudioChunk(sound, 0)) + pipeline.flush()
    for a, b in zip(plain, shaped, strict=True):
        assert b.values[JAW] == pytest.approx(a.values[JAW] / 2)


def test_one_animator_serves_one_stream_after_another() -> None:
    animator = LoudnessAnimator()
    sound = syllables(0.7, 16000)
    runs = []
    for _ in range(2):
        pipeline = Pipeline(animator, 16000)
        runs.append(pipeline.push(AudioChunk(sound, 0)) + pipeline.flush())
    assert len(runs[0]) == math.ceil(0.7 * 30)
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a.values, b.values)


def test_work_is_counted_per_frame() -> None:
    pipeline = Pipeline(LoudnessAnimator(), 16000)
    frames = pipeline.push(AudioChunk(syllables(1.0, 16000), 0)) + pipeline.flush()
    assert pipeline.compute.per_frame.count == len(frames) == 30
    assert pipeline.compute.sound_s == pytest.approx(1.0)
    assert 0 < pipeline.compute.real_time_factor < 1
