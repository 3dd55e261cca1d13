"""The resampler: exact in time, exact in count, and blind to how the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.dsp.resample import Resampler

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 192000]


def in_pieces(rate: int, sound: np.ndarray, pieces: list[int]) -> np.ndarray:
    resampler = Resampler(rate)
    out, at = [], 0
    for size in pieces:
        out.append(resampler.push(sound[at : at + size]))
        at += size
    out.append(resampler.push(sound[at:]))
    out.append(resampler.flush())
    return np.concatenate(out)


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from(RATES),
    length=st.integers(1, 20_000),
    pieces=st.lists(st.one_of(st.integers(0, 3), st.integers(0, 4000)), max_size=40),
    seed=st.integers(0, 9),
)
def test_any_cutting_gives_the_same_samples(rate: int, length: int, pieces: list[int], seed: int) -> None:
    sound = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    whole = in_pieces(rate, sound, [])
    np.testing.assert_allclose(in_pieces(rate, sound, pieces), whole, atol=1e-6)
    assert abs(len(whole) - length * 16000 / rate) <= 0.5


def test_one_sample_at_a_time_gives_the_same_samples() -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, 6000).astype(np.float32)
    np.testing.assert_allclose(in_pieces(44100, sound, [1] * 6000), in_pieces(44100, sound, []), atol=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_output_sample_i_is_time_i_over_16000(rate: int) -> None:
    t_in, t_out = np.arange(2 * rate) / rate, np.arange(32000) / 16000
    out = in_pieces(rate, np.sin(2 * np.pi * 300 * t_in).astype(np.float32), [rate // 7] * 5)
    inside = slice(2000, 30000)
    np.testing.assert_allclose(out[inside], np.sin(2 * np.pi * 300 * t_out)[inside], atol=2e-4)


@pytest.mark.parametrize("rate", RATES)
def test_output_never_trails_by_more_than_the_declared_latency(rate: int) -> None:
    resampler = Resampler(rate)
    step, pushed, received = max(1, rate // 250), 0, 0
    while pushed < 2 * rate:
        trailing = (pushed + step) / rate - received / 16000
        assert trailing <= resampler.latency_s + step / rate + 1e-9
        received += len(resampler.push(np.zeros(step, np.float32)))
        pushed += step
    assert (resampler.latency_s == 0.0) == (rate == 16000)


def test_sound_above_the_new_band_is_removed() -> None:
    t = np.arange(48000) / 48000
    out = in_pieces(48000, np.sin(2 * np.pi * 11000 * t).astype(np.float32), [])
    assert np.abs(out[1000:-1000]).max() < 1e-4


def test_several_channels_are_resampled_together() -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, (4410, 2)).astype(np.float32)
    stereo = Resampler(44100, 48000, channels=2)
    both = np.concatenate([stereo.push(sound[:1000]), stereo.push(sound[1000:]), stereo.flush()])
    left = Resampler(44100, 48000)
    alone = np.concatenate([left.push(sound[:, 0]), left.flush()])
    assert both.shape == (4800, 2)
    np.testing.assert_allclose(both[:, 0], alone, atol=1e-6)
