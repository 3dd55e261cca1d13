"""The system's sound card through PortAudio (sounddevice)."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from pmmlink.errors import ConfigError, RuntimeFault
from pmmlink.runtime.base import Pull
from pmmlink.runtime.clock import ClockSkew
from pmmlink.sources.portaudio_devices import find_device, load_portaudio, open_outputs, outputs_lock
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
        self._error: type[Exception] = sounddevice.PortAudioError
        self._wanted = wanted
        self._pull: Pull | None = None
        self._stream: Any = None
        index, info = find_device(wanted, "output")
        most = int(info["max_output_channels"])
        self.channels = channels if channels <= most else min(2, most)
        self.rate_hz = rate_hz
        self._latency_wanted_s = latency_s
        try:
            sounddevice.check_output_settings(
                device=index, channels=self.channels, dtype="float32", samplerate=rate_hz
            )
        except (self._error, ValueError):
            self.rate_hz = int(info["default_samplerate"])
        with outputs_lock:
            self._open(index, info)
            open_outputs.add(self)

    def start(self, pull: Pull) -> None:
        self._pull = pull
        with outputs_lock:
            try:
                if self._stream is None:
                    raise RuntimeFault(f"sound output {self.name!r} is closed")
                self._stream.start()
            except self._error as fault:
                raise RuntimeFault(f"sound output {self.name!r} does not start ({fault})") from None

    def stop(self) -> None:
        with outputs_lock:
            open_outputs.discard(self)
            self.release()

    def release(self) -> None:
        """The stream goes; :meth:`reopen` brings it back."""
        # Never twice: once PortAudio has ended, the stream's memory is gone.
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(ignore_errors=True)

    def reopen(self) -> None:
        """Go on with the device that fits now, if there is one that opens with the same rate and channels."""
        with suppress(RuntimeFault, ConfigError, self._error):
            self._open(*find_device(self._wanted, "output"))
            if self._pull is not None:
                self._stream.start()

    def _open(self, index: int, info: dict[str, Any]) -> None:
        sounddevice = load_portaudio()
        try:
            self._stream = sounddevice.OutputStream(
                device=index,
                samplerate=self.rate_hz,
                channels=self.channels,
                dtype="float32",
                blocksize=round(_BLOCK_S * self.rate_hz),
                latency=self._latency_wanted_s,
                callback=self._callback,
            )
        except (self._error, ValueError) as fault:
            raise RuntimeFault(f"no sound output device ({' '.join(str(fault).split())})") from None
        self.name = str(info["name"])
        self.latency_s = float(self._stream.latency)
        self._skew = ClockSkew()

    def _callback(self, out: FloatArray, frames: int, times: Any, status: Any) -> None:  # noqa: ARG002
        now = time.perf_counter()
        heard_at = self._skew.update(now, times.currentTime) + times.outputBufferDacTime
        # Some drivers leave the times at 0 or make them up; their stated latency is then the better guess.
        if times.outputBufferDacTime <= times.currentTime or heard_at > now + _SANE_LATENCY_S:
            heard_at = now + self.latency_s
        if self._pull is not None:
            self._pull(out, heard_at)
