"""Microphones that come and go, on virtual time and through PortAudio's own errors."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.errors import ConfigError, RuntimeFault
from pmmlink.sources.microphone import Microphone
from pmmlink.sources.portaudio_devices import find_device
from pmmlink.testing import FakeInputDevice, VirtualTime


class Bench:
    """A supervised microphone whose devices the test plugs in and out."""

    def __init__(self, default: bool = False) -> None:
        self.host = VirtualTime()
        self.events: list[str] = []
        self.rate_hz = 48_000
        self.present = True
        self.default = "desk"
        self.devices: list[FakeInputDevice] = []
        self.microphone = Microphone(
            self.open,
            default_name=(lambda: self.default) if default else None,
            now=self.host.now,
            on_event=self.events.append,
        )
        # The test supervises in the place of the thread.
        self.microphone._watch = lambda: None  # type: ignore[method-assign]
        self.microphone.start()

    def open(self) -> FakeInputDevice:
        if not self.present:
            raise RuntimeFault("no such device")
        device = FakeInputDevice(
            lambda first, count: np.full((count, 2), first / 1e6, np.float32),
            self.rate_hz,
            2,
            host=self.host,
            name=self.default,
        )
        self.devices.append(device)
        return device

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.host.sleep(0.1)
            self.microphone.supervise()


def test_sound_arrives_as_the_mean_of_the_channels() -> None:
    bench = Bench()
    bench.host.sleep(0.025)
    arrival = bench.microphone.intake.take(10_000)
    assert arrival is not None
    assert len(arrival.samples) == 480
    assert bench.microphone.intake.waiting == 480


def test_a_microphone_unplugged_and_plugged_in_again_is_one_line_each() -> None:
    bench = Bench()
    bench.run(1.0)
    bench.devices[0].plugged = False
    bench.present = False
    bench.run(30.0)
    assert bench.events == ["microphone 'desk' is gone; waiting for it, the face rests"]
    assert not bench.microphone.connected
    bench.present, bench.rate_hz = True, 44_100
    bench.run(2.0)
    assert bench.events[1].startswith("microphone 'desk' is back after 2")
    assert len(bench.events) == 2
    assert bench.microphone.intake.rate_hz == 44_100
    assert bench.microphone.intake.waiting > 0


def test_a_changed_default_is_followed() -> None:
    bench = Bench(default=True)
    bench.run(1.0)
    bench.default = "headset"
    bench.run(20.0)
    assert bench.events[0] == "the default microphone is 'headset' now; changing to it"
    assert bench.microphone.name == "headset"
    assert bench.microphone.connected


def test_lost_sound_is_counted_on_both_sides() -> None:
    bench = Bench()
    bench.run(1.0)
    bench.devices[0].dropouts = 3
    bench.run(5.0)
    assert bench.microphone.intake.overflows == 3
    # Nobody reads: four seconds fit, the rest is counted.
    assert bench.microphone.intake.waiting == 4 * 48_000
    assert bench.microphone.intake.lost > 40_000


def test_without_such_a_device_the_reason_is_one_line() -> None:
    with pytest.raises((RuntimeFault, ConfigError)) as caught:
        find_device("no microphone has this name", "input")
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(
        ("PortAudio is not installed", "no microphone", "--mic no microphone has this name")
    )


def test_a_microphone_that_begins_late_is_waited_for_but_not_forever() -> None:
    bench = Bench()
    bench.devices[0].plugged = False  # opened, but silent as wireless ones are at first
    bench.run(4.5)
    assert not bench.events
    bench.devices[0].plugged = True
    bench.run(1.0)
    bench.devices[0].plugged = bench.present = False
    bench.run(1.5)
    assert [event.split(";")[0] for event in bench.events] == ["microphone 'desk' is gone"]
