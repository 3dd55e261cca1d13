"""``pmmlink listen`` as its users run it: a second process on a real port."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pmmlink.cli.listen_view import LinesView, MeterView, Report
from pmmlink.curves import LIVELINK_61
from pmmlink.receiver import Receiver, UdpListener
from pmmlink.retarget.rig_file import shipped_rig
from pmmlink.sinks import Fanout, make_sink
from pmmlink.types import CurveFrame
from pmmlink.wire import csv, osc
from pmmlink.wire.target import Target

FPS = Fraction(100)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def listening(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A listener that has bound its port."""
    command = [sys.executable, "-m", "pmmlink.cli", "listen", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout is not None
            assert "listening on" in process.stdout.readline()
            yield process
        finally:
            process.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pmmlink.cli", "listen", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False)


def frames(count: int) -> list[CurveFrame]:
    random = np.random.default_rng(7)
    return [CurveFrame(i, FPS, LIVELINK_61, random.random(61, dtype=np.float32)) for i in range(count)]


def play(url: str, sent: list[CurveFrame]) -> None:
    """Sends frames at their rate."""
    fanout = Fanout([make_sink(url)])
    fanout.open(LIVELINK_61, FPS, "Face")
    start_s = time.monotonic()
    for frame in sent:
        time.sleep(max(0.0, start_s + float(frame.index / FPS) - time.monotonic()))
        fanout.send(frame)
    fanout.close()


@pytest.mark.parametrize("scheme", ["osc", "livelink"])
def test_every_frame_of_a_play_arrives_in_order_in_a_second_process(scheme: str, tmp_path: Path) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}"
    path = tmp_path / "take.csv"
    sent = frames(150)
    with listening(url, "--json", "--record", str(path), "--duration", "4") as process:
        play(url, sent)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    lines = [json.loads(line) for line in output.splitlines()]
    (face,) = lines[-1]["summary"]["subjects"]
    assert (face["subject"], face["format"], face["curves"]) == ("Face", scheme, 61)
    assert face["received"] == 150
    assert face["lost"] == (0 if scheme == "osc" else None)
    assert face["reordered"] == face["late"] == face["duplicates"] == 0
    assert face["interval_ms"] == pytest.approx(10, abs=2)
    assert 0 < face["jitter_ms"] <= face["max_deviation_ms"] + 1e-3
    assert lines[-1]["summary"]["bad_packets"] == 0
    assert sum("time_s" in line for line in lines) >= 3
    take = csv.read(path.open(encoding="utf-8"), path.name)
    np.testing.assert_allclose(take.values, [frame.values for frame in sent], atol=1e-7)
    steps = np.diff([float(time_s) for time_s in take.times])
    np.testing.assert_allclose(steps, 0.01, atol=5e-5)


@pytest.mark.parametrize("rig", ["vrm", "cc4"])
def test_a_stream_of_another_rig_is_heard_and_its_recording_warned_of(rig: str, tmp_path: Path) -> None:
    url = f"osc://127.0.0.1:{free_port()}"
    curves = shipped_rig(rig).curves
    with listening(url, "--json", "--record", str(tmp_path / "take.csv"), "--duration", "4") as process:
        sink = make_sink(url)
        sink.open(curves, FPS, "Face")
        with sink:
            for k in range(120):
                sink.send(CurveFrame(k, FPS, curves, np.full(len(curves), 0.5, np.float32)))
                time.sleep(0.01)
        output, _ = process.communicate(timeout=30)
    lines = [json.loads(line) for line in output.splitlines()]
    (face,) = lines[-1]["summary"]["subjects"]
    assert face["curves"] == len(curves)
    assert face["received"] + face["unnamed"] >= 100
    assert any("sends curves of another rig" in line.get("event", "") for line in lines)


