"""Takes read at a rate, and films of an exact length."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from pmmlink.curves import ARKIT_52, LIVELINK_61, MODEL_32
from pmmlink.errors import ConfigError, DataError
from pmmlink.preview.camera import face_camera, mouth_camera
from pmmlink.preview.head import load_head
from pmmlink.preview.raster import Renderer
from pmmlink.preview.take import frame_rate, read_animation
from pmmlink.preview.video import VideoWriter
from pmmlink.sinks.csv import CsvSink
from pmmlink.sources import FileSource
from pmmlink.types import CurveFrame
from pmmlink.wire import csv


def _write_take(path: Path, values: np.ndarray, fps: Fraction = Fraction(30), first: int = 0) -> Path:
    sink = CsvSink(path)
    sink.open(MODEL_32, fps, "test")
    with sink:
        for k, row in enumerate(values.astype(np.float32)):
            sink.send(CurveFrame(first + k, fps, MODEL_32, row))
    return path


@pytest.mark.parametrize(
    "fps", [Fraction(24), Fraction(25), Fraction(30), Fraction(60), Fraction(30000, 1001)]
)
def test_a_take_keeps_its_frames_and_rate(tmp_path, fps):
    values = np.random.default_rng(0).uniform(0, 1, (47, 32))
    animation = read_animation(_write_take(tmp_path / "take.csv", values, fps, first=7))
    assert animation.fps == fps
    assert len(animation.values) == 47
    columns = ARKIT_52.positions(MODEL_32.names)
    np.testing.assert_allclose(animation.values[:, columns], values, atol=2e-3)


def test_a_take_can_be_read_at_another_rate(tmp_path):
    ramp = np.zeros((31, 32))
    ramp[:, MODEL_32.index("jawOpen")] = np.linspace(0, 1, 31)
    animation = read_animation(_write_take(tmp_path / "take.csv", ramp), Fraction(60))
    assert len(animation.values) == 61
    np.testing.assert_allclose(
        animation.values[:, ARKIT_52.index("jawOpen")], np.linspace(0, 1, 61), atol=1e-3
    )


def test_a_phone_capture_with_a_missing_row_keeps_its_rate_and_length(tmp_path):
    times = [Fraction(k, 60) for k in range(200) if k != 90]
    rows = [csv.row(36000 + t, np.zeros(len(LIVELINK_61), np.float32)) for t in times]
    (tmp_path / "take.csv").write_text(csv.header() + "".join(rows))
    animation = read_animation(tmp_path / "take.csv")
    assert (animation.fps, len(animation.values)) == (60, 200)


def test_an_irregular_take_is_read_at_30_fps():
    assert frame_rate((Fraction(0), Fraction(1, 7), Fraction(1, 3))) == 30


@pytest.mark.parametrize("content", ["", csv.header(), "hello,world\n1,2\n"])
def test_a_file_without_frames_is_refused_by_name(tmp_path, content):
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=r"bad\.csv"):
        read_animation(tmp_path / "bad.csv")


def test_a_take_whose_time_runs_backwards_is_refused(tmp_path):
    zeros = np.zeros(len(LIVELINK_61), np.float32)
    rows = [csv.row(Fraction(t, 60), zeros) for t in (0, 2, 1, 3)]
    (tmp_path / "take.csv").write_text(csv.header() + "".join(rows))
    with pytest.raises(DataError, match="frame 2 is earlier"):
        read_animation(tmp_path / "take.csv")


def test_a_take_in_per_cent_is_refused(tmp_path):
    rows = np.zeros((3, len(LIVELINK_61)), np.float32)
    rows[1, LIVELINK_61.index("jawOpen")] = 57
    text = "".join(csv.row(Fraction(k, 30), row) for k, row in enumerate(rows))
    (tmp_path / "take.csv").write_text(csv.header() + text)
    with pytest.raises(DataError, match="frame 1: jawOpen is 57, which is no blendshape value"):
        read_animation(tmp_path / "take.csv")


def test_animation_draws_what_single_frames_draw():
    values = np.zeros((4, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = [0.1, 0.5, 0.5, 0.0]
    values[:, ARKIT_52.index("mouthSmileLeft")] = [0, 0.2, 0.4, 0.4]
    renderer = Renderer(load_head(), face_camera(), (160, 120))
    animated = np.stack(list(renderer.animate(values)))
    difference = np.abs(animated.astype(int) - renderer.draw_curves(values))
    assert (difference > 12).mean() < 0.001
    assert np.abs(animated[1].astype(int) - animated[0]).max() > 60, "the mouth did open"


def test_a_still_take_yields_one_picture_many_times():
    renderer = Renderer(load_head(), mouth_camera(), (32, 32))
    pictures = list(renderer.animate(np.zeros((3, 52), np.float32)))
    assert pictures[0] is pictures[2]


def _film(path: Path, frames: int, fps: Fraction, sound: Path | None) -> None:
    source = FileSource(sound) if sound else None
    with VideoWriter(path, (64, 48), fps, source) as video:
        for k in range(frames):
            video.write(np.full((48, 64, 3), k % 255, np.uint8))


@pytest.mark.parametrize(
    ("fps", "sound_s", "rate_hz", "channels"),
    [(Fraction(30), 5.0, 16000, 1), (Fraction(30000, 1001), 0.7, 44100, 2), (Fraction(25), 1.0, 48000, 3)],
)
def test_picture_and_sound_last_exactly_as_long_as_the_take(tmp_path, fps, sound_s, rate_hz, channels):
    sound = np.random.default_rng(1).normal(0, 0.1, (round(sound_s * rate_hz), channels))
    sf.write(tmp_path / "sound.wav", sound, rate_hz)
    _film(tmp_path / "film.mp4", 61, fps, tmp_path / "sound.wav")
    with av.open(str(tmp_path / "film.mp4")) as film:
        pictures = [frame.pts * frame.time_base for frame in film.decode(video=0)]
        track = film.streams.audio[0]
        assert track.codec_context.name == "aac"
        assert abs(track.duration * track.time_base - 61 / fps) < Fraction(1024, 48000)
        assert film.streams.video[0].average_rate == fps
    assert len(pictures) == 61
    assert pictures == [k / fps for k in range(61)]
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".partial"] == []


def test_a_click_is_heard_at_its_frame(tmp_path):
    sound = np.zeros(32000, np.float32)
    sound[16000:16016] = 0.9
    sf.write(tmp_path / "click.wav", sound, 16000)
    _film(tmp_path / "film.mp4", 60, Fraction(30), tmp_path / "click.wav")
    with av.open(str(tmp_path / "film.mp4")) as film:
        blocks = [
            (float(f.pts * f.time_base), f.to_ndarray()[0], f.sample_rate) for f in film.decode(audio=0)
        ]
    loudest = max(blocks, key=lambda block: np.abs(block[1]).max())
    heard_s = loudest[0] + np.abs(loudest[1]).argmax() / loudest[2]
    assert heard_s == pytest.approx(1.0, abs=0.005)


def test_a_silent_film_has_no_sound_track(tmp_path):
    _film(tmp_path / "film.mp4", 5, Fraction(30), None)
    with av.open(str(tmp_path / "film.mp4")) as film:
        assert len(film.streams) == 1


def test_a_film_that_fails_halfway_leaves_nothing_behind(tmp_path):
    def fail():
        with VideoWriter(tmp_path / "film.mp4", (64, 48), Fraction(30)) as video:
            video.write(np.zeros((48, 64, 3), np.uint8))
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(641, 480), (640, 8), (5000, 480)])
def test_sizes_that_no_player_takes_are_refused(tmp_path, size):
    with pytest.raises(ConfigError, match="--size"):
        VideoWriter(tmp_path / "film.mp4", size, Fraction(30))
