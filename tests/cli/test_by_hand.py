"""``pmmlink calibrate --by-hand`` as a user runs it, without a browser."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pmmlink.curves import MODEL_32
from pmmlink.retarget import load_profile
from pmmlink.sinks.csv import CsvSink
from pmmlink.types import CurveFrame


@pytest.fixture
def take(tmp_path: Path) -> Path:
    sink = CsvSink(tmp_path / "take.csv")
    sink.open(MODEL_32, Fraction(30), "test")
    with sink:
        for k in range(12):
            sink.send(CurveFrame(k, Fraction(30), MODEL_32, np.full(32, k / 24, np.float32)))
    return tmp_path / "take.csv"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def tuned(take: Path, port: int, tmp_path: Path) -> Iterator[str]:
    """Where ``--by-hand anna.yaml take.csv`` serves its page."""
    command = [sys.executable, "-m", "pmmlink.cli", "calibrate", "--by-hand", "anna.yaml", str(take)]
    running = subprocess.Popen(
        [*command, "--port", str(port), "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    )
    try:
        assert running.stdout is not None
        line = running.stdout.readline()
        assert f"open http://127.0.0.1:{port}/" in line, line
        yield f"http://127.0.0.1:{port}"
    finally:
        running.kill()
        running.communicate()


def test_a_new_profile_is_tuned_over_a_take_and_saved(tuned: str, tmp_path: Path) -> None:
    with urllib.request.urlopen(f"{tuned}/session.json", timeout=10) as answer:
        session = json.load(answer)
    assert session["take"]["frames"] == 12
    assert session["tuning"]["groups"]["jaw"] == ["jawForward", "jawLeft", "jawRight", "jawOpen"]
    assert not (tmp_path / "anna.yaml").exists()
    connection = http.client.HTTPConnection(tuned.removeprefix("http://"), timeout=10)
    headers = {"Origin": tuned, "Content-Type": "application/json"}
    for message in ({"do": "set", "curve": "mouthSmile", "settings": {"gain": 1.4}}, {"do": "save"}):
        connection.request("POST", "/edit", json.dumps(message), headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    profile = load_profile(tmp_path / "anna.yaml")
    assert profile.name == "anna"
    assert profile.setting("mouthSmileLeft").gain == 1.4
    # An editor's change is taken over within a second or two.
    text = (tmp_path / "anna.yaml").read_text(encoding="utf-8")
    (tmp_path / "anna.yaml").write_text(text.replace("1.4", "1.75"), encoding="utf-8")
    deadline = time.monotonic() + 20
    gain = 0.0
    while gain != 1.75:
        connection.request("POST", "/edit", json.dumps({"do": "compare", "on": True}), headers)
        state = json.load(connection.getresponse())
        gain = state["curves"]["mouthSmileLeft"]["gain"]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    connection.close()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--by-hand", "metahumn"], "--by-hand metahumn: no such profile; a new one must end in .yaml"),
        (["--by-hand", "no/anna.yaml"], "the folder no does not exist"),
        (["--by-hand", "metahuman", "-o", "anna.txt"], "anna.txt: must end in .yaml or .yml"),
        (["--by-hand", "anna.yaml", "gone.csv"], "gone.csv: cannot be read"),
        (["--by-hand", "anna.yaml", "--neutral", "rest.csv"], "--by-hand goes with a take"),
        (["--by-hand", "anna.yaml", "gone.wav"], "gone.wav"),
        (["--by-hand", "anna.yaml", "a.wav", "--audio", "b.wav"], "--audio goes with a TAKE.csv"),
        (["take.csv", "--audio", "take.wav"], "name the profile to write: -o anna.yaml"),
    ],
)
def test_what_cannot_be_tuned_is_refused_in_one_line(
    pmmlink: Callable[..., object], args: list[str], message: str
) -> None:
    ended = pmmlink("calibrate", *args, "--port", "1")
    assert ended.code == 2
    assert message in ended.err.replace("\\", "/")
    assert ended.err.count("\n") == 1
