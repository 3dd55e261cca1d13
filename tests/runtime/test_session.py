"""A session sends what is pushed to real sinks and ends them well."""

from __future__ import annotations

import csv
import socket
from pathlib import Path

import numpy as np
import pytest

from pmmlink.errors import ProfileError, TargetError
from pmmlink.runtime.session import Session
from pmmlink.testing import LoudnessAnimator


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def speech(seconds: float, rate: int) -> np.ndarray:
    return (0.3 * np.sin(np.arange(round(seconds * rate)) / 20)).astype(np.float32)


def broken_off(out: Path, by: BaseException) -> None:
    with Session([str(out)], animator=LoudnessAnimator()) as session:
        session.push(speech(1.0, 16_000))
        raise by


def test_pushed_speech_reaches_a_file_and_a_receiver(tmp_path: Path) -> None:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(2)
    out = tmp_path / "take.csv"
    targets = [str(out), f"osc://127.0.0.1:{receiver.getsockname()[1]}"]
    with Session(
        targets, rate_hz=24_000, subject="Anna", animator=LoudnessAnimator(), lossless=True
    ) as session:
        for block in np.array_split(speech(1.0, 24_000), 37):
            session.push(block)
        session.flush()
    assert [stats.sent for stats in session.stats.values()] == [30, 30]
    assert len(rows(out)) == 31
    kinds = []
    while not kinds or kinds[-1] != b"/pmmlink/1/bye":
        kinds.append(receiver.recv(65536).split(b"\0")[0])
    receiver.close()
    assert kinds.count(b"/pmmlink/1/frame") == 30


def test_an_error_inside_leaves_no_half_made_file(tmp_path: Path) -> None:
    out = tmp_path / "take.csv"
    with pytest.raises(ZeroDivisionError):
        broken_off(out, ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []


def test_breaking_off_keeps_the_take_and_closes_the_mouth(tmp_path: Path) -> None:
    out = tmp_path / "take.csv"
    with pytest.raises(KeyboardInterrupt):
        broken_off(out, KeyboardInterrupt())
    table = rows(out)
    jaw = table[0].index("JawOpen")
    assert float(table[10][jaw]) > 0.1
    assert float(table[-1][jaw]) == 0.0


def test_what_is_wrong_is_said_before_a_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(TargetError):
        Session(["gopher://127.0.0.1:70"])
    with pytest.raises(ProfileError):
        Session([], profile=tmp_path / "nobody.yaml")
