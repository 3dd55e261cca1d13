"""What rooms, microphones and codecs do to a voice, so that the model has heard it before."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.signal import fftconvolve, lfilter

from pmmlink.types import SAMPLE_RATE_HZ, FloatArray


def rms(x: FloatArray) -> float:
    """Root mean square of the loudest part: of the 20 ms frames above the median."""
    frames = x[: len(x) // 320 * 320].reshape(-1, 320)
    if not len(frames):
        return float(np.sqrt(np.mean(x**2) + 1e-12))
    power = np.sort((frames**2).mean(1))
    return float(np.sqrt(power[len(power) // 2 :].mean() + 1e-12))


def coloured_noise(rng: Generator, samples: int) -> FloatArray:
    """One to three layers of noise, whose power falls as 1 / f^a (a in 0 … 2) within a band of its own and
    swells in its own time: wind, ventilation, engines and tyres that come and go.
    """
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
    out = np.zeros(samples)
    for _ in range(int(rng.integers(1, 4))):
        low_hz, high_hz = 10 ** rng.uniform(np.log10([20, 1000]), np.log10([600, 8000]))
        fall = np.maximum(hz, 20.0) ** (-rng.uniform(0, 1))
        edges = np.minimum(1.0, (hz + 1) / low_hz) * np.minimum(1.0, high_hz / (hz + 1))
        layer = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * fall * edges**2, samples)
        apart_s = rng.uniform(0.3, 2.0)
        knots = rng.uniform(rng.uniform(0.1, 0.8), 1.0, int(samples / SAMPLE_RATE_HZ / apart_s) + 3)
        swell = np.interp(np.arange(samples) / SAMPLE_RATE_HZ / apart_s, np.arange(len(knots)), knots)
        out += layer / (layer.std() + 1e-9) * swell * rng.uniform(0.3, 1.0)
    steady: FloatArray = (out / (out.std() + 1e-9)).astype(np.float32)
    return steady


def keyboard(rng: Generator, samples: int) -> FloatArray:
    """Key strokes: short decaying clicks at typing speed."""
    out = np.zeros(samples, np.float32)
    at = 0.0
    while True:
        at += rng.gamma(2.0, 0.09) * SAMPLE_RATE_HZ
        if at >= samples - 800:
            steady: FloatArray = out / np.float32(max(1e-6, float(out.std())))
            return steady
        length = int(rng.integers(100, 700))
        click = rng.standard_normal(length) * np.exp(-np.arange(length) / rng.uniform(15, 120))
        out[int(at) : int(at) + length] += (click * rng.uniform(0.3, 1.0)).astype(np.float32)


def music(rng: Generator, samples: int) -> FloatArray:
    """Chords of decaying harmonic notes."""
    t = np.arange(samples) / SAMPLE_RATE_HZ
    out = np.zeros(samples)
    for _ in range(int(rng.integers(4, 12) * samples / SAMPLE_RATE_HZ / 3) + 2):
        f0 = 110 * 2 ** (rng.integers(0, 36) / 12)
        start = rng.uniform(0, samples / SAMPLE_RATE_HZ)
        decay = rng.uniform(0.15, 1.2)
        after = t[np.searchsorted(t, start) :]
        # Harmonics are powers of the fundamental: one exponential for all of them, where sines were slow.
        turning = np.exp(2j * np.pi * f0 * after)
        weights = [
            np.exp(1j * rng.uniform(0, 6.28)) / h ** rng.uniform(0.7, 2)
            for h in range(1, int(rng.integers(2, 8)))
        ]
        note = np.zeros(len(after), complex)
        for weight in reversed(weights):
            note = (note + weight) * turning
        out[samples - len(after) :] += np.exp(-(after - start) / decay) * note.imag
    steady: FloatArray = (out / (out.std() + 1e-9)).astype(np.float32)
    return steady


def reverberate(rng: Generator, x: FloatArray) -> FloatArray:
    """A small room: direct sound and an exponentially decaying tail (RT60 0.1 … 0.7 s)."""
    rt60 = rng.uniform(0.1, 0.7)
    length = int(rt60 * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    delay = int(rng.uniform(0.002, 0.02) * SAMPLE_RATE_HZ)
    tail[:delay] = 0
    tail *= 10 ** (rng.uniform(-12, 3) / 20) / (np.linalg.norm(tail) + 1e-9)
    tail[0] = 1.0
    out: FloatArray = fftconvolve(x, tail)[: len(x)].astype(np.float32)
    return out


def colour(rng: Generator, x: FloatArray) -> FloatArray:
    """Microphone colour and band limits: a smooth random gain over frequency, ±6 dB, and cut-offs."""
    spectrum = np.fft.rfft(x)
    f = np.linspace(0, SAMPLE_RATE_HZ / 2, len(spectrum))
    knots = rng.uniform(-6, 6, 7)
    gain = np.interp(np.log2(f + 60), np.linspace(np.log2(60), np.log2(8060), 7), knots)
    if rng.random() < 0.35:
        gain -= np.maximum(0, np.log2((f + 1) / rng.uniform(2800, 6000))) * 40
    if rng.random() < 0.35:
        gain -= np.maximum(0, np.log2(rng.uniform(100, 350) / (f + 1))) * 18
    out: FloatArray = np.fft.irfft(spectrum * 10 ** (gain / 20), len(x)).astype(np.float32)
    return out


def quantise(rng: Generator, x: FloatArray) -> FloatArray:
    """The grain of telephone and game-chat codecs: mu-law steps of 6 … 10 bits."""
    levels = 2 ** int(rng.integers(6, 11))
    peak = float(np.abs(x).max()) + 1e-9
    mu = 255.0
    compressed = np.sign(x) * np.log1p(mu * np.abs(x) / peak) / np.log1p(mu)
    coarse = np.round(compressed * levels / 2) * 2 / levels
    out: FloatArray = (np.sign(coarse) * np.expm1(np.abs(coarse) * np.log1p(mu)) / mu * peak).astype(
        np.float32
    )
    return out


def saturate(x: FloatArray, drive: float) -> FloatArray:
    """Soft clipping of an overdriven input."""
    peak = float(np.abs(x).max()) + 1e-9
    out: FloatArray = (np.tanh(x / peak * drive) * peak / np.tanh(drive)).astype(np.float32)
    return out


def degrade(rng: Generator, speech: FloatArray, babble: FloatArray | None) -> FloatArray:
    """One random recording situation for a clip.

    Args:
        rng: source of all randomness.
        speech: ``[N]`` clean speech.
        babble: ``[N]`` other voices, or None.

    Returns:
        ``[N]`` at a random level between about -54 and -8 dBFS (loud half of the frames).
    """
    n = len(speech)
    x = speech
    if rng.random() < 0.3:
        x = reverberate(rng, x)
    if rng.random() < 0.5:
        x = colour(rng, x)
    if rng.random() < 0.8:
        kind = rng.random()
        if babble is not None and kind < 0.55:
            noise = babble
        elif kind < 0.87:
            noise = coloured_noise(rng, n)
        elif kind < 0.94:
            noise = keyboard(rng, n)
        else:
            noise = music(rng, n)
        snr_db = rng.triangular(-2, 8, 30)
        x = x + noise * np.float32(rms(x) / (rms(noise) + 1e-9) * 10 ** (-snr_db / 20))
    if rng.random() < 0.1:
        x = saturate(x, rng.uniform(1, 4))
    if rng.random() < 0.1:
        x = quantise(rng, x)
    hum = rng.uniform(-90, -58)
    x = x + (lfilter([1.0], [1.0, -rng.uniform(0, 0.95)], rng.standard_normal(n)) * 10 ** (hum / 20)).astype(
        np.float32
    ) * np.float32(rms(x) / 0.1)
    level_db = np.clip(rng.normal(-25, 10), -54, -8)
    x = x * np.float32(10 ** (level_db / 20) / rms(x))
    out: FloatArray = np.clip(x, -1, 1).astype(np.float32)
    return out
