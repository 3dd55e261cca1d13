"""Is somebody speaking? And how loud: a voice gate and a microphone gain, both causal, without torch."""

from __future__ import annotations

import math

import numpy as np

from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

BLOCK = SAMPLE_RATE_HZ // 100
"""Samples judged at once: 10 ms."""

_WINDOW = 4 * BLOCK
_LAGS = (SAMPLE_RATE_HZ // 400, SAMPLE_RATE_HZ // 70)
"""Pitch periods of voices: 70 to 400 Hz."""

_FLOOR_DB = (-75.0, -40.0)
_FLOOR_RISE_DB = 0.03
_KEPT_BLOCKS = 6000


class VoiceGate:
    """Marks 10 ms blocks that hold a voice: periodic sound, clearly above the room, for 30 ms on end.

    Breath and the rustle of clothes have no pitch, keys and clicks are too short. Hysteresis: once a voice is
    there, weaker periodicity and a lower level keep it. What has no pitch in speech (s, t, f) is covered by
    asking for a voice near an instant, see :meth:`is_open`.

    Args:
        hold_s: how long the gate stays open after a voice.
        lead_s: how long before a voice it opens, where the sound is known so far ahead.
    """

    _ABOVE_FLOOR_DB = (10.0, 6.0)
    _LEAST_DB = (-52.0, -58.0)
    _PERIODIC = (0.6, 0.45)
    _BLOCKS = 3

    def __init__(self, hold_s: float = 0.35, lead_s: float = 0.1) -> None:
        self._hold = round(hold_s * 100)
        self._lead = round(lead_s * 100)
        self._window = np.zeros(_WINDOW, np.float32)
        self._rest = np.zeros(0, np.float32)
        self._floor_db = -60.0
        self._in_a_row = 0
        # One mark for each of the newest blocks, so that memory does not grow.
        self._voiced = bytearray(_KEPT_BLOCKS)
        self._blocks = 0
        self.level_db = -120.0
        self.voiced = False

    def push(self, samples: FloatArray) -> None:
        """Take the next sound at 16 kHz, ``[N]``."""
        sound = np.concatenate((self._rest, samples))
        end = len(sound) - len(sound) % BLOCK
        for at in range(0, end, BLOCK):
            self._judge(sound[at : at + BLOCK])
        self._rest = sound[end:]

    def seek(self, block: int) -> None:
        """The stream goes on at a later block; nobody was heard in between."""
        for at in range(max(self._blocks, block - _KEPT_BLOCKS), block):
            self._voiced[at % _KEPT_BLOCKS] = 0
        self._blocks = max(self._blocks, block)
        self._rest = self._rest[:0]

    def is_open(self, seconds: float) -> bool:
        """Whether a voice is near this instant of the stream, as far as the sound is known."""
        at = math.floor(seconds * 100)
        first = max(0, at - self._hold, self._blocks - _KEPT_BLOCKS)
        last = min(self._blocks, at + self._lead + 1)
        return any(self._voiced[i % _KEPT_BLOCKS] for i in range(first, last))

    def _judge(self, block: FloatArray) -> None:
        self._window = np.concatenate((self._window[BLOCK:], block))
        here = block - block.mean()
        self.level_db = 10 * math.log10(float(np.mean(np.square(here, dtype=np.float64))) + 1e-12)
        low, high = _FLOOR_DB
        self._floor_db = min(high, max(low, min(self._floor_db + _FLOOR_RISE_DB, self.level_db)))
        soft = int(self.voiced)
        loud = self.level_db > max(self._floor_db + self._ABOVE_FLOOR_DB[soft], self._LEAST_DB[soft])
        # The costly question is asked last.
        speaks = loud and self._periodicity() > self._PERIODIC[soft]
        self._in_a_row = self._in_a_row + 1 if speaks else 0
        self.voiced = speaks and (self.voiced or self._in_a_row >= self._BLOCKS)
        at = self._blocks
        self._voiced[at % _KEPT_BLOCKS] = self.voiced
        if self.voiced and self._in_a_row == self._BLOCKS:
            for earlier in range(max(0, at - self._BLOCKS + 1), at):
                self._voiced[earlier % _KEPT_BLOCKS] = 1
        self._blocks += 1

    def _periodicity(self) -> float:
        """Highest normalised autocorrelation of the last 40 ms at a pitch period, about 0 to 1."""
        window = self._window - self._window.mean()
        spectrum = np.fft.rfft(window, 2 * _WINDOW)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)
        low, high = _LAGS
        lags = np.arange(low, high + 1)
        # A sum over fewer products is scaled up to the full window.
        scaled = correlation[lags] * (_WINDOW / (_WINDOW - lags))
        return float(scaled.max() / max(float(correlation[0]), 1e-12))


class MicrophoneGain:
    """A fixed gain, or one that brings voices to -20 dBFS slowly, without pumping in pauses.

    Args:
        fixed_db: the gain; None adjusts it by what is spoken.
    """

    _TARGET_DB = -20.0
    _RANGE_DB = (-20.0, 30.0)
    _STEP_DB = 0.06
    """Change for each voiced 10 ms at most: 6 dB a second of speech."""

    def __init__(self, fixed_db: float | None = None) -> None:
        self.gain_db = fixed_db or 0.0
        self._automatic = fixed_db is None

    def heard(self, level_db: float, voiced: bool, seconds: float) -> None:
        """Take note of the level before the gain; only voices count."""
        if self._automatic and voiced:
            wanted = self._TARGET_DB - level_db
            step = self._STEP_DB * seconds * 100
            change = min(step, max(-step, wanted - self.gain_db))
            low, high = self._RANGE_DB
            self.gain_db = min(high, max(low, self.gain_db + change))

    def apply(self, samples: FloatArray) -> FloatArray:
        """``[N]`` with the gain, within [-1, 1]."""
        if not self.gain_db:
            return samples
        return np.asarray(np.clip(samples * 10 ** (self.gain_db / 20), -1.0, 1.0), np.float32)
