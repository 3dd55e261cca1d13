"""``pmmlink preview`` as a user runs it, without a browser."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from fractions import Fraction

import numpy as np
import pytest

from pmmlink.cli.app import main
from pmmlink.curves import MODEL_32
from pmmlink.sinks.csv import CsvSink
from pmmlink.types import CurveFrame


def _free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def take(tmp_path):
    sink = CsvSink(tmp_path / "take.csv")
    sink.open(MODEL_32, Fraction(30), "test")
    with sink:
        for k in range(12):
            sink.send(CurveFrame(k, Fraction(30), MODEL_32, np.full(32, k / 12, np.float32)))
    return tmp_path / "take.csv"


def _run_until_served(arguments: list[str], port: int) -> tuple[subprocess.Popen[str], dict]:
    command = [sys.executable, "-m", "pmmlink.cli", "preview", *arguments, "--port", str(port), "--no-open"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/session.json", timeout=5) as answer:
                return running, json.load(answer)
        except OSError:
            assert running.poll() is None, running.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_take_is_served_until_the_time_is_over(take):
    running, session = _run_until_served([str(take), "--duration", "3"], _free_port())
    assert session["title"] == "take.csv"
    assert session["take"] == {"frames": 12, "fps": 30.0, "sound": False}
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert "open http://127.0.0.1:" in out


def test_a_receiver_is_served_and_its_port_is_taken():
    osc, port = _free_port(socket.SOCK_DGRAM), _free_port()
    running, session = _run_until_served(["--listen", f"osc://127.0.0.1:{osc}", "--duration", "3"], port)
    assert session["take"] is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match=r"."):
        other.bind(("127.0.0.1", osc))
    assert running.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a take to play, or --listen"),
        (["take.csv", "--listen", "osc://127.0.0.1:8000"], "name a take to play, or --listen"),
        (["gone.csv"], "gone.csv: cannot be read"),
        (["take.csv", "--audio", "gone.wav"], "gone.wav"),
        (["take.csv", "--audio", "take.csv"], "browsers play"),
        (["take.csv", "--bind", "0.0.0.0"], "--bind goes with --listen"),
        (["--listen", "udp://x"], "osc://127.0.0.1:8000"),
        (["--listen", "osc://127.0.0.1:8000", "--audio", "x.wav"], "--audio goes with a take"),
        (["take.csv", "--host", "203.0.113.7"], "cannot listen there"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(take, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(take.parent)
    monkeypatch.setattr(sys, "argv", ["pmmlink", "preview", "--no-open", "--duration", "1", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
