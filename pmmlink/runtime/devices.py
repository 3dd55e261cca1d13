"""Which sound devices there are, as PortAudio shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pmmlink.sources.portaudio_devices import load_portaudio

RATES_HZ = (8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)
"""Sample rates that devices are asked for."""


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """One device; what is microphone and loudspeaker at once is one device with both.

    Attributes:
        index: PortAudio's number, as ``--mic`` takes it.
        name: as the system shows it.
        host_api: the system's interface it is reached through, such as ``Windows WASAPI``.
        inputs: most channels that it records.
        outputs: most channels that it plays.
        default_rate_hz: its own rate.
        rates_hz: those of the rates asked for that it opens with.
        is_default_input: the system's default microphone.
        is_default_output: the system's default loudspeaker.
    """

    index: int
    name: str
    host_api: str
    inputs: int
    outputs: int
    default_rate_hz: int
    rates_hz: tuple[int, ...]
    is_default_input: bool
    is_default_output: bool


def list_devices(rates_hz: tuple[int, ...] = RATES_HZ) -> list[SoundDevice]:
    """All devices in PortAudio's order; empty when there are none.

    Args:
        rates_hz: rates that each device is asked for; every one costs some milliseconds.

    Raises:
        RuntimeFault: PortAudio is not installed.
    """
    sounddevice = load_portaudio()
    apis = [str(api["name"]) for api in sounddevice.query_hostapis()]
    default_input, default_output = sounddevice.default.device
    return [
        SoundDevice(
            index=index,
            name=" ".join(str(info["name"]).split()),
            host_api=apis[info["hostapi"]],
            inputs=int(info["max_input_channels"]),
            outputs=int(info["max_output_channels"]),
            default_rate_hz=round(info["default_samplerate"]),
            rates_hz=tuple(rate for rate in rates_hz if _opens(sounddevice, index, info, rate)),
            is_default_input=index == default_input,
            is_default_output=index == default_output,
        )
        for index, info in enumerate(sounddevice.query_devices())
    ]


def _opens(sounddevice: Any, index: int, info: Any, rate_hz: int) -> bool:
    kind = "input" if info["max_input_channels"] else "output"
    channels = min(2, int(info[f"max_{kind}_channels"]))
    check = sounddevice.check_input_settings if kind == "input" else sounddevice.check_output_settings
    try:
        check(device=index, channels=channels, dtype="float32", samplerate=rate_hz)
    except (sounddevice.PortAudioError, ValueError):
        return False
    return True
