"""PortAudio's devices: loading it, and finding the one that somebody means."""

from __future__ import annotations

from typing import Any, Literal

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
    devices = [dict(d) for d in sounddevice.query_devices()]
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
