"""``pmmlink live`` as a user runs it: in a process of its own, over real pipes and sockets."""

from __future__ import annotations

import csv
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from pmmlink.wire.osc import Bye, Frame, decode

Run = Callable[..., Any]


def received(listener: socket.socket) -> list[Any]:
    messages = []
    listener.setblocking(False)
    while True:
        try:
            messages.append(decode(listener.recv(65536)))
        except BlockingIOError:
            return messages


@pytest.mark.slow
def test_speech_through_a_pipe_reaches_a_receiver_and_a_take(
    weights: Path, speech: Path, tmp_path: Path
) -> None:
    sound, rate = sf.read(speech, dtype="int16")
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    listener.bind(("127.0.0.1", 0))
    url = f"osc://127.0.0.1:{listener.getsockname()[1]}"
    command = [sys.executable, "-m", "pmmlink.cli", "live", "--stdin", "--rate", str(rate), "--json"]
    command += ["--weights", str(weights), "--to", url, "--record", str(tmp_path / "take")]
    ended = subprocess.run(
        command, input=sound[:, 0].tobytes(), capture_output=True, timeout=240, cwd=tmp_path, check=False
    )
    assert ended.returncode == 0, ended.stderr
    messages = received(listener)
    frames = [message for message in messages if isinstance(message, Frame)]
    # A computer that cannot keep up drops frames, and says so.
    assert len(frames) > 5
    assert np.all(np.diff([frame.seq for frame in frames]) >= 1)
    assert isinstance(messages[-1], Bye)
    lines = [json.loads(line) for line in ended.stdout.decode().splitlines()]
    assert {line["type"] for line in lines} == {"event", "status"}
    assert lines[-1]["text"] == "end"
    last = [line for line in lines if line["type"] == "status"][-1]
    assert last["frames"] + last["dropped"] > 30
    take, take_rate = sf.read(tmp_path / "take.wav")
    with (tmp_path / "take.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert take_rate == rate
    assert rows[0][0] == "00:00:00:00.000"
    assert abs(len(take) / rate - len(rows) / 30) < 0.5


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "name one source of sound: --mic [DEVICE], --stdin or --ws PORT"),
        (["--stdin", "--ws", "9000"], "name one source of sound"),
        (["speech.wav", "--stdin"], "a sound file goes with pmmlink play"),
        (["speech.wav"], "a sound file goes with pmmlink play"),
        (["--stdin", "--rate", "12"], "--rate 12: expected a whole number from 8000 to 192000"),
        (["--stdin", "--format", "mp3"], "--format mp3: expected s16le or f32le"),
        (["--stdin", "--gain", "loud"], "--gain loud: expected auto or a number of dB"),
        (["--stdin", "--latency", "none"], "--latency none: expected low or balanced or quality"),
        (["--ws", "70000"], "--ws 70000: a port is a number"),
        (["--stdin", "--record", "nowhere/take"], "the folder nowhere does not exist"),
        (["--stdin", "--to", "smoke://x"], "smoke"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(pmmlink: Run, arguments: list[str], reason: str) -> None:
    ended = pmmlink("live", *arguments)
    assert ended.code == 2
    assert reason in ended.err
    assert ended.err.count("\n") == 1


def test_a_pipe_that_nothing_comes_through_is_an_error_of_one_line(weights: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pmmlink.cli", "live", "--stdin", "--rate", "16000"]
    command += ["--weights", str(weights), "--to", "osc://127.0.0.1:9"]
    ended = subprocess.run(command, input=b"", capture_output=True, timeout=240, cwd=tmp_path, check=False)
    assert ended.returncode == 2
    said = ended.stderr.decode().splitlines()
    assert said[-1].startswith("pmmlink: standard input ended without any sound")


def test_a_missing_microphone_is_said_in_one_line(pmmlink: Run) -> None:
    ended = pmmlink("live", "--mic", "no microphone has this name")
    assert ended.code in (1, 2)
    assert ended.err.count("\n") == 1
    assert "microphone" in ended.err or "PortAudio" in ended.err
