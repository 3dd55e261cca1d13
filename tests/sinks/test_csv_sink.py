"""Takes on disk: whole or not at all."""

from __future__ import annotations

import itertools
import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from receivers import FPS, make_frame

from pmmlink.curves import LIVELINK_61
from pmmlink.errors import RuntimeFault, TargetError
from pmmlink.sinks.csv import CsvSink
from pmmlink.wire import csv


def partials(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.partial"))


def send_all(sink: CsvSink, count: int) -> None:
    for index in range(count):
        sink.send(make_frame(index))


def break_off(sink: CsvSink) -> None:
    with sink:
        send_all(sink, 5)
        raise RuntimeFault("the sound broke off")


def test_a_take_reads_back_as_it_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    frames = [make_frame(i, jawLeft=i / 64, mouthRight=0.5, headYaw=-0.25) for i in range(30)]
    sink = CsvSink(path)
    sink.open(LIVELINK_61, FPS, "Face")
    with sink:
        for frame in frames:
            sink.send(frame)
    take = csv.read(path.open(encoding="utf-8"), path.name)
    assert take.times == tuple(Fraction(i, 30) for i in range(30))
    np.testing.assert_allclose(take.values, [frame.values for frame in frames], atol=1e-9)
    assert sink.stats.sent == 30
    assert os.listdir(tmp_path) == ["take.csv"]


def test_the_file_appears_only_when_the_take_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    path.write_text("the take before", encoding="utf-8")
    sink = CsvSink(path)
    sink.open(LIVELINK_61, FPS, "Face")
    sink.send(make_frame(0))
    assert path.read_text(encoding="utf-8") == "the take before"
    assert len(partials(tmp_path)) == 1
    sink.close()
    assert path.read_text(encoding="utf-8").startswith("Timecode,BlendshapeCount,")
    assert partials(tmp_path) == []


def test_a_second_of_frames_is_on_disk_before_the_take_ends(tmp_path: Path) -> None:
    now_s = 0.0
    sink = CsvSink(tmp_path / "take.csv", clock=lambda: now_s)
    sink.open(LIVELINK_61, FPS, "Face")
    for index in range(32):
        now_s = index / 30
        sink.send(make_frame(index))
    lines = partials(tmp_path)[0].read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 1 + 31
    sink.abort()


def test_a_failed_take_leaves_nothing_behind(tmp_path: Path) -> None:
    sink = CsvSink(tmp_path / "take.csv")
    sink.open(LIVELINK_61, FPS, "Face")
    with pytest.raises(RuntimeFault, match="the sound broke off"):
        break_off(sink)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing/take.csv", "does not exist; create it first"),
        ("folder.csv", "is a folder; name a file in it"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(TargetError, match=said):
        CsvSink(tmp_path / name).open(LIVELINK_61, FPS, "Face")
    assert partials(tmp_path) == []


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root and Windows write read-only folders"
)
def test_a_read_only_folder_is_refused_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(TargetError, match="cannot be written"):
            CsvSink(tmp_path / "take.csv").open(LIVELINK_61, FPS, "Face")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_disk_that_is_full_from_the_start_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / f"take.csv.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(TargetError, match="No space left"):
        CsvSink(tmp_path / "take.csv").open(LIVELINK_61, FPS, "Face")
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_up_is_a_fault_that_says_where_the_take_is(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limit on file sizes to be had here")
    sink = CsvSink(tmp_path / "take.csv", clock=itertools.count().__next__)
    sink.open(LIVELINK_61, FPS, "Face")
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, unlimited[1]))
    try:
        with pytest.raises(RuntimeFault, match=r"cannot be written any more .*in take\.csv\.\d+\.partial"):
            send_all(sink, 100)
        sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert not (tmp_path / "take.csv").exists()
    assert 10 < len(partials(tmp_path)[0].read_text(encoding="utf-8").splitlines()) < 50


def test_a_file_that_cannot_be_replaced_is_a_fault_and_the_take_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    sink = CsvSink(path)
    sink.open(LIVELINK_61, FPS, "Face")
    sink.send(make_frame(0))
    path.mkdir()  # stands for a file that another program holds open
    with pytest.raises(RuntimeFault, match=r"the take so far is in take\.csv\.\d+\.partial"):
        sink.close()
    assert len(partials(tmp_path)[0].read_text(encoding="utf-8").splitlines()) == 2