@pytest.mark.skipif(
    sys.platform == "win32", reason="a test cannot press Ctrl-C in a single process on Windows"
)
def test_ctrl_c_ends_with_a_summary_and_a_finished_recording(tmp_path: Path) -> None:
    url = f"osc://127.0.0.1:{free_port()}"
    path = tmp_path / "take.csv"
    with listening(url, "--record", str(path)) as process:
        play(url, frames(30))
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert f"recorded 30 frames to {path}" in output
    assert "30 frames, 0 lost, 0 reordered" in output
    assert "jitter" in output
    assert "said bye" in output
    assert len(path.read_text(encoding="utf-8").splitlines()) == 31


def test_a_line_a_second_is_printed_where_there_is_no_terminal() -> None:
    result = run(f"osc://127.0.0.1:{free_port()}", "--duration", "2.5")
    waiting = [line for line in result.stdout.splitlines() if line.endswith("nothing received")]
    assert len(waiting) == 2


def test_hearing_nothing_is_a_fault_that_says_what_to_check() -> None:
    port = free_port()
    result = run(f"osc://127.0.0.1:{port}", "--duration", "0.2")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"no frame arrived on osc://127.0.0.1:{port} in 0.2 s" in result.stderr
    assert "--bind 0.0.0.0" in result.stderr


def test_a_port_in_use_is_one_line_and_exit_2() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = run(f"osc://127.0.0.1:{port}")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is in use" in result.stderr
    assert "listen elsewhere and send there: pmmlink listen osc://127.0.0.1:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://127.0.0.1"], "not one of osc://127.0.0.1:8000 or livelink://127.0.0.1:11111"),
        (["osc://127.0.0.1:99999"], "1 to 65535"),
        (["osc://127.0.0.1?curves=32"], "no options"),
        (["osc://", "--bind", "192.0.2.1"], "no address of this machine"),
        (["--record", "take.txt"], "name a .csv file"),
        (["osc://127.0.0.1:{port}", "--record", "missing/take.csv"], "create it first"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(arguments: list[str], said: str) -> None:
    result = run(*(argument.format(port=free_port()) for argument in arguments))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def drawn(view_of: type[LinesView], messages: list[bytes], events: int = 0) -> str:
    """What a view prints for a port that has heard ``messages`` a moment ago."""
    screen = io.StringIO()
    console = Console(
        file=screen, force_terminal=view_of is MeterView, width=140, color_system=None, markup=False
    )
    view = view_of(console)
    receiver = Receiver(on_event=view.event)
    with UdpListener(Target("osc", "127.0.0.1", free_port(), {})) as listener:
        report = Report(
            listener=listener, receiver=receiver, target=Target("osc", "127.0.0.1", 8000, {}), started_s=0.0
        )
        with view.showing(report):
            for data in messages:
                receiver.push(data, 1.0, "10.0.0.1:5000")
            for i in range(events):
                view.event(f"event {i}")
            view.tick(report, 1.0)
            view.tick(report, 2.1)
        view.summary(report, 2.1)
    return screen.getvalue()


def message(subject: str, jaw_open: float) -> bytes:
    values = tuple(jaw_open if name == "jawOpen" else 0.0 for name in LIVELINK_61.names)
    return osc.encode(osc.Frame(subject, 1, 0, 0, 30, 1, values))


def test_a_terminal_shows_a_meter_for_each_main_curve() -> None:
    text = drawn(MeterView, [message("Ada [bold]", 0.75)])
    assert "osc Ada [bold] from 10.0.0.1:5000" in text
    assert "61 curves  live" in text
    assert "mouth opening" in text
    jaw = next(line for line in text.splitlines() if "jawOpen" in line)
    assert "0.75" in jaw
    assert "mouthPucker" in text


def test_many_subjects_do_not_fill_the_screen() -> None:
    text = drawn(MeterView, [message(f"Face {i}", 0.5) for i in range(5)])
    heads = {line.split(" from ")[0].strip() for line in text.splitlines() if "61 curves" in line}
    assert heads == {"osc Face 0", "osc Face 1", "osc Face 2"}
    assert "and 2 more subjects" in text


def test_a_flood_of_events_is_cut_and_counted() -> None:
    text = drawn(LinesView, [b"junk"], events=1000)
    assert sum(line.startswith("event ") for line in text.splitlines()) == 9
    assert "and 991 more events" in text
    assert "1 bad packets, the last: OSC" in text
