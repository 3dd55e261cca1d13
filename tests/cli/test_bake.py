"""``pmmlink bake`` as a user runs it."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from pmmlink.curves import LIVELINK_61_CSV

Run = Callable[..., Any]


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def visible(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))


def test_one_file_becomes_a_recording(pmmlink: Run, weights: Path, speech: Path) -> None:
    ended = pmmlink("bake", speech, "-o", "take.csv", "--weights", weights)
    assert ended.code == 0, ended.err
    rows = table(Path("take.csv"))
    assert rows[0][2:] == list(LIVELINK_61_CSV.wire_names)
    assert len(rows) == 1 + round(2.2 * 30)
    assert "speech.wav -> take.csv  0:02.2  66 frames" in ended.out
    values = np.array([row[2:] for row in rows[1:]], float)
    jaw, close = (LIVELINK_61_CSV.index(name) for name in ("jawOpen", "mouthClose"))
    assert (values[:, close] <= values[:, jaw]).all()


@pytest.mark.parametrize("fps", [24, 50, 60])
def test_the_row_count_is_duration_times_frame_rate(
    pmmlink: Run, weights: Path, speech: Path, fps: int
) -> None:
    ended = pmmlink("bake", speech, "-o", "out", "--weights", weights, "--fps", fps)
    assert ended.code == 0, ended.err
    assert abs(len(table(Path("out/speech.csv"))) - 1 - 2.2 * fps) <= 1


def test_a_folder_is_baked_in_processes_and_a_bad_file_does_not_stop_the_rest(
    pmmlink: Run, weights: Path, speech: Path
) -> None:
    os.makedirs("in/sub")
    for name in ("in/a.wav", "in/sub/b.wav", "in/sub/a.wav"):
        shutil.copy(speech, name)
    Path("in/bad.wav").write_text("no sound at all\n" * 50)
    ended = pmmlink("bake", "in", "-o", "out", "--weights", weights, "--jobs", 2)
    assert ended.code == 1, ended.err
    assert visible(Path("out")) == ["b.csv", "in-a.csv", "sub-a.csv"]
    assert table(Path("out/b.csv"))[1:] == table(Path("out/sub-a.csv"))[1:]
    assert "baked 3 of 4: 198 frames" in ended.out
    assert "1 of 4 failed:" in ended.out
    assert ended.out.splitlines()[-1].strip().startswith(f"{Path('in/bad.wav')}: not a sound")


def test_what_is_done_is_skipped_until_something_changes(pmmlink: Run, weights: Path, speech: Path) -> None:
    Path("in").mkdir()
    for name in ("a", "b"):
        shutil.copy(speech, f"in/{name}.wav")

    def baked(*extra: object) -> int:
        ended = pmmlink("bake", "in", "-o", "out", "--weights", weights, *extra)
        assert ended.code == 0, ended.err
        return int(ended.out.count(" -> "))

    assert baked() == 2
    assert baked() == 0
    assert baked("--jobs", 2) == 0
    assert baked("--fps", 60) == 2
    assert baked("--fps", 60, "--force") == 2
    Path("out/a.csv").unlink()
    assert baked("--fps", 60) == 1
    later = Path("out/b.csv").stat().st_mtime_ns + 10**9
    os.utime("in/b.wav", ns=(later, later))
    assert baked("--fps", 60) == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nobody.wav", "-o", "x.csv"], "nobody.wav: no such file"),
        (["nan.wav", "-o", "x.csv"], "nan.wav: sample 7000 (at 0.438 s) is nan"),
        (["good.wav", "-o", "none/x.csv"], "none"),
        (["good.wav", "good.flac", "-o", "x.csv"], "2 files cannot go into one .csv"),
        (["empty", "-o", "x.csv"], "no sound or video files"),
        (["good.wav", "-o", "x.csv", "--jobs", "0"], "--jobs 0: expected a whole number"),
        (["good.wav", "good.flac", "-o", "out", "--weights", "good.wav"], "not a readable safetensors file"),
    ],
)
def test_bad_input_is_one_line_and_exit_2_and_leaves_nothing(
    pmmlink: Run, weights: Path, args: list[str], message: str
) -> None:
    sound = 0.1 * np.sin(np.arange(8000) / 10).astype(np.float32)
    sf.write("good.wav", sound, 16000)
    sf.write("good.flac", sound, 16000)
    sound[7000] = np.nan
    sf.write("nan.wav", sound, 16000, subtype="FLOAT")
    os.mkdir("empty")
    ended = pmmlink("bake", *args, *([] if "--weights" in args else ["--weights", weights]))
    assert ended.code == 2, ended.out
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert not list(Path().rglob("*.csv*"))


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_ctrl_c_leaves_nothing_half_written(weights: Path, tmp_path: Path, jobs: str) -> None:
    rng = np.random.default_rng(0)
    for name in ("a.flac", "b.flac"):
        sf.write(tmp_path / name, rng.uniform(-0.3, 0.3, 16000 * 600), 16000)
    command = ["bake", "a.flac", "b.flac", "-o", "out", "--weights", str(weights), "--jobs", jobs]
    process = subprocess.Popen(
        [sys.executable, "-m", "pmmlink.cli", *command],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 150
    while len(list(tmp_path.glob("out/*.partial"))) < int(jobs) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert list((tmp_path / "out").iterdir()) == []
