"""The system's sound card through PortAudio (sounddevice)."""

from __future__ import annotations

import time
from typing import Any

from pmmlink.errors import RuntimeFault
from pmmlink.runtime.base import Pull
from pmmlink.runtime.clock import ClockSkew
from pmmlink.sources.portaudio_devices import find_device, load_portaudio
from pmmlink.types import FloatArray

_BLOCK_S = 0.01
_LATENCY_S = 0.1
"""Asked of the device. A file is read ahead: safety from dropouts costs nothing, and the clock knows."""

_SANE_LATENCY_S = 2.0


class PortAudioDevice:
    """An output device, at the source's rate and channels where it can, else at its own.

    Args:
        rate_hz: wanted sample rate.
        channels: wanted channels; a device with fewer gets two or one.
        latency_s: latency asked of the device.
        wanted: see :func:`~pmmlink.sources.portaudio_devices.find_device`; None is the default device.

    Raises:
        RuntimeFault: PortAudio is not installed, or there is no output device that opens.
        ConfigError: no device or several fit what is wanted.
    """

    def __init__(
        self, rate_hz: int, channels: int, latency_s: float = _LATENCY_S, wanted: str | None = None
    ) -> None:
        sounddevice = load_portaudio()
        index, info = find_device(wanted, "output")
        self._pull: Pull | None = None
        self._skew = ClockSkew()
        try:
            self.name = str(info["name"])
            most = int(info["max_output_channels"])
            self.channels = channels if channels <= most else min(2, most)
            self.rate_hz = rate_hz
            try:
                sounddevice.check_output_settings(
                    device=index, channels=self.channels, dtype="float32", samplerate=rate_hz
                )
            except sounddevice.PortAudioError:
                self.rate_hz = int(info["default_samplerate"])
            self._stream = sounddevice.OutputStream(
                device=index,
                samplerate=self.rate_hz,
                channels=self.channels,
                dtype="float32",
                blocksize=round(_BLOCK_S * self.rate_hz),
                latency=latency_s,
                callback=self._callback,
            )
        except (sounddevice.PortAudioError, ValueError) as fault:
            raise RuntimeFault(f"no sound output device ({' '.join(str(fault).split())})") from None
        self.latency_s = float(self._stream.latency)
        self._error: type[Exception] = sounddevice.PortAudioError

    def start(self, pull: Pull) -> None:
        self._pull = pull
        try:
            self._stream.start()
        except self._error as fault:
            raise RuntimeFault(f"sound output {self.name!r} does not start ({fault})") from None

    def stop(self) -> None:
        self._stream.close(ignore_errors=True)

    def _callback(self, out: FloatArray, frames: int, times: Any, status: Any) -> None:  # noqa: ARG002
        now = time.perf_counter()
        heard_at = self._skew.update(now, times.currentTime) + times.outputBufferDacTime
        # Some drivers leave the times at 0 or make them up; their stated latency is then the better guess.
        if times.outputBufferDacTime <= times.currentTime or heard_at > now + _SANE_LATENCY_S:
            heard_at = now + self.latency_s
        if self._pull is not None:
            self._pull(out, heard_at)
