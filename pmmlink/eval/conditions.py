"""The same speech in worse circumstances: behind talkers, beside a street, fainter, louder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

TALKERS = 6
"""Voices in the babble: enough that none can be followed."""

SNR_DB = (20, 10, 0)
PEAK_DBFS = (0, -10, -20, -30, -40)


@dataclass(frozen=True, slots=True)
class Condition:
    """A way to spoil a clip.

    Attributes:
        name: e.g. ``babble 10 dB``.
        apply: sound ``[N]``, where speech is ``[N]`` bool, seed → sound ``[N]``.
    """

    name: str
    apply: Callable[[FloatArray, np.ndarray, int], FloatArray]


def conditions(pool: Sequence[FloatArray]) -> list[Condition]:
    """All conditions; ``pool`` holds sounds to make babble from, and must not be empty."""

    def noisy(make: Callable[[int, np.random.Generator], FloatArray], snr_db: int) -> Condition:
        kind = "babble" if make is babble_of else "street"

        def apply(sound: FloatArray, speech: np.ndarray, seed: int) -> FloatArray:
            return mix(sound, make(len(sound), np.random.default_rng((seed, snr_db))), speech, snr_db)

        return Condition(f"{kind} {snr_db} dB", apply)

    def babble_of(samples: int, rng: np.random.Generator) -> FloatArray:
        return babble(pool, samples, rng)

    out = [noisy(make, snr_db) for make in (babble_of, street) for snr_db in SNR_DB]
    out.append(Condition("20 dB fainter", lambda sound, _speech, _seed: sound * np.float32(0.1)))
    out += [Condition(f"peak {dbfs} dBFS", _at_peak(dbfs)) for dbfs in PEAK_DBFS]
    return out


def _at_peak(dbfs: int) -> Callable[[FloatArray, np.ndarray, int], FloatArray]:
    def apply(sound: FloatArray, _speech: np.ndarray, _seed: int) -> FloatArray:
        peak = max(float(np.abs(sound).max(initial=0.0)), 1e-9)
        scaled: FloatArray = sound * np.float32(10.0 ** (dbfs / 20.0) / peak)
        return scaled

    return apply


def mix(sound: FloatArray, noise: FloatArray, speech: np.ndarray, snr_db: float) -> FloatArray:
    """Adds noise at a ratio to the power of the speech alone, and keeps the sum within [-1, 1].

    Args:
        sound: ``[N]``.
        noise: ``[N]``.
        speech: ``[N]`` bool; pauses do not count, or a slow reader would get less noise.
        snr_db: wanted ratio.
    """
    spoken = sound[speech] if speech.any() else sound
    power = float(np.mean(np.square(spoken, dtype=np.float64))) if len(spoken) else 0.0
    noise_power = max(float(np.mean(np.square(noise, dtype=np.float64))), 1e-12) if len(noise) else 1.0
    mixed: FloatArray = sound + noise * np.float32(np.sqrt(power / noise_power / 10.0 ** (snr_db / 10.0)))
    peak = float(np.abs(mixed).max(initial=0.0))
    mixed /= np.float32(max(peak, 1.0))
    return mixed


def babble(pool: Sequence[FloatArray], samples: int, rng: np.random.Generator) -> FloatArray:
    """``[samples]`` of several voices at once, each repeated to length from a random place, equally loud."""
    total = np.zeros(samples, np.float32)
    for voice in rng.choice(len(pool), TALKERS, replace=len(pool) < TALKERS):
        sound = pool[int(voice)]
        level = max(float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))), 1e-6)
        start = int(rng.integers(len(sound)))
        total += np.take(sound, np.arange(start, start + samples), mode="wrap") / np.float32(level)
    return total


def street(samples: int, rng: np.random.Generator) -> FloatArray:
    """``[samples]`` like traffic: a rumble that falls with frequency, cars that pass, tyres that hiss.

    Synthetic, so that nothing needs a recording: noise with power falling as 1/f², a second layer between
    0.4 and 4 kHz falling as 1/f, which swells and fades as cars pass every few seconds.
    """
    if samples == 0:
        return np.zeros(0, np.float32)
    hz = np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE_HZ)

    def coloured(slope: float, low_hz: float, high_hz: float) -> FloatArray:
        spectrum = np.fft.rfft(rng.standard_normal(samples))
        band = (hz >= low_hz) & (hz <= high_hz)
        spectrum *= np.where(band, np.maximum(hz, 20.0) ** -slope, 0.0)
        wave = np.fft.irfft(spectrum, samples)
        return (wave / max(float(wave.std()), 1e-9)).astype(np.float32)

    t = np.arange(samples) / SAMPLE_RATE_HZ
    cars = np.zeros(samples)
    begin = -float(rng.uniform(0.0, 3.0))
    while begin < t[-1]:
        width = float(rng.uniform(0.4, 1.2))
        cars += np.exp(-0.5 * ((t - begin) / width) ** 2) * rng.uniform(0.5, 1.5)
        begin += float(rng.uniform(1.0, 4.0))
    tyres = (0.2 + 0.5 * cars).astype(np.float32)
    noise: FloatArray = coloured(1.0, 20.0, 6000.0) + tyres * coloured(0.5, 400.0, 4000.0)
    return noise
