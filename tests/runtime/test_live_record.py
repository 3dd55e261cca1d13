"""Takes: sound and face begin together, agree in length, and survive a crash."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile as sf

from pmmlink.curves import LIVELINK_61
from pmmlink.runtime.record import TakeRecorder
from pmmlink.types import CurveFrame

FPS = Fraction(30)


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def frame(index: int) -> CurveFrame:
    return CurveFrame(index, FPS, LIVELINK_61, np.full(61, 0.25, np.float32))


def test_sound_and_face_begin_at_the_same_frame(tmp_path: Path) -> None:
    # Position 100 lies between the frames 0 and 1; the take begins at frame 1, sample 534 of 16 kHz.
    take = TakeRecorder(tmp_path / "take", 100, 48_000, FPS, lambda _: None)
    sound = np.zeros(48_000, np.float32)
    sound[3 * 434 :] = 0.5
    for at in range(0, 48_000, 480):
        take.sound(sound[at : at + 480], 48_000, 0.0)
    for index in range(30):
        take.frame(frame(index))
    take.close()
    recorded, rate = sf.read(tmp_path / "take.wav")
    assert rate == 48_000
    assert len(recorded) == 48_000 - 3 * 434
    assert recorded[0] > 0.49
    lines = rows(tmp_path / "take.csv")
    assert len(lines) == 29
    assert lines[0][0] == "00:00:00:00.000"


def test_a_device_with_another_rate_keeps_sound_and_face_together(tmp_path: Path) -> None:
    take = TakeRecorder(tmp_path / "take.wav", 0, 48_000, FPS, lambda _: None)
    for rate in (48_000, 16_000, 44_100):
        for _ in range(100):
            take.sound(np.zeros(rate // 100, np.float32), rate, 0.0)
    take.close()
    assert len(sf.read(tmp_path / "take.wav")[0]) == 3 * 48_000


def test_an_existing_take_is_not_overwritten(tmp_path: Path) -> None:
    for _ in range(2):
        TakeRecorder(tmp_path / "take", 0, 16_000, FPS, lambda _: None).close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["take-2.csv", "take-2.wav", "take.csv", "take.wav"]


def test_a_killed_process_leaves_whole_files(tmp_path: Path) -> None:
    program = """
import sys, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from pmmlink.curves import LIVELINK_61
from pmmlink.runtime.record import TakeRecorder
from pmmlink.types import CurveFrame
take = TakeRecorder(Path(sys.argv[1]), 0, 16000, Fraction(30), print)
for k in range(10**6):
    take.sound(np.zeros(533, np.float32), 16000, 0.0)
    take.frame(CurveFrame(k, Fraction(30), LIVELINK_61, np.zeros(61, np.float32)))
    time.sleep(1 / 30)
"""
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "take")])
    path, deadline = tmp_path / "take.csv", time.monotonic() + 60
    while time.monotonic() < deadline and not (path.exists() and path.stat().st_size > 10_000):
        time.sleep(0.1)
    process.kill()
    process.wait()
    recorded, _ = sf.read(tmp_path / "take.wav")
    assert len(recorded) / 16_000 > 0.5
    assert abs(len(rows(path)) / 30 - len(recorded) / 16_000) < 0.3
    assert {len(row) for row in rows(path)} == {63}
