"""Microphones through PortAudio (sounddevice): WASAPI, Core Audio, ALSA, PulseAudio."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from pmmlink.errors import ConfigError, RuntimeFault
from pmmlink.sources.microphone import Take
from pmmlink.sources.portaudio_devices import find_device, load_portaudio, refresh_devices
from pmmlink.types import FloatArray

_MOST_CHANNELS = 2
_ASK_DEFAULT = "import sounddevice as s; print(s.query_devices(kind='input')['name'])"


def default_input_name() -> str:
    """The default microphone at this moment, empty if unknown.

    PortAudio reads the list of devices once for each process, so a short-lived one is asked.
    """
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _ASK_DEFAULT], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


class PortAudioInput:
    """An input device at its own rate, one or two channels.

    Args:
        wanted: see :func:`~pmmlink.sources.portaudio_devices.find_device`.
        block_s: sound delivered at once.

    Raises:
        RuntimeFault: PortAudio is missing, or the device does not open.
        ConfigError: no device or several fit.
    """

    def __init__(self, wanted: str | None, block_s: float) -> None:
        sounddevice = load_portaudio()
        index, info = find_device(wanted, "input")
        self.name = str(info["name"])
        self.rate_hz = int(info["default_samplerate"])
        self.channels = min(_MOST_CHANNELS, int(info["max_input_channels"]))
        self.block_s = block_s
        self._take: Take | None = None
        try:
            self._stream = sounddevice.InputStream(
                device=index,
                samplerate=self.rate_hz,
                channels=self.channels,
                dtype="float32",
                blocksize=round(block_s * self.rate_hz),
                latency="low",
                callback=self._callback,
            )
        except (sounddevice.PortAudioError, ValueError) as fault:
            raise RuntimeFault(
                f"microphone {self.name!r} does not open ({' '.join(str(fault).split())}); is it in use, or "
                "forbidden in the system's privacy settings?"
            ) from None
        self._error: type[Exception] = sounddevice.PortAudioError

    def start(self, take: Take) -> None:
        self._take = take
        try:
            self._stream.start()
        except self._error as fault:
            raise RuntimeFault(f"microphone {self.name!r} does not start ({fault})") from None

    def stop(self) -> None:
        self._stream.close(ignore_errors=True)

    def _callback(self, sound: FloatArray, frames: int, times: Any, status: Any) -> None:
        now = time.perf_counter()
        age_s = times.currentTime - times.inputBufferAdcTime
        length_s = frames / self.rate_hz
        # Some drivers leave the times at 0 or make them up: a block is no younger than it is long.
        captured_s = now - age_s + length_s if length_s < age_s < 1.0 else now
        if self._take is not None:
            self._take(sound, captured_s, bool(status.input_overflow))


def open_microphone(wanted: str | None, block_s: float, fresh: bool) -> PortAudioInput:
    """Open a microphone; ``fresh`` looks for devices plugged in since the start (no other may be open).

    Raises:
        RuntimeFault: there is none, now.
    """
    if fresh:
        refresh_devices()
    try:
        return PortAudioInput(wanted, block_s)
    except ConfigError as fault:
        if not fresh:
            raise
        raise RuntimeFault(str(fault)) from None
