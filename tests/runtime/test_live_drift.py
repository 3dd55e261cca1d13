"""Microphone and loudspeaker on two wrong crystals: hours on virtual time, judged by the devices' truth."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.dsp.sinc import LiveResampler, Varispeed
from pmmlink.runtime.base import Pull
from pmmlink.runtime.monitor import Monitor
from pmmlink.testing import FakeInputDevice, FakeOutputDevice, VirtualTime

RATE = 4000
BLOCK = 800
DELAY_S = 0.6
PERIOD_S = 10.0
FRAME_S = 1 / 30


def ramp(first: int, count: int) -> np.ndarray:
    """A sawtooth of ten seconds: what is heard tells when it was said."""
    at = np.arange(first, first + count) / RATE
    return (at % PERIOD_S / PERIOD_S).astype(np.float32)[:, None]


def simulate(hours: float, in_ppm: float, out_ppm: float) -> tuple[np.ndarray, np.ndarray, Monitor]:
    """Errors of the delay, seconds, one a minute; the largest steps of the sound; and the monitor."""
    host = VirtualTime()
    microphone = FakeInputDevice(ramp, RATE, ppm=in_ppm, block=BLOCK, host=host)
    loudspeaker = FakeOutputDevice(
        RATE, 1, ppm=out_ppm, block=BLOCK, latency_s=0.05, jitter_s=0.002, host=host, record=True
    )
    start_s = host.now()
    monitor = Monitor(loudspeaker, RATE, DELAY_S, lambda _: None)
    microphone.start(lambda samples, captured_s, _: monitor.sound(samples[:, 0], RATE, captured_s))
    errors, steps, pulled = [], [], 0
    for _ in range(round(hours * 60)):
        host.sleep(60.0)
        pulled += sum(map(len, loudspeaker.played))
        # The newest sound pulled: when its middle is heard, and what it says.
        heard = np.concatenate(loudspeaker.played[-8:])[:, 0]
        at = len(heard) // 2
        heard_s = start_s + 0.05 + (pulled - len(heard) + at) / (RATE * (1 + out_ppm * 1e-6))
        said_s = (heard_s - DELAY_S - start_s) * (1 + in_ppm * 1e-6)
        wanted = said_s % PERIOD_S / PERIOD_S
        error = (heard[at] - wanted + 0.5) % 1.0 - 0.5
        errors.append(error * PERIOD_S)
        step = np.abs(np.diff(heard))
        steps.append(np.median(step))
        loudspeaker.played.clear()
    return np.array(errors), np.array(steps), monitor


@pytest.mark.parametrize(("in_ppm", "out_ppm"), [(200.0, 0.0), (0.0, 200.0), (100.0, -100.0)])
def test_sound_and_lips_stay_within_a_frame_for_an_hour(in_ppm: float, out_ppm: float) -> None:
    errors, _, monitor = simulate(0.5, in_ppm, out_ppm)
    assert np.abs(errors[2:]).max() < FRAME_S
    assert np.abs(errors[-10:]).max() < 0.005
    assert abs(monitor.drift_ppm - (in_ppm - out_ppm)) < 20
    assert monitor.underruns <= 8


class Stalling:
    """A loudspeaker that a test pulls by hand; what it pulls is heard when the test says."""

    name, rate_hz, channels, latency_s = "stalling", RATE, 1, 0.05

    def __init__(self) -> None:
        self.late_s = 0.0
        self.heard: list[np.ndarray] = []

    def start(self, pull: Pull) -> None:
        self._pull = pull

    def stop(self) -> None:
        pass

    def turn(self, now_s: float) -> None:
        out = np.zeros((RATE // 100, 1), np.float32)
        self._pull(out, now_s + self.latency_s + self.late_s)
        self.heard.append(out[:, 0])


def test_a_loudspeaker_that_ran_dry_is_in_time_again_at_once_and_its_drift_still_known() -> None:
    device, events = Stalling(), []
    monitor = Monitor(device, RATE, 0.3, events.append)
    size = RATE // 100
    errors = []
    for i in range(3000):
        now_s = 5.0 + (i + 1) * 0.01
        device.turn(now_s)
        monitor.sound(ramp(i * size, size)[:, 0], RATE, now_s)
        errors.append(monitor.error_s)
        if i == 2000:
            drift = monitor.drift_ppm
            device.late_s = 0.08  # its own buffer was empty: all that follows is heard later
    assert np.abs(errors[100:2000]).max() < 0.005
    assert max(errors[2000:]) > 0.07, "it did run dry"
    assert np.abs(errors[2030:]).max() < 0.011, "in time again to within one block of sound"
    assert abs(monitor.drift_ppm - drift) < 200
    # The loudspeaker is taken away, and comes back.
    for i in range(3000, 3500):
        now_s = 5.0 + (i + 1) * 0.01
        if i >= 3300:
            device.turn(now_s)
        monitor.sound(ramp(i * size, size)[:, 0], RATE, now_s)
    assert events == [
        "loudspeaker 'stalling' is gone; going on without monitor",
        "loudspeaker 'stalling' is back; the monitor goes on",
    ]
    assert abs(monitor.error_s) < 0.011


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_sound_and_lips_stay_within_a_frame_for_twelve_hours(ppm: float) -> None:
    errors, steps, _ = simulate(12.0, ppm, 0.0)
    assert np.abs(errors[2:]).max() < FRAME_S
    assert np.abs(steps * RATE * PERIOD_S - 1).max() < 0.01


def test_a_change_of_pace_makes_no_click() -> None:
    pace = Varispeed(48_000, 48_000)
    tone = np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000).astype(np.float32)
    out = []
    for i in range(0, len(tone), 480):
        pace.speed = 1.0 + 0.005 * np.sin(i / 5000)
        out.append(pace.push(tone[i : i + 480]))
    heard = np.concatenate(out)[200:]
    # A sine's second difference is bounded by (2 pi f / rate)^2; a click would break it.
    assert np.abs(np.diff(heard, 2)).max() < 1.1 * (2 * np.pi * 440 * 1.005 / 48_000) ** 2 + 1e-4


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 48_000])
def test_the_live_resampler_is_exact_in_time_and_indifferent_to_cutting(rate_hz: int) -> None:
    t = np.arange(rate_hz) / rate_hz
    tone = np.sin(2 * np.pi * 300 * t).astype(np.float32)
    whole, cut = LiveResampler(rate_hz), LiveResampler(rate_hz)
    one = np.concatenate((whole.push(tone), whole.flush()))
    sizes = np.random.default_rng(0).integers(1, 700, 4000)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(cut.push(tone[at : at + size]))
        at += size
    pieces.append(cut.flush())
    np.testing.assert_array_equal(np.concatenate(pieces), one)
    assert len(one) == 16_000
    ideal = np.sin(2 * np.pi * 300 * np.arange(16_000) / 16_000)
    assert np.abs(one - ideal)[100:-100].max() < 2e-3
