"""A file played: sound and frames together, soft endings, and devices that fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from pmmlink.errors import AudioError
from pmmlink.runtime.clock import SystemTime
from pmmlink.runtime.output import SoundOutput
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.runtime.playback import Playback
from pmmlink.sources import FileSource
from pmmlink.testing import FakeOutputDevice, LoudnessAnimator
from pmmlink.types import CurveFrame


class Receiver:
    """Keeps each frame with the time at which it was sent."""

    def __init__(self) -> None:
        self.frames: list[CurveFrame] = []
        self.times: list[float] = []

    def send(self, frame: CurveFrame) -> None:
        self.times.append(time.perf_counter())
        self.frames.append(frame)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    t = np.arange(44100 * 2) / 44100
    wave = np.where(t % 0.5 < 0.25, 0.3 * np.sin(2 * np.pi * 200 * t), 0.0)
    sf.write(tmp_path / "speech.wav", np.stack([wave, wave / 2], 1), 44100, subtype="FLOAT")
    return tmp_path / "speech.wav"


@contextmanager
def playing(path: Path, **options: object) -> Iterator[tuple[Playback, Receiver]]:
    receiver = Receiver()
    with FileSource(path) as source:
        pipeline = Pipeline(LoudnessAnimator(), source.rate_hz)
        yield Playback(source, pipeline, receiver, **options), receiver  # type: ignore[arg-type]


def output_on(device: FakeOutputDevice) -> SoundOutput:
    return SoundOutput(device, 44100, 2, SystemTime())


def test_frames_leave_when_their_sound_is_heard(speech: Path) -> None:
    device = FakeOutputDevice(44100, 2, ppm=150, latency_s=0.12, record=True)
    output = output_on(device)
    with playing(speech, output=output) as (playback, receiver):
        playback.start()
        assert playback.wait(20)
    assert [f.index for f in receiver.frames] == list(range(60))
    heard = np.array([device.heard_sample(t) / 44100 for t in receiver.times])
    late = heard - np.arange(60) / 30
    # Other programs may hold a frame up; none leaves early, and most leave on time.
    assert late.min() > -0.002
    assert np.percentile(late, 75) < 0.02
    assert playback.lag.count == 60
    played = np.concatenate(device.played)
    original, _ = sf.read(speech, dtype="float32")
    np.testing.assert_array_equal(played[: len(original)], original)
    assert not played[len(original) :].any()
    assert output.underruns == 0


def test_a_device_of_another_rate_and_fewer_channels_gets_converted_sound(speech: Path) -> None:
    device = FakeOutputDevice(48000, 1, latency_s=0.01, block=480, record=True)
    with playing(speech, output=output_on(device)) as (playback, receiver):
        playback.start()
        assert playback.wait(20)
    played = np.concatenate(device.played)[:, 0]
    assert len(receiver.frames) == 60
    assert len(played) >= 96000
    assert not played[96480:].any()
    original, _ = sf.read(speech, dtype="float32")
    onset = [int(np.argmax(np.abs(x) > 0.05)) for x in (original.mean(1)[22060:], played[24010:])]
    assert onset[1] / 48000 == pytest.approx(onset[0] / 44100, abs=0.001)


@pytest.mark.parametrize("delay_s", [0.3, -0.2])
def test_a_delay_moves_every_frame_against_its_sound(speech: Path, delay_s: float) -> None:
    device = FakeOutputDevice(44100, 2, latency_s=0.02)
    with playing(speech, output=output_on(device), delay_s=delay_s) as (playback, receiver):
        playback.start()
        assert playback.wait(20)
    heard = np.array([device.heard_sample(t) / 44100 for t in receiver.times])
    late = heard - np.arange(60) / 30
    assert len(late) == 60
    assert np.median(late[20:]) == pytest.approx(delay_s, abs=0.02)


def test_without_a_device_frames_follow_the_hosts_clock(speech: Path) -> None:
    with playing(speech) as (playback, receiver):
        playback.start()
        assert playback.wait(20)
    steps = np.diff(receiver.times)
    assert receiver.times[-1] - receiver.times[0] == pytest.approx(59 / 30, abs=0.1)
    assert np.median(steps) == pytest.approx(1 / 30, abs=0.005)


def test_unpaced_playback_is_faster_than_real_time_and_loses_nothing(speech: Path) -> None:
    with playing(speech, paced=False) as (playback, receiver):
        started = time.perf_counter()
        playback.start()
        assert playback.wait(20)
        assert time.perf_counter() - started < 1.5
    assert [f.index for f in receiver.frames] == list(range(60))
    assert playback.lag.count == 0


def test_stopping_leads_to_the_neutral_face_in_a_fifth_of_a_second(speech: Path) -> None:
    device = FakeOutputDevice(44100, 2, latency_s=0.02)
    with playing(speech, output=output_on(device)) as (playback, receiver):
        playback.start()
        while len(receiver.frames) < 20:
            time.sleep(0.005)
        stopped_at = time.perf_counter()
        playback.stop()
        assert playback.wait(5)
    assert playback.interrupted
    cut = len(receiver.frames)
    assert cut < 40
    assert [f.index for f in receiver.frames] == list(range(cut))
    assert not receiver.frames[-1].values.any()
    tail = np.array([f.values.sum() for f in receiver.frames[-7:]])
    assert (np.diff(tail) <= 1e-6).all()
    assert receiver.times[-1] - stopped_at < 0.6
    assert 0.13 < receiver.times[-1] - receiver.times[-6] < 0.4


def test_stopping_before_the_first_frame_ends_at_once(speech: Path) -> None:
    with playing(speech) as (playback, receiver):
        playback.stop()
        playback.start()
        assert playback.wait(2)
    assert receiver.frames == []


def test_a_device_that_is_unplugged_is_told_and_the_face_goes_on(speech: Path) -> None:
    events: list[str] = []
    device = FakeOutputDevice(44100, 2, latency_s=0.02, unplugged_after_s=0.7)
    with playing(speech, output=output_on(device), on_event=events.append) as (playback, receiver):
        playback.start()
        assert playback.wait(20)
    assert events == ["the sound output stopped answering: going on without sound"]
    assert [f.index for f in receiver.frames] == list(range(60))
    gaps = np.diff(receiver.times)
    assert 0.9 < gaps.max() < 1.5  # the second it took to notice
    assert np.sort(gaps)[-2] < 0.2


def test_a_device_that_does_not_start_is_told_and_the_face_goes_on(speech: Path) -> None:
    events: list[str] = []
    device = FakeOutputDevice(44100, 2)
    device.stop()
    with playing(speech, output=output_on(device), on_event=events.append) as (playback, receiver):
        playback.start()
        assert playback.wait(20)
    assert events == ["the fake loudspeaker was stopped before: going on without sound"]
    assert len(receiver.frames) == 60


def test_damaged_sound_closes_the_mouth_and_is_raised(tmp_path: Path) -> None:
    sound = np.full(32000, 0.2, np.float32)
    sound[24000] = np.nan
    sf.write(tmp_path / "bad.wav", sound, 16000, subtype="FLOAT")
    with playing(tmp_path / "bad.wav") as (playback, receiver):
        playback.start()
        with pytest.raises(AudioError, match=r"sample 24000 \(at 1\.500 s\)"):
            playback.wait(20)
    assert not receiver.frames or not receiver.frames[-1].values.any()


def test_an_error_of_the_target_ends_the_playback_and_is_raised(speech: Path) -> None:
    class Broken:
        def send(self, frame: CurveFrame) -> None:
            raise ZeroDivisionError(frame.index)

    with FileSource(speech) as source:
        playback = Playback(source, Pipeline(LoudnessAnimator(), source.rate_hz), Broken())
        playback.start()
        with pytest.raises(ZeroDivisionError):
            playback.wait(5)


def test_rendering_runs_ahead_by_a_bounded_time(tmp_path: Path) -> None:
    sf.write(tmp_path / "long.wav", np.zeros(16000 * 30, np.float32), 16000)
    device = FakeOutputDevice(16000, 1, latency_s=0.02)
    receiver = Receiver()
    with FileSource(tmp_path / "long.wav") as source:
        pipeline = Pipeline(LoudnessAnimator(), source.rate_hz)
        output = SoundOutput(device, 16000, 1, SystemTime())
        playback = Playback(source, pipeline, receiver, output=output)
        playback.start()
        time.sleep(1.0)
        ahead = pipeline.compute.sound_s - playback.progress().position_s
        playback.stop()
        assert playback.wait(5)
    assert 0.5 < ahead < 3.0


def test_threads_are_gone_after_the_end(speech: Path) -> None:
    with playing(speech, paced=False) as (playback, _):
        playback.start()
        assert playback.wait(10)
    assert not [t for t in threading.enumerate() if t.name.startswith("pmmlink")]
