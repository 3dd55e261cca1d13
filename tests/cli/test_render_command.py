"""``pmmlink render`` as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from pmmlink.cli.app import main
from pmmlink.curves import MODEL_32
from pmmlink.preview.image import read_picture
from pmmlink.sinks.csv import CsvSink
from pmmlink.types import CurveFrame


def _pmmlink(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pmmlink.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def take(tmp_path):
    """Half a second: shut, then wide open, then shut over an open jaw."""
    sink = CsvSink(tmp_path / "take.csv")
    sink.open(MODEL_32, Fraction(30), "test")
    with sink:
        for k in range(15):
            values = np.zeros(32, np.float32)
            values[MODEL_32.index("jawOpen")] = 0 if k < 5 else 0.6
            values[MODEL_32.index("mouthClose")] = 0.6 if k >= 10 else 0
            sink.send(CurveFrame(k, Fraction(30), MODEL_32, values))
    sf.write(tmp_path / "take.wav", np.zeros(8000, np.float32), 16000)
    return tmp_path / "take.csv"


def _dark_in_the_middle(picture: np.ndarray) -> float:
    height, width, _ = picture.shape
    mouth = picture[height * 4 // 10 : height * 7 // 10, width * 3 // 10 : width * 6 // 10]
    return float((mouth.max(axis=2) < 70).mean())


def test_a_take_and_its_sound_become_a_film_that_opens_and_shuts_its_mouth(take):
    options = ["--audio", "take.wav", "-o", "film.mp4", "--size", "160x120", "--camera", "mouth"]
    done = _pmmlink("render", "take.csv", *options, cwd=take.parent)
    assert done.returncode == 0, done.stderr
    assert "15 frames at 30 fps" in done.stdout
    with av.open(str(take.parent / "film.mp4")) as film:
        assert {stream.type for stream in film.streams} == {"video", "audio"}
        assert film.duration == 500_000
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(pictures) == 15
    shut, vowel, bilabial = (_dark_in_the_middle(pictures[k]) for k in (2, 7, 12))
    assert vowel > 2 * max(shut, bilabial)


def test_one_moment_of_a_take_becomes_a_picture(take):
    done = _pmmlink("render", "take.csv", "--at", "0.25", "-o", "s.png", "--size", "90x80", cwd=take.parent)
    assert done.returncode == 0, done.stderr
    assert read_picture(take.parent / "s.png").shape == (80, 90, 3)


def test_the_curves_become_a_contact_sheet(tmp_path):
    done = _pmmlink("render", "--grid", "curves", "-o", "grid.png", "--size", "48x48", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sheet = read_picture(tmp_path / "grid.png")
    assert sheet.shape == (4 * (48 + 22), 8 * 48, 3)
    tiles = [sheet[r * 70 : r * 70 + 48, c * 48 : c * 48 + 48].tobytes() for r in range(4) for c in range(8)]
    assert len(set(tiles)) == 32, "every curve looks different"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv", "-o", "x.mp4"], "nowhere.csv: cannot be read"),
        (["take.csv", "-o", "x.avi"], "must end in .mp4"),
        (["take.csv", "-o", "x.mp4", "--size", "big"], "--size big"),
        (["take.csv", "-o", "x.mp4", "--size", "641x480"], "even"),
        (["take.csv", "-o", "x.mp4", "--fps", "0"], "--fps 0"),
        (["take.csv", "-o", "x.png", "--at", "9"], "from 0 to 0.50 s"),
        (["take.csv", "-o", "x.png", "--at", "0.1", "--audio", "take.wav"], "leave out --audio and --fps"),
        (["take.csv", "-o", "no/x.mp4"], "does not exist"),
        (["take.csv", "-o", "no/x.png", "--at", "0.1", "--size", "64x64"], "no/x.png"),
        (["take.csv", "--grid", "curves", "-o", "x.png"], "leave out the take"),
        (["-o", "x.mp4"], "name the take"),
        (["take.csv", "-o", "x.mp4", "--audio", "gone.wav"], "gone.wav"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(take, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(take.parent)
    monkeypatch.setattr(sys, "argv", ["pmmlink", "render", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert {p.name for p in take.parent.iterdir()} == {"take.csv", "take.wav"}
