"""The original sound on its way to the loudspeaker, and the clock that comes from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pmmlink.dsp.resample import Resampler
from pmmlink.runtime.base import OutputDevice, TimeSource
from pmmlink.runtime.clock import POLL_S, DeviceClock
from pmmlink.sources.ring import SoundRing
from pmmlink.types import FloatArray

BUFFER_S = 2.0
"""How far decoding runs ahead of the loudspeaker at most."""

_STALL_S = 1.0


class SoundOutput:
    """Feeds a device from a bounded ring; the device's callback only copies.

    :meth:`write` and :meth:`end` belong to the decoding thread, the callback to the device's. Where a device
    differs from the source in rate or channels, the sound is converted on the decoding side.

    Attributes:
        clock: follows the samples of the source that the device has consumed. Silence played because the
            decoder was late does not count, silence after the end does.
        underruns: callbacks that found too little sound.
    """

    def __init__(self, device: OutputDevice, rate_hz: int, channels: int, host: TimeSource) -> None:
        self.device = device
        self.clock = DeviceClock(device.rate_hz)
        self.underruns = 0
        self._host = host
        self._mix = channels != device.channels
        self._resampler = Resampler(rate_hz, device.rate_hz, device.channels)
        self._ring = SoundRing(round(BUFFER_S * device.rate_hz), device.channels)
        self._ended = False
        self._dead = False
        self._last_pull_s: float | None = None

    def start(self) -> None:
        """Begin to play. Raises RuntimeFault when the device went away."""
        self._last_pull_s = self._host.now()
        self.device.start(self._pull)

    def stop(self) -> None:
        """Silence at once; later writes are discarded, so that the decoding thread is never left waiting."""
        self._dead = True
        self.device.stop()

    @property
    def stalled(self) -> bool:
        """The device has stopped pulling: unplugged, or its driver hangs."""
        return self._last_pull_s is not None and self._host.now() - self._last_pull_s > _STALL_S

    def write(self, samples: FloatArray, stopped: Callable[[], bool]) -> None:
        """Queue ``[N, channels]`` sound, waiting for room."""
        if self._mix:
            samples = np.repeat(
                samples.mean(axis=1, keepdims=True, dtype=np.float32), self.device.channels, 1
            )
        if self.device.channels == 1 and self._resampler.latency_s:
            samples = self._resampler.push(samples[:, 0])[:, None]
        else:
            samples = self._resampler.push(samples)
        self._queue(samples, stopped)

    def end(self, stopped: Callable[[], bool]) -> None:
        """No more sound will come."""
        self._queue(self._resampler.flush().reshape(-1, self.device.channels), stopped)
        self._ended = True

    def _queue(self, samples: FloatArray, stopped: Callable[[], bool]) -> None:
        while len(samples) and not self._dead and not stopped():
            taken = self._ring.write(samples)
            samples = samples[taken:]
            if len(samples):
                self._host.sleep(POLL_S)

    def _pull(self, out: FloatArray, heard_at_s: float) -> None:
        self._last_pull_s = self._host.now()
        # Asked before reading: sound queued between the two must not be taken for silence behind the end.
        ended = self._ended
        count = self._ring.read_into(out)
        if count < len(out):
            out[count:] = 0.0
            if ended:
                count = len(out)
            else:
                self.underruns += 1
        if count:
            self.clock.consumed(count, heard_at_s)
