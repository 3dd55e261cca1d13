"""Microphones through PortAudio (sounddevice): WASAPI, Core Audio, ALSA, PulseAudio."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from pmmlink.errors import ConfigError, RuntimeFault
from pmmlink.sources.microphone import Take
from pmmlink.types import FloatArray

_HOST_APIS = ("Windows WASAPI", "Core Audio", "PulseAudio", "ALSA")
"""Where one device appears several times, the first of these is taken: the shortest way."""

_MOST_CHANNELS = 2
_ASK_DEFAULT = "import sounddevice as s; print(s.query_devices(kind='input')['name'])"


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError:
        raise RuntimeFault(
            "PortAudio is not installed (Debian, Ubuntu: apt install libportaudio2; "
            "macOS: brew install portaudio)"
        ) from None
    return sounddevice


def find_input(wanted: str | None) -> tuple[int, dict[str, Any]]:
    """Index and description of an input device.

    Args:
        wanted: index, name, or part of a name, in any case; None is the system's default.

    Raises:
        RuntimeFault: PortAudio is missing, or there is no input device.
        ConfigError: no device or several fit; with the names there are.
    """
    sounddevice = _sounddevice()
    devices = [dict(d) for d in sounddevice.query_devices()]
    inputs = {i: d for i, d in enumerate(devices) if d["max_input_channels"] > 0}
    if not inputs:
        raise RuntimeFault("no microphone: the system shows no input device; plug one in and try again")
    if wanted is None:
        default = int(sounddevice.default.device[0])
        if default not in inputs:
            raise RuntimeFault("no default microphone; name one: --mic NAME (pmmlink devices lists them)")
        return default, inputs[default]
    if wanted.isdecimal():
        if int(wanted) not in inputs:
            raise ConfigError(f"--mic {wanted}: no input device has this number; there are {_list(inputs)}")
        return int(wanted), inputs[int(wanted)]
    found = {i: d for i, d in inputs.items() if str(d["name"]).casefold() == wanted.casefold()}
    found = found or {i: d for i, d in inputs.items() if wanted.casefold() in str(d["name"]).casefold()}
    if not found:
        raise ConfigError(f"--mic {wanted}: no input device has this in its name; there are {_list(inputs)}")
    apis = [str(api["name"]) for api in sounddevice.query_hostapis()]
    if len({str(d["name"]) for d in found.values()}) > 1:
        raise ConfigError(f"--mic {wanted}: fits several devices: {_list(found)}; give more of the name")
    rank = {name: i for i, name in enumerate(_HOST_APIS)}
    index = min(found, key=lambda i: rank.get(apis[found[i]["hostapi"]], len(rank)))
    return index, found[index]


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


def refresh_devices() -> None:
    """Let PortAudio read the list of devices anew; no stream may be open."""
    sounddevice = _sounddevice()
    sounddevice._terminate()
    sounddevice._initialize()


class PortAudioInput:
    """An input device at its own rate, one or two channels.

    Args:
        wanted: see :func:`find_input`.
        block_s: sound delivered at once.

    Raises:
        RuntimeFault: PortAudio is missing, or the device does not open.
        ConfigError: no device or several fit.
    """

    def __init__(self, wanted: str | None, block_s: float) -> None:
        sounddevice = _sounddevice()
        index, info = find_input(wanted)
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
        # Some drivers leave the times at 0 or make them up.
        age_s = age_s if 0.0 < age_s < 1.0 else frames / self.rate_hz
        captured_s = now - age_s + frames / self.rate_hz
        if self._take is not None:
            self._take(sound, captured_s, bool(status.input_overflow))


def open_microphone(wanted: str | None, block_s: float, fresh: bool) -> PortAudioInput:
    """Open a microphone; ``fresh`` looks for devices plugged in since the start (no stream may be open).

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


def _list(devices: dict[int, dict[str, Any]]) -> str:
    return ", ".join(f"{i} {d['name']!r}" for i, d in devices.items())
