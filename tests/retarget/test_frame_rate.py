"""Interpolated frames stand at their exact instants, however the stream is cut."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.retarget import FrameRateConverter

RATES = [Fraction(r) for r in (1, 24, 25, 30, 48, 50, 60, 120)] + [Fraction(30000, 1001), Fraction(2997, 100)]


def convert(rows: np.ndarray, fps: Fraction, cuts: list[int], seconds: Fraction) -> np.ndarray:
    converter = FrameRateConverter(Fraction(30), fps, rows.shape[1])
    out, at = [], 0
    for size in cuts:
        out.append(converter.push(rows[at : at + size]))
        at += size
    out += [converter.push(rows[at:]), converter.flush(math.ceil(seconds * fps))]
    return np.concatenate(out)


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_a_straight_movement_stays_straight_and_ends_held(fps: Fraction) -> None:
    rows = np.arange(100, dtype=np.float32)[:, None]
    out = convert(rows, fps, [], Fraction(100, 30))[:, 0]
    expected = np.minimum(np.array([float(n * 30 / fps) for n in range(len(out))]), 99)
    assert len(out) == math.ceil(Fraction(100, 30) * fps)
    np.testing.assert_allclose(out, expected, atol=2e-5)


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_frames_at_shared_instants_are_passed_on_bit_for_bit(fps: Fraction) -> None:
    rows = np.random.default_rng(0).uniform(0, 1, (301, 3)).astype(np.float32)
    out = convert(rows, fps, [], Fraction(301, 30))
    shared = [(n, n * 30 / fps) for n in range(len(out)) if (n * 30 / fps).denominator == 1]
    assert shared[0] == (0, 0)
    for n, k in shared:
        if k < len(rows):
            np.testing.assert_array_equal(out[n], rows[int(k)])


@settings(max_examples=100, deadline=None)
@given(fps=st.sampled_from(RATES), count=st.integers(1, 120), cuts=st.lists(st.integers(0, 9), max_size=30))
def test_any_cutting_gives_the_same_frames(fps: Fraction, count: int, cuts: list[int]) -> None:
    rows = np.random.default_rng(count).uniform(0, 1, (count, 4)).astype(np.float32)
    seconds = Fraction(count, 30)
    np.testing.assert_array_equal(convert(rows, fps, cuts, seconds), convert(rows, fps, [], seconds))


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_a_frame_waits_no_longer_than_the_declared_latency(fps: Fraction) -> None:
    converter = FrameRateConverter(Fraction(30), fps, 1)
    emitted = 0
    for k in range(200):
        out = converter.push(np.zeros((1, 1), np.float32))
        for n in range(emitted, emitted + len(out)):
            assert Fraction(k, 30) - n / fps <= converter.latency_s
        emitted += len(out)
        # Everything whose time has come by this frame is out.
        assert emitted == math.floor(Fraction(k, 30) * fps) + 1


def test_no_sound_gives_no_frames() -> None:
    assert FrameRateConverter(Fraction(30), Fraction(60), 4).flush(10).shape == (0, 4)
