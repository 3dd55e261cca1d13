"""Live sound on its way to the model: 16 kHz, gain, and whether somebody speaks."""

from __future__ import annotations

from pmmlink.dsp.sinc import LiveResampler
from pmmlink.dsp.voice import BLOCK, MicrophoneGain, VoiceGate
from pmmlink.runtime.live_options import LiveOptions
from pmmlink.runtime.timeline import Arrivals
from pmmlink.types import SAMPLE_RATE_HZ, AudioChunk, FloatArray

_GRACE_S = 0.3
"""The mouth may stay open for so long after the last sound."""


class LiveSound:
    """One stream of sound at 16 kHz made of whatever the intakes in force bring.

    Args:
        rate_hz: sample rate of what comes first.
        options: gate and gain.

    Attributes:
        position: samples at 16 kHz so far: where the stream stands.
        heard_until: the position behind the last real sound.
        arrivals: when the sound of a position was delivered.
    """

    def __init__(self, rate_hz: int, options: LiveOptions) -> None:
        self.position = 0
        self.heard_until = 0
        self.arrivals = Arrivals()
        self._resampler = LiveResampler(rate_hz)
        self._gated = options.gate
        self._gate = VoiceGate()
        self._gain = MicrophoneGain(options.gain_db)
        self._closed_until = 0

    @property
    def latency_s(self) -> float:
        """How long sound at 16 kHz trails what is heard."""
        return self._resampler.latency_s

    def hear(self, samples: FloatArray, at_s: float) -> AudioChunk:
        """Take ``[N]`` at the intake's rate, delivered at a host time."""
        chunk = self.take(self._resampler.push(samples), at_s)
        self.heard_until = self.position
        return chunk

    def take(self, samples: FloatArray, at_s: float) -> AudioChunk:
        """Take ``[N]`` at 16 kHz: silence that is filled in."""
        before_db = self._gain.gain_db
        self._gate.push(self._gain.apply(samples))
        self._gain.heard(self._gate.level_db - before_db, self._gate.voiced, len(samples) / SAMPLE_RATE_HZ)
        start, self.position = self.position, self.position + len(samples)
        self.arrivals.add(self.position, at_s)
        return AudioChunk(self._gain.apply(samples), start)

    def change_rate(self, rate_hz: int, at_s: float) -> AudioChunk:
        """Sound of another rate follows; what the sound before still owed."""
        owed = self._resampler.flush()
        self._resampler = LiveResampler(rate_hz)
        return self.take(owed, at_s)

    def jump(self, position: int, rate_hz: int) -> None:
        """Go on at a later position; nothing was heard in between."""
        self.position = position
        self._resampler = LiveResampler(rate_hz)
        self._gate.seek(position // BLOCK)

    def close(self) -> None:
        """Barge-in: what was heard so far is to be shown no more."""
        self._closed_until = self.position
        self.heard_until = min(self.heard_until, self.position)

    def is_open(self, position: int) -> bool:
        """Whether the mouth may be open at a position."""
        if position < self._closed_until or position > self.heard_until + _GRACE_S * SAMPLE_RATE_HZ:
            return False
        return not self._gated or self._gate.is_open(position / SAMPLE_RATE_HZ)
