"""Noise comes at the ratio asked for, sounds like what it is called, and is the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.eval.conditions import babble, conditions, mix, street


def _voice(seed: int, samples: int = 32_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    envelope = np.repeat(rng.random(samples // 1600) > 0.4, 1600)
    return (0.1 * envelope * rng.standard_normal(samples)).astype(np.float32)


POOL = [_voice(seed) for seed in range(8)]


@pytest.mark.parametrize("snr_db", [20, 10, 0, -5])
def test_the_ratio_is_that_of_speech_without_its_pauses(snr_db: int) -> None:
    sound = 0.1 * _voice(99)
    speech = np.abs(sound) > 0
    rest = mix(sound, street(len(sound), np.random.default_rng(0)), speech, snr_db) - sound
    ratio = 10 * np.log10(np.mean(sound[speech] ** 2) / np.mean(rest**2))
    assert ratio == pytest.approx(snr_db, abs=0.1)


def test_loud_noise_never_clips() -> None:
    sound = np.clip(_voice(3) * 8, -1, 1)
    added = mix(sound, babble(POOL, len(sound), np.random.default_rng(0)), np.ones(len(sound), bool), -10)
    assert np.abs(added).max() <= 1.0


def test_every_condition_keeps_the_length_and_is_reproducible() -> None:
    sound = _voice(5, 24_000)
    speech = np.ones(len(sound), bool)
    names = [condition.name for condition in conditions(POOL)]
    assert names[:6] == [f"{kind} {db} dB" for kind in ("babble", "street") for db in (20, 10, 0)]
    assert "20 dB fainter" in names
    assert [n for n in names if n.startswith("peak")] == [f"peak {db} dBFS" for db in (0, -10, -20, -30, -40)]
    for condition in conditions(POOL):
        one, two = condition.apply(sound, speech, 7), condition.apply(sound, speech, 7)
        assert one.shape == sound.shape
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, two)
        assert np.isfinite(one).all()
    by_name = {condition.name: condition for condition in conditions(POOL)}
    assert np.abs(by_name["peak -20 dBFS"].apply(sound, speech, 0)).max() == pytest.approx(0.1, rel=1e-4)
    other = by_name["babble 10 dB"].apply(sound, speech, 8)
    assert np.abs(other - by_name["babble 10 dB"].apply(sound, speech, 7)).max() > 0.01


def test_street_noise_rumbles_and_babble_swells() -> None:
    noise = street(160_000, np.random.default_rng(1))
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / 16_000)
    assert power[hz < 300].sum() > 3 * power[hz > 2000].sum()
    level = np.sqrt((noise.reshape(-1, 1600) ** 2).mean(1))
    assert level.std() / level.mean() > 0.1
    assert street(0, np.random.default_rng(0)).shape == (0,)


def test_silence_and_an_empty_clip_pass_through_every_condition() -> None:
    for samples in (0, 100):
        quiet = np.zeros(samples, np.float32)
        for condition in conditions(POOL):
            out = condition.apply(quiet, np.zeros(samples, bool), 1)
            assert out.shape == (samples,)
            assert np.isfinite(out).all()
            assert not out.any()
