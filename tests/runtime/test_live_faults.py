"""A thousand random faults, one after the other, on virtual time: the session stays up and comes back."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from runtime.live_rig import Target, voice

from pmmlink.errors import RuntimeFault
from pmmlink.runtime.live import Live
from pmmlink.sources.microphone import Microphone
from pmmlink.testing import FakeInputDevice, LoudnessAnimator, VirtualTime

RATES = (16_000, 44_100, 48_000)


class Studio:
    """A microphone session on virtual time whose plug, clock and computer fail on demand."""

    def __init__(self) -> None:
        self.host = VirtualTime()
        self.events: list[str] = []
        self.present = True
        self.rate_hz = 16_000
        self.ppm = 0.0
        self.default = "desk"
        self.device: FakeInputDevice | None = None
        self.microphone = Microphone(
            self.open,
            default_name=lambda: self.default,
            now=self.host.now,
            on_event=self.events.append,
        )
        self.microphone._watch = lambda: None  # type: ignore[method-assign]
        self.target = Target(self.host)
        self.live = Live(
            self.microphone, LoudnessAnimator(), self.target, host=self.host, on_event=self.events.append
        )
        self.microphone.start()

    def open(self) -> FakeInputDevice:
        if not self.present:
            raise RuntimeFault("no such device")
        speech = voice(1.0, self.rate_hz)
        self.device = FakeInputDevice(
            lambda first, count: np.resize(np.roll(speech, -(first % self.rate_hz)), count)[:, None],
            self.rate_hz,
            ppm=self.ppm,
            block=self.rate_hz // 50,
            host=self.host,
            name=self.default,
        )
        return self.device

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            self.host.sleep(0.02)
            self.microphone.supervise()
            while self.live.step():
                pass


def fail(studio: Studio, random: np.random.Generator) -> str:
    """One fault, and its end."""
    kind = str(random.choice(["unplug", "dropouts", "default", "sleep", "stall", "rate", "drift"]))
    if kind in ("unplug", "rate", "drift"):
        if studio.device is not None:
            studio.device.plugged = False
        studio.present = False
        studio.run(random.uniform(1.1, 2.5))
        studio.present = True
        if kind == "rate":
            studio.rate_hz = int(random.choice(RATES))
        if kind == "drift":
            studio.ppm = random.uniform(-200, 200)
    elif kind == "dropouts" and studio.device is not None:
        studio.device.dropouts = int(random.integers(1, 60))
    elif kind == "default":
        studio.default = f"device {random.integers(1000)}"
    elif kind == "sleep":
        studio.host.sleep(random.uniform(2.1, 300.0))
    elif kind == "stall":
        studio.host.sleep(random.uniform(0.1, 1.9))
    studio.run(random.uniform(0.2, 1.0))
    return kind


_SAID = ("gone", "back after", "changing to it", "asleep", "keep up", "in time again")


@pytest.mark.parametrize("faults", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_session_survives_random_faults_and_recovers(faults: int) -> None:
    random = np.random.default_rng(5)
    studio = Studio()
    began_s = studio.host.now()
    studio.run(1.0)
    for _ in range(faults):
        fail(studio, random)
    studio.run(20.0)
    indices = np.array(studio.target.indices)
    assert np.all(np.diff(indices) >= 1), "frames are neither doubled nor out of order"
    assert all(np.isfinite(frame.values).all() for frame in studio.target.frames[::50])
    # Recovered: the last second speaks, with every frame, in time.
    assert studio.target.curve()[-20:].min() > 0.2
    assert np.all(np.diff(indices[-30:]) == 1)
    age = np.array(studio.target.times[-30:]) - indices[-30:] / 30
    assert np.ptp(age) < 0.05
    kinds = Counter(kind for event in studio.events for kind in _SAID if kind in event)
    hours = (studio.host.now() - began_s) / 3600
    print(
        f"\n{faults} faults in {hours:.1f} hours of virtual time: {len(indices)} frames, "
        f"{studio.live.stats.dropped} dropped, {len(studio.events)} lines ({dict(kinds)})"
    )
    # One line for each event: no fault may flood the log.
    assert len(studio.events) <= 4 * faults
    assert all("\n" not in event for event in studio.events)


def test_the_face_rests_while_the_microphone_is_away_and_frames_go_on() -> None:
    studio = Studio()
    studio.run(2.0)
    assert studio.device is not None
    studio.device.plugged = studio.present = False
    studio.run(5.0)
    before = len(studio.target.frames)
    studio.run(2.0)
    assert 55 <= len(studio.target.frames) - before <= 65
    assert studio.target.curve()[-30:].max() == 0.0
    studio.present = True
    studio.run(3.0)
    assert studio.target.curve()[-20:].min() > 0.2
    assert [event.split(";")[0].split(" after")[0] for event in studio.events] == [
        "microphone 'desk' is gone",
        "microphone 'desk' is back",
    ]
