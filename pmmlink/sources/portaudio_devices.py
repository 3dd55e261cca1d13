"""PortAudio's devices: loading it, and finding the one that somebody means."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from typing import Any, Literal, Protocol

from pmmlink.errors import ConfigError, RuntimeFault

_HOST_APIS = ("Windows WASAPI", "Core Audio", "PulseAudio", "ALSA")
"""Where one device appears several times, the first of these is taken: the shortest way."""

Kind = Literal["input", "output"]

_FLAGS = {"input": "--mic", "output": "--monitor"}
_NONE = {
    "input": "no microphone: the system shows no input device; plug one in and try again",
    "output": "no sound output device: the system shows none; plug one in and try again",
}
_NO_DEFAULT = {
    "input": "no default microphone; name one: --mic NAME (pmmlink devices lists them)",
    "output": "no sound output device is the default; name one: --monitor NAME (pmmlink devices lists them)",
}


def load_portaudio() -> Any:
    """The module ``sounddevice``.

    Raises:
        RuntimeFault: PortAudio is not installed, or does not start.
    """
    try:
        import sounddevice
    except OSError:
        raise RuntimeFault(
            "PortAudio is not installed (Debian, Ubuntu: apt install libportaudio2; "
            "macOS: brew install portaudio)"
        ) from None
    except Exception as fault:  # sounddevice starts PortAudio while it is imported
        raise RuntimeFault(f"PortAudio does not start ({' '.join(str(fault).split())})") from None
    return sounddevice


class OpenOutput(Protocol):
    """A loudspeaker's stream, which goes on when devices are looked for anew."""

    def release(self) -> None:
        """Let the stream go: PortAudio is about to end."""
        ...

    def reopen(self) -> None:
        """Open it once more on a device that fits; harmless where there is none."""
        ...


open_outputs: weakref.WeakSet[OpenOutput] = weakref.WeakSet()
"""Those of loudspeakers, whoever has them."""

outputs_lock = threading.RLock()
"""Held while one of them opens, starts or ends, and while devices are looked for."""


def refresh_devices() -> None:
    """Let PortAudio read the list of devices anew, which it does once in its life.

    Streams of :data:`open_outputs` are opened again; no other may be open, it would be lost, or worse.

    Raises:
        RuntimeFault: PortAudio does not start again, now.
    """
    sounddevice = load_portaudio()
    with outputs_lock:
        streams = list(open_outputs)
        for stream in streams:
            stream.release()
        with suppress(sounddevice.PortAudioError):  # not running: it did not start the last time
            sounddevice._terminate()
        try:
            sounddevice._initialize()
        except sounddevice.PortAudioError as fault:
            raise RuntimeFault(f"PortAudio does not start ({' '.join(str(fault).split())})") from None
        for stream in streams:
            stream.reopen()


def find_device(wanted: str | None, kind: Kind) -> tuple[int, dict[str, Any]]:
    """Index and description of a device.

    Args:
        wanted: index, name, or part of a name, in any case; None is the system's default.
        kind: microphones or loudspeakers.

    Raises:
        RuntimeFault: PortAudio is missing, or there is no such device.
        ConfigError: no device or several fit; with the names there are.
    """
    sounddevice = load_portaudio()
    try:
        devices = [dict(d) for d in sounddevice.query_devices()]
    except sounddevice.PortAudioError as fault:
        raise RuntimeFault(f"PortAudio shows no devices ({' '.join(str(fault).split())})") from None
    fitting = {i: d for i, d in enumerate(devices) if d[f"max_{kind}_channels"] > 0}
    if not fitting:
        raise RuntimeFault(_NONE[kind])
    if wanted is None:
        default = int(sounddevice.default.device[0 if kind == "input" else 1])
        if default not in fitting:
            raise RuntimeFault(_NO_DEFAULT[kind])
        return default, fitting[default]
    asked = f"{_FLAGS[kind]} {wanted}"
    if wanted.isdecimal():
        if int(wanted) not in fitting:
            raise ConfigError(f"{asked}: no {kind} device has this number; there are {_list(fitting)}")
        return int(wanted), fitting[int(wanted)]
    found = {i: d for i, d in fitting.items() if str(d["name"]).casefold() == wanted.casefold()}
    found = found or {i: d for i, d in fitting.items() if wanted.casefold() in str(d["name"]).casefold()}
    if not found:
        raise ConfigError(f"{asked}: no {kind} device has this in its name; there are {_list(fitting)}")
    if len({str(d["name"]) for d in found.values()}) > 1:
        raise ConfigError(f"{asked}: fits several devices: {_list(found)}; give more of the name")
    apis = [str(api["name"]) for api in sounddevice.query_hostapis()]
    rank = {name: i for i, name in enumerate(_HOST_APIS)}
    index = min(found, key=lambda i: rank.get(apis[found[i]["hostapi"]], len(rank)))
    return index, found[index]


def _list(devices: dict[int, dict[str, Any]]) -> str:
    return ", ".join(f"{i} {d['name']!r}" for i, d in devices.items())
