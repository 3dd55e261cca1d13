"""pmmlink's own sinks send over real sockets to the C++ core in another process."""

from __future__ import annotations

import heapq
import random
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import Build

from pmmlink.curves import LIVELINK_61, ROTATIONS
from pmmlink.sinks import make_sink
from pmmlink.types import CurveFrame, FloatArray

FPS = Fraction(30)
LIVE, EASING, NEUTRAL = 1, 2, 3
_HEAD = struct.Struct("=qqii")
_ANGLE = np.array([name in ROTATIONS for name in LIVELINK_61.names])


@dataclass
class Sample:
    """A face as the core showed it: monotonic time in seconds, newest frame, state, 61 values."""

    at: float
    seq: int
    state: int
    values: FloatArray


@dataclass
class CoreProcess:
    """``pmmlink_receive`` while it runs, and what it recorded afterwards."""

    port: int
    record: Path
    process: subprocess.Popen[str]
    summary: str = ""
    samples: list[Sample] = field(default_factory=list)

    def wait_for_bytes(self, size: int) -> None:
        """Until the record has grown so far."""
        deadline = time.monotonic() + 60
        while self.record.stat().st_size < size:
            assert time.monotonic() < deadline, (
                "the core does not keep up, or datagrams were lost on loopback"
            )
            time.sleep(0.001)


@contextmanager
def receiving(core: Build, tmp_path: Path, buffer_us: int, rate: int) -> Iterator[CoreProcess]:
    """The core in another process until the block ends; then its record is read."""
    record = tmp_path / "faces.bin"
    command = [core.program("pmmlink_receive"), "0", str(buffer_us), str(rate), str(record)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    running = CoreProcess(int(process.stdout.readline()), record, process)
    try:
        yield running
        running.summary, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
    data = record.read_bytes()
    at = 0
    while at < len(data):
        time_us, seq, state, count = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        values = np.frombuffer(data, np.float32, count, at)
        at += 4 * count
        running.samples.append(Sample(time_us * 1e-6, seq, state, values))


def random_frame(index: int, rng: np.random.Generator) -> CurveFrame:
    values = np.where(_ANGLE, rng.uniform(-1, 1, 61), rng.uniform(0, 1, 61)).astype(np.float32)
    return CurveFrame(index, FPS, LIVELINK_61, values)


def waves(seconds: float) -> FloatArray:
    """61 smooth curves with periods of 0.4 to 2 seconds."""
    speed = 2 * np.pi / np.linspace(0.4, 2.0, 61)
    return (0.5 + 0.4 * np.sin(seconds * speed)).astype(np.float32)


@pytest.mark.parametrize("scheme", ["osc", "livelink"])
def test_every_curve_of_ten_thousand_frames_arrives_unchanged(
    core: Build, tmp_path: Path, scheme: str
) -> None:
    rng = np.random.default_rng(7)
    sent: list[FloatArray] = []
    record_bytes = _HEAD.size + 4 * 61
    with receiving(core, tmp_path, buffer_us=0, rate=0) as running:
        sink = make_sink(f"{scheme}://127.0.0.1:{running.port}")
        sink.open(LIVELINK_61, FPS, "Face")
        for index in range(10_000):
            frame = random_frame(index, rng)
            sink.send(frame)
            sent.append(frame.values)
            if index % 50 == 49:
                # UDP has no flow control: a busy machine must not turn into lost datagrams.
                running.wait_for_bytes((index + 1) * record_bytes)
        sink.close()
    shown: dict[int, FloatArray] = {}
    for sample in running.samples:
        if sample.state == LIVE:
            shown.setdefault(sample.seq, sample.values)
    assert len(shown) == 10_000
    received = np.array([shown[seq] for seq in sorted(shown)])
    assert np.abs(received - np.array(sent)).max() <= 1e-6
    assert running.summary.startswith("accepted 10000 lost 0 late 0 duplicate 0 reordered 0 malformed 0")


class Relay:
    """Passes datagrams on like a bad network: loses, doubles, delays, and so reorders them."""

    def __init__(self, to_port: int, seed: int) -> None:
        self.last_sent = 0.0
        self.lost = 0
        self._rng = random.Random(seed)
        self._to = ("127.0.0.1", to_port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._waiting: list[tuple[float, int, bytes]] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Ends when everything that was held back has been passed on."""
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        number = 0
        while self._waiting or not self._stopping:
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                self.last_sent = time.monotonic()
                self._socket.sendto(heapq.heappop(self._waiting)[2], self._to)
            self._socket.settimeout(
                max(0.001, min(0.02, self._waiting[0][0] - now)) if self._waiting else 0.02
            )
            try:
                data = self._socket.recv(65536)
            except (TimeoutError, ConnectionError):
                continue
            copies = self._rng.choices((0, 1, 2), (10, 85, 5))[0]
            self.lost += copies == 0
            for _ in range(copies):
                number += 1
                heapq.heappush(self._waiting, (time.monotonic() + self._rng.uniform(0, 0.08), number, data))


@pytest.mark.parametrize("buffer_ms", [20, 100])
def test_a_bad_network_neither_crashes_nor_jerks_and_the_face_relaxes_when_the_stream_dies(
    core: Build, tmp_path: Path, buffer_ms: int
) -> None:
    with receiving(core, tmp_path, buffer_us=buffer_ms * 1000, rate=120) as running:
        relay = Relay(running.port, seed=buffer_ms)
        sink = make_sink(f"osc://127.0.0.1:{relay.port}")
        sink.open(LIVELINK_61, FPS, "Face")
        start = time.monotonic()
        for index in range(150):
            time.sleep(max(0.0, start + index / 30 - time.monotonic()))
            sink.send(CurveFrame(index, FPS, LIVELINK_61, waves(index / 30)))
        # No close(): the stream dies without a bye.
        relay.stop()
        time.sleep(1.2)
    assert relay.lost > 0
    assert "malformed 0" in running.summary
    samples = running.samples
    assert len(samples) > 300
    _check_steps(samples)
    first_neutral = next(s.at for s in samples if s.state == NEUTRAL and s.at > relay.last_sent)
    assert first_neutral >= relay.last_sent + 0.75
    late = first_neutral - (relay.last_sent + 0.75)
    assert late < 0.05, f"neutral {late * 1000:.0f} ms late"
    assert np.all(samples[-1].values == 0)
    before = [s for s in samples if relay.last_sent + 0.25 < s.at < relay.last_sent + 0.74]
    assert all(s.state != NEUTRAL for s in before)


def _check_steps(samples: list[Sample]) -> None:
    """No step is larger than moving to the shown frame within one frame's time allows, plus the ease."""
    frame_s = float(1 / FPS)
    per_frame = max(float(np.abs(waves((i + 1) / 30) - waves(i / 30)).max()) for i in range(150))
    shown = [s for s in samples if s.seq >= 0]
    gap = max(b.seq - a.seq for a, b in pairwise(shown))
    # The face starts from neutral; after that it is at most one frame behind the one it left.
    first = shown[0].at
    for a, b in pairwise(shown):
        elapsed = b.at - a.at
        way = 1.0 if a.at < first + 2 * frame_s else (gap + 1) * per_frame
        allowed = elapsed / frame_s * way + elapsed * 3.0
        assert float(np.abs(b.values - a.values).max()) <= allowed + 1e-4
