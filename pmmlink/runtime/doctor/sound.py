"""PortAudio and sound devices; without them files still play silently and are baked."""

from __future__ import annotations

from pmmlink.errors import RuntimeFault
from pmmlink.runtime.devices import list_devices
from pmmlink.runtime.doctor.check import Finding, Level
from pmmlink.sources.portaudio_devices import load_portaudio


def check_portaudio() -> Finding:
    """Whether PortAudio loads."""
    try:
        version = load_portaudio().get_portaudio_version()[1]
    except RuntimeFault as fault:
        return Finding(
            "PortAudio", Level.WARNING, str(fault), "install it to hear sound and to use a microphone"
        )
    return Finding("PortAudio", Level.OK, version.split(",")[0], facts={"version": version})


def check_devices() -> Finding:
    """Whether there is something to hear and something to listen with."""
    try:
        found = list_devices(rates_hz=())
    except RuntimeFault:
        return Finding("sound devices", Level.WARNING, "unknown without PortAudio")
    inputs, outputs = [d for d in found if d.inputs], [d for d in found if d.outputs]
    microphone = next((d.name for d in inputs if d.is_default_input), None)
    speaker = next((d.name for d in outputs if d.is_default_output), None)
    facts = {"inputs": len(inputs), "outputs": len(outputs), "microphone": microphone, "loudspeaker": speaker}
    text = f"microphone: {microphone or 'none'}; loudspeaker: {speaker or 'none'}"
    if microphone and speaker:
        return Finding("sound devices", Level.OK, text, facts=facts)
    missing = " and ".join(
        what for what, there in (("a microphone", microphone), ("a loudspeaker", speaker)) if not there
    )
    advice = f"plug in {missing} or choose the system's default; files and live --stdin work without"
    return Finding("sound devices", Level.WARNING, text, advice, facts)
