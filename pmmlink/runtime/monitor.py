"""``--monitor``: the microphone heard again when its face is seen."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pmmlink.errors import RuntimeFault
from pmmlink.runtime.base import OutputDevice
from pmmlink.runtime.drift import ClockTrack, DriftCorrector
from pmmlink.sources.ring import SoundRing
from pmmlink.types import CurveFrame, FloatArray

_CAPACITY_S = 2.0
_BROKEN_S = 1 / 30
"""More than a frame off a change of pace would mend too slowly: sound is left out or silence put in."""

_GONE_S = 1.0
"""A loudspeaker that pulls nothing for so long is gone."""


class Monitor:
    """Plays the stream's sound a fixed time after it was in the air, whatever the two crystals do.

    A tap of :class:`~pmmlink.runtime.live.Live`: its loop brings sound, the device's callback only copies.

    Args:
        device: the loudspeaker.
        rate_hz: rate of the sound that comes first.
        delay_s: from a sound in the air to the same sound from the loudspeaker.
        on_event: told in one line when the loudspeaker fails, goes, or comes back.

    Attributes:
        underruns: callbacks that found too little sound.
        error_s: how far the delay is off, as far as known.
    """

    def __init__(
        self, device: OutputDevice, rate_hz: int, delay_s: float, on_event: Callable[[str], None]
    ) -> None:
        self.device = device
        self.underruns = 0
        self.error_s = 0.0
        self._delay_s = delay_s
        self._on_event = on_event
        self._ring = SoundRing(round(_CAPACITY_S * device.rate_hz), device.channels)
        self._played = ClockTrack(device.rate_hz)
        self._pulled = 0
        self._pulled_before, self._pulled_at_s = 0, math.inf
        self._lost = self._gone = self._skipping = False
        self._reset(rate_hz)
        try:
            device.start(self._pull)
        except RuntimeFault as fault:
            self._fail(str(fault))

    @property
    def drift_ppm(self) -> float:
        """How much faster the microphone's crystal runs than the loudspeaker's."""
        return self._corrector.drift_ppm

    def sound(self, samples: FloatArray, rate_hz: int, captured_s: float) -> None:
        """Take ``[N]``; the last was in the air at ``captured_s``."""
        if self._lost:
            return
        if rate_hz != self._rate_hz:
            self._reset(rate_hz)
        self._taken += len(samples)
        self._captured.stamp(self._taken, captured_s, len(samples))
        self._watch(captured_s)
        self._steer(self._taken - len(samples), len(samples) / rate_hz)
        self._write(self._corrector.push(samples))

    def frame(self, frame: CurveFrame) -> None:
        """Frames are seen, not heard."""

    def close(self) -> None:
        """Silence. Harmless when repeated."""
        self.device.stop()

    def _reset(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._taken = 0
        self._captured = ClockTrack(rate_hz)
        self._corrector = DriftCorrector(rate_hz, self.device.rate_hz)

    def _queued_heard_s(self) -> float:
        """When the next sample written will be heard."""
        origin = self._played.origin_s or 0.0
        return origin + (self._pulled + self._ring.filled) / self.device.rate_hz

    def _steer(self, pushed: int, seconds: float) -> None:
        """Correct the pace by the delay of the next sample, when ``pushed`` went through the corrector."""
        if self._played.origin_s is None or self._captured.origin_s is None:
            return
        next_taken = (pushed - self._corrector.pending) / self._rate_hz
        wanted_s = self._captured.origin_s + next_taken + self._delay_s
        self.error_s = self._queued_heard_s() - wanted_s
        if self.error_s < -_BROKEN_S or (self.error_s < 0 and not self._ring.filled):
            # Too early, as at the start: silence first. More than the delay never waits; the loudspeaker
            # then has stopped pulling, and its clock is not to be believed.
            most = round(self._delay_s * self.device.rate_hz) - self._ring.filled
            missing = max(0, min(round(-self.error_s * self.device.rate_hz), most))
            self._ring.write(np.zeros((missing, self.device.channels), np.float32))
            self._skipping = False
        elif self.error_s > (0.0 if self._skipping else _BROKEN_S):
            self._skipping = True  # until the delay is right again, not only just tolerable
        else:
            self._skipping = False
            self._corrector.correct(self.error_s, seconds)

    def _watch(self, now_s: float) -> None:
        """Say that the loudspeaker has stopped pulling, or pulls again."""
        if self._pulled != self._pulled_before or self._pulled_at_s > now_s:
            self._pulled_before, self._pulled_at_s = self._pulled, now_s
        gone = now_s - self._pulled_at_s > _GONE_S
        if gone != self._gone:
            self._gone = gone
            name = f"loudspeaker {self.device.name!r}"
            self._on_event(
                f"{name} is gone; going on without monitor"
                if gone
                else f"{name} is back; the monitor goes on"
            )

    def _write(self, samples: FloatArray) -> None:
        if not self._skipping:
            self._ring.write(np.repeat(samples[:, None], self.device.channels, axis=1))

    def _pull(self, out: FloatArray, heard_at_s: float) -> None:
        self._played.stamp(self._pulled, heard_at_s, len(out))
        count = self._ring.read_into(out)
        if count < len(out):
            out[count:] = 0.0
            self.underruns += 1
        self._pulled += len(out)

    def _fail(self, why: str) -> None:
        self._lost = True
        self._on_event(f"{why}: going on without monitor")
