"""The system's own sound card, where there is one; a plain sentence where there is none."""

from __future__ import annotations

import time

import numpy as np

from pmmlink.errors import RuntimeFault
from pmmlink.runtime.clock import SystemTime
from pmmlink.runtime.output import SoundOutput
from pmmlink.runtime.portaudio import PortAudioDevice


def open_card() -> tuple[PortAudioDevice | None, str]:
    try:
        return PortAudioDevice(48_000, 2), ""
    except RuntimeFault as fault:
        return None, str(fault)


def test_silence_is_played_on_the_cards_clock_or_the_reason_is_one_line() -> None:
    device, why_not = open_card()
    if device is None:
        assert why_not.startswith(("PortAudio is not installed", "no sound output device"))
        assert "\n" not in why_not
        return
    output = SoundOutput(device, 48_000, 2, SystemTime())
    output.write(np.zeros((48_000, 2), np.float32), lambda: False)
    output.start()
    deadline = time.monotonic() + 10
    while output.clock.due_s(0.5) is None and time.monotonic() < deadline:
        time.sleep(0.001)
    due = output.clock.due_s(0.5)
    now = time.perf_counter()
    output.stop()
    assert due is not None
    # The sound at 0.5 s was just handed over; it is heard within about the latency that the card states.
    assert -0.05 < due - now < device.latency_s + 0.1
    assert not output.underruns
