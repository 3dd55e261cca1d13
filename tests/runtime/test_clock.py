"""Frames follow the sound card: hours on a fast crystal, jittering callbacks, underruns."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.runtime.clock import ClockSkew, DeviceClock, FreeRunningClock, MonotonicClock, wait_until_due
from pmmlink.runtime.output import SoundOutput
from pmmlink.testing import FakeOutputDevice, VirtualTime


def drift_ms(hours: float, ppm: float, fps: int, *, jitter_s: float = 0.0) -> list[float]:
    """Play hours through a fake card; how much sound was heard beyond each frame's when it was sent."""
    host = VirtualTime()
    device = FakeOutputDevice(8000, 1, ppm=ppm, block=800, latency_s=0.08, jitter_s=jitter_s, host=host)
    output = SoundOutput(device, 8000, 1, host)
    sound = np.zeros((4000, 1), np.float32)
    output.write(sound, lambda: False)
    output.start()
    errors = []
    queued = 4000
    for index in range(round(hours * 3600 * fps)):
        instant = index / fps
        while queued < (instant + 1.5) * 8000:
            output.write(sound, lambda: False)
            queued += 4000
        wait_until_due(instant, lambda: output.clock, host, lambda: False)
        errors.append(1e3 * (device.heard_sample(host.now()) / 8000 - instant))
    assert output.underruns == 0
    return errors


@pytest.mark.parametrize(
    ("hours", "ppm"), [(1, 200.0), (1, -200.0), pytest.param(12, 200.0, marks=pytest.mark.slow)]
)
def test_frames_stay_on_their_sound_for_hours_on_a_wrong_crystal(hours: float, ppm: float) -> None:
    errors = drift_ms(hours, ppm, fps=1)
    # A clock that trusted the host would be off by 0.7 s after an hour, by 8.6 s after twelve.
    assert max(map(abs, errors[10:])) < 0.5
    assert abs(np.mean(errors[-100:])) < 0.3


def test_jittering_callbacks_do_not_make_frames_jitter() -> None:
    errors = np.array(drift_ms(0.2, 100.0, fps=30, jitter_s=0.008))[90:]
    # Callbacks are up to 8 ms late (4 ms on average, which no clock can know of); the frames hardly scatter.
    assert errors.std() < 1.2
    assert np.abs(errors).max() < 9.0


def test_waiting_for_the_interpreter_does_not_shift_the_clocks_apart() -> None:
    random = np.random.default_rng(0)
    skew = ClockSkew()
    guesses = []
    for block in range(5000):
        driver_s = block * 0.01
        true_skew_s = 7.0 + 100e-6 * driver_s  # the two clocks part by 100 ppm
        late_s = random.exponential(0.004)
        guesses.append(skew.update(driver_s + true_skew_s + late_s, driver_s) - true_skew_s)
    assert max(map(abs, guesses[100:])) < 0.0015


def test_a_position_is_not_due_before_its_sound_was_handed_out() -> None:
    clock = DeviceClock(1000)
    assert clock.due_s(0.0) is None
    clock.consumed(100, heard_at_s=50.0)
    assert clock.due_s(0.1) == pytest.approx(50.1)
    assert clock.due_s(0.101) is None


def test_an_underrun_moves_all_that_follows_by_its_length() -> None:
    host = VirtualTime()
    device = FakeOutputDevice(1000, 1, block=100, latency_s=0.0, host=host)
    output = SoundOutput(device, 1000, 1, host)
    output.write(np.zeros((200, 1), np.float32), lambda: False)
    output.start()
    host.sleep(0.55)  # 0.2 s of sound, then 4 blocks without
    assert output.underruns == 4
    output.write(np.zeros((200, 1), np.float32), lambda: False)
    host.sleep(0.1)
    due = output.clock.due_s(0.2)
    assert due == pytest.approx(1000.0 + 0.2 + 0.4)


def test_silence_behind_the_end_counts_so_that_late_frames_still_leave() -> None:
    host = VirtualTime()
    device = FakeOutputDevice(1000, 1, block=100, latency_s=0.0, host=host)
    output = SoundOutput(device, 1000, 1, host)
    output.write(np.zeros((250, 1), np.float32), lambda: False)
    output.end(lambda: False)
    output.start()
    late = wait_until_due(1.5, lambda: output.clock, host, lambda: False)
    assert late is not None
    assert host.now() == pytest.approx(1001.5, abs=1e-6)
    assert output.underruns == 0


def test_a_wait_ends_when_stopped_and_reports_lateness_otherwise() -> None:
    host = VirtualTime()
    assert wait_until_due(9.0, lambda: MonotonicClock(host.now()), host, lambda: True) is None
    clock = MonotonicClock(host.now() - 5.0)
    assert wait_until_due(4.0, lambda: clock, host, lambda: False) == pytest.approx(1.0)
    assert wait_until_due(1e9, FreeRunningClock, host, lambda: False) == float("inf")
    assert host.now() == 1000.0
