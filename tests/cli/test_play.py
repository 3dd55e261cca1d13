"""``pmmlink play`` as a user runs it."""

from __future__ import annotations

import csv
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from pmmlink.curves import LIVELINK_61, LIVELINK_61_CSV
from pmmlink.runtime.bake import bake_file
from pmmlink.wire.osc import Bye, Frame, Names, decode

Run = Callable[..., Any]
CSV_JAW = LIVELINK_61_CSV.index("jawOpen")


def curves_of(path: Path) -> np.ndarray:
    with path.open(encoding="utf-8", newline="") as file:
        return np.array([[float(x) for x in row[2:]] for row in list(csv.reader(file))[1:]])


class Listener(threading.Thread):
    """Collects the OSC messages that arrive on a loopback port until a ``bye``."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(150)
        self.url = f"osc://127.0.0.1:{self._socket.getsockname()[1]}"
        self.messages: list[Names | Frame | Bye] = []
        self.start()

    def run(self) -> None:
        while not any(isinstance(message, Bye) for message in self.messages):
            self.messages.append(decode(self._socket.recv(65536)))
        self._socket.close()

    def frames(self) -> list[Frame]:
        self.join(150)
        return [message for message in self.messages if isinstance(message, Frame)]


def test_a_file_is_played_to_a_receiver_and_a_recording_at_once(
    pmmlink: Run, weights: Path, speech: Path, tmp_path: Path
) -> None:
    listener = Listener()
    out = tmp_path / "take.csv"
    ended = pmmlink(
        "play", speech, "--no-audio", "--weights", weights, "--to", listener.url, "--to", out, "--fps", 60
    )
    assert ended.code == 0, ended.err
    frames = listener.frames()
    assert [frame.seq for frame in frames] == list(range(132))
    assert [frame.time_us for frame in frames] == [round(k * 1e6 / 60) for k in range(132)]
    recorded = curves_of(out)
    np.testing.assert_allclose(
        recorded[40, CSV_JAW], frames[40].values[LIVELINK_61.index("jawOpen")], atol=1e-6
    )
    assert len(recorded) == 132
    assert "played speech.wav: 132 frames at 60 fps for 0:02.2 of sound" in ended.out
    assert re.search(rf"{re.escape(listener.url)}  sent 132  dropped 0", ended.out)
    assert re.search(
        r"latency: resampler \d+\.\d \+ model look-ahead \d+\.\d \+ frame rate 16\.7 = \d+\.\d ms", ended.out
    )
    assert re.search(r"0:0[01]\.\d / 0:02\.2  frames \d+  lag \d+\.\d ms  real-time factor", ended.out)
    assert re.search(r"mouth  \|.{64}\|  jawOpen, full height 0\.\d\d", ended.out)
    assert re.search(r"curves  jawOpen 0\.\d\d-[01]\.\d\d", ended.out)


def test_one_chunk_ten_millisecond_chunks_and_play_give_the_same_curves(
    pmmlink: Run, weights: Path, speech: Path, tmp_path: Path
) -> None:
    from pmmlink.model.animator import load_animator

    animator = load_animator(weights)
    one, small, played = (tmp_path / name for name in ("one.csv", "small.csv", "played.csv"))
    bake_file(speech, one, animator=animator, block_s=60.0)
    bake_file(speech, small, animator=animator, block_s=0.01)
    ended = pmmlink("play", speech, "--speed", "max", "--weights", weights, "--to", played)
    assert ended.code == 0, ended.err
    reference = curves_of(one)
    assert reference.shape == (66, 61)
    assert reference.std(axis=0).max() > 0.01
    np.testing.assert_allclose(curves_of(small), reference, atol=1e-4)
    np.testing.assert_allclose(curves_of(played), reference, atol=1e-4)


def test_without_a_target_the_default_is_used_and_said(pmmlink: Run, weights: Path, speech: Path) -> None:
    ended = pmmlink("play", speech, "--speed", "max", "--weights", weights)
    assert ended.code == 0
    assert ended.out.startswith("no --to given: sending to osc://127.0.0.1:8000\n")
    assert "osc://127.0.0.1:8000  sent 66" in ended.out


def test_settings_come_from_the_nearest_file_and_flags_beat_it(
    pmmlink: Run, weights: Path, speech: Path, tmp_path: Path
) -> None:
    (tmp_path / "pmmlink.yaml").write_text(
        f"fps: 60\nsubject: Anna\nspeed: max\nto: [x.csv]\nweights: '{weights}'\n", encoding="utf-8"
    )
    ended = pmmlink("play", speech, "--fps", "24")
    assert ended.code == 0, ended.err
    assert f"settings from {tmp_path / 'pmmlink.yaml'}" in ended.out
    assert "53 frames at 24 fps" in ended.out
    assert "subject Anna" in ended.out
    assert len(curves_of(Path("x.csv"))) == 53


def test_phone_sound_and_studio_sound_both_play(pmmlink: Run, weights: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sf.write(tmp_path / "phone.wav", rng.uniform(-0.3, 0.3, 8000), 8000, subtype="ULAW")
    sf.write(tmp_path / "studio.wav", rng.uniform(-0.3, 0.3, (192_000, 8)), 192_000, subtype="PCM_24")
    for name in ("phone", "studio"):
        out = tmp_path / f"{name}.csv"
        ended = pmmlink("play", tmp_path / f"{name}.wav", "--speed", "max", "--weights", weights, "--to", out)
        assert ended.code == 0, ended.err
        assert len(curves_of(out)) == 30


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nobody.wav"], "nobody.wav: no such file"),
        (["empty.wav"], "empty.wav: the file is empty"),
        (["text.wav"], "text.wav: not a sound or video file"),
        (["cut.wav"], "cut.wav: truncated"),
        (["none.wav"], "none.wav: holds no sound"),
        (["nan.wav"], "nan.wav: sample 500 (at 0.031 s) is nan"),
        (["good.wav", "--to", "gopher://x"], "gopher"),
        (["good.wav", "--to", "osc://127.0.0.1:99999"], "99999"),
        (["good.wav", "--to", "nowhere/x.csv"], "nowhere"),
        (["good.wav", "--fps", "0"], "--fps 0: expected a frame rate"),
        (["good.wav", "--speed", "2"], "--speed 2: expected 1 or max"),
        (["good.wav", "--config", "bad.yaml"], "bad.yaml:2: unknown key 'sped'; did you mean 'speed'?"),
        (["good.wav", "--profile", "bad_profile.yaml"], "bad_profile.yaml:3: unknown curve 'jawOpne'"),
        (["good.wav", "--weights", "text.wav"], "text.wav: not a readable safetensors file"),
        ([], "name one sound file to play, or --sample"),
        (["good.wav", "--sample"], "name one sound file to play, or --sample"),
    ],
)
def test_bad_input_is_one_line_and_exit_2_and_leaves_nothing(
    pmmlink: Run, weights: Path, args: list[str], message: str
) -> None:
    write_bad_inputs()
    before = sorted(os.listdir())
    extra = [] if "--weights" in args else ["--weights", weights]
    targets = [] if "--to" in args else ["--to", "out.csv"]
    pace = [] if "--speed" in args else ["--speed", "max"]
    ended = pmmlink("play", *args, *extra, *targets, *pace)
    assert ended.code == 2, ended.out
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert sorted(os.listdir()) == before


def write_bad_inputs() -> None:
    """Into the working directory."""
    sound = 0.1 * np.sin(np.arange(8000) / 10).astype(np.float32)
    sf.write("good.wav", sound, 16000)
    Path("empty.wav").write_bytes(b"")
    Path("text.wav").write_text("a shopping list\n" * 100)
    Path("cut.wav").write_bytes(Path("good.wav").read_bytes()[:9000])
    sf.write("none.wav", np.zeros(0, np.float32), 16000)
    sound[500] = np.nan
    sf.write("nan.wav", sound, 16000, subtype="FLOAT")
    Path("bad.yaml").write_text("fps: 30\nsped: max\n")
    Path("bad_profile.yaml").write_text("version: 1\ncurves:\n  jawOpne: {gain: 1}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_closes_the_mouth_says_bye_and_keeps_the_take(
    weights: Path, tmp_path: Path, number: signal.Signals
) -> None:
    rng = np.random.default_rng(0)
    sf.write(tmp_path / "long.wav", rng.uniform(-0.3, 0.3, 16000 * 60), 16000)
    listener = Listener()
    out = tmp_path / "take.csv"
    command = [
        "play",
        "long.wav",
        "--no-audio",
        "--weights",
        str(weights),
        "--to",
        listener.url,
        "--to",
        str(out),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "pmmlink.cli", *command], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 150
    while len(listener.messages) < 30 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    frames = listener.frames()
    assert not np.any(frames[-1].values)
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    assert len(curves_of(out)) == len(frames)
    assert "stopped long.wav" in text


def test_neither_import_nor_help_loads_what_is_slow_to_load() -> None:
    run = "\nfrom pmmlink.cli.app import main\ntry: main()\nexcept SystemExit: pass"
    checks = {
        "import": "import pmmlink",
        "help": "import sys; sys.argv = ['pmmlink', '--help']" + run,
        "play help": "import sys; sys.argv = ['pmmlink', 'play', '--help']" + run,
    }
    tail = (
        "\nimport sys"
        "\nheavy = [m for m in ('torch', 'transformers', 'av', 'soxr') if m in sys.modules]"
        "\nprint(heavy)"
    )
    for name, code in checks.items():
        done = subprocess.run(
            [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.splitlines()[-1] == "[]", name
