"""The C++ core shows the same faces as pmmlink/receiver: on the golden timelines, and on random ones."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Build

from pmmlink.receiver import Face, Receiver, State, Subject
from pmmlink.wire import livelink, osc

_STATES = (State.WAITING, State.LIVE, State.EASING, State.NEUTRAL)
_CASES = json.loads((ROOT / "tests" / "golden" / "receiver.json").read_text(encoding="utf-8"))["cases"]


@dataclass
class Script:
    """Packets and looks with explicit times, for either receiver."""

    buffer_us: int
    steps: list[tuple[str, int, bytes]] = field(default_factory=list)

    def packet(self, at_us: int, data: bytes) -> None:
        self.steps.append(("packet", at_us, data))

    def sample(self, at_us: int) -> None:
        self.steps.append(("sample", at_us, b""))

    def in_cpp(self, core: Build, smooth: bool = False) -> tuple[list[tuple[State, np.ndarray]], list[int]]:
        """The faces at the samples, and the final counters."""
        lines = [
            f"packet {at} {data.hex()}" if kind == "packet" else f"sample {at} Face"
            for kind, at, data in self.steps
        ]
        script = "\n".join([*lines, "counters Face"]) + "\n"
        out = core.run("pmmlink_replay", self.buffer_us, int(smooth), stdin=script).splitlines()
        rows = [line.split() for line in out]
        faces = [(_STATES[int(row[0])], np.array(row[2:], np.float32)) for row in rows[:-1]]
        return faces, [int(word) for word in rows[-1]]

    def in_python(self) -> tuple[list[Face | None], Subject]:
        receiver = Receiver(buffer_s=self.buffer_us * 1e-6)
        faces: list[Face | None] = []
        for kind, at, data in self.steps:
            if kind == "packet":
                receiver.push(data, at * 1e-6)
            else:
                subject = next(iter(receiver.subjects.values()), None)
                faces.append(subject.frame_at(at * 1e-6) if subject else None)
        return faces, next(iter(receiver.subjects.values()))


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["name"])
def test_the_golden_timelines_show_the_faces_they_should(core: Build, case: dict[str, Any]) -> None:
    script = Script(case["buffer_ms"] * 1000)
    expected = []
    for step in case["steps"]:
        at = _us(step["at"])
        if "frame" in step:
            f = step["frame"]
            values = (f["value"],) * 32
            message = osc.Frame("Face", f["session"], f["seq"], _us(f["capture"]), 30, 1, values)
            script.packet(at, osc.encode(message))
        elif "bye" in step:
            script.packet(at, osc.encode(osc.Bye("Face", step["bye"]["session"])))
        else:
            script.sample(at)
            expected.append((step["expect"], step["state"]))
    if not any(kind == "packet" for kind, _, _ in script.steps):
        script.packet(0, osc.encode(osc.Names("Face", ("JawOpen",))))
    faces, _ = script.in_cpp(core)
    for (state, values), (value, name) in zip(faces, expected, strict=True):
        assert state.value == name
        assert values == pytest.approx(value, abs=1e-5)


def _random_script(seed: int) -> Script:
    """A minute of two senders, with loss, jitter, reordering, duplicates, pauses, restarts and bye."""
    rng = random.Random(seed)
    script = Script(buffer_us=rng.choice((0, 20_000, 50_000, 120_000)))
    events: list[tuple[int, bytes | None]] = []
    jitter_us = rng.choice((0, 5_000, 60_000, 200_000))
    live_link = seed % 4 == 3
    drift = 1 + rng.choice((0, 2e-4, -2e-4))
    start = 1_000_000
    for session in (11, 12, 13):
        fps = Fraction(rng.choice((30, 60)))
        pause_us = 0
        frames = rng.randint(60, 200)
        device = f"phone {session}"
        for seq in range(frames):
            if rng.random() < 0.005:
                pause_us += rng.randint(100_000, 1_500_000)
            sent = round((start + pause_us + seq * 1_000_000 / fps) * drift)
            # A pause of the sender may or may not stop its clock.
            capture_us = round(seq * 1_000_000 / fps) + (pause_us if session == 12 else 0)
            count = 61 if live_link else rng.choice((32, 61)) if rng.random() < 0.01 else 32
            values = tuple(rng.uniform(-0.2, 1.2) for _ in range(count))
            if live_link:
                number, sub = divmod(capture_us * 60, 1_000_000)
                packet = livelink.Packet(device, "Face", number, sub / 1_000_000, 60, 1, values)
                data = livelink.encode(packet)
            else:
                frame = osc.Frame("Face", session, seq, capture_us, fps.numerator, fps.denominator, values)
                data = osc.encode(frame)
            for _ in range(rng.choices((0, 1, 2), (8, 88, 4))[0]):
                events.append((sent + rng.randint(0, jitter_us), data))
        if not live_link and rng.random() < 0.7:
            sent = round((start + pause_us + frames * 1_000_000 / fps) * drift)
            events.append((sent, osc.encode(osc.Bye("Face", session))))
        start += rng.randint(500_000, 9_000_000)
    last = max(at for at, _ in events)
    at = 900_000
    while at < last + 2_000_000:
        events.append((at, None))
        at += rng.randint(3_000, 40_000)
    for when, data in sorted(events, key=lambda event: event[0]):
        if data is None:
            script.sample(when)
        else:
            script.packet(when, data)
    return script


@pytest.mark.parametrize("seed", range(10))
def test_random_traffic_gives_the_same_faces_in_both_receivers(core: Build, seed: int) -> None:
    script = _random_script(seed)
    in_python, subject = script.in_python()
    in_cpp, counters = script.in_cpp(core)
    assert len(in_cpp) > 100
    for face, (state, values) in zip(in_python, in_cpp, strict=True):
        if face is None or face.state is State.WAITING:
            assert state is State.WAITING
            continue
        assert state is face.state
        assert values == pytest.approx(face.values, abs=2e-5)
    stats = subject.stats
    _, late, duplicate, foreign, unnamed, not_finite, reordered, lost, sessions = counters
    assert (late, duplicate, foreign) == (stats.late, stats.duplicates, stats.foreign)
    assert (unnamed, not_finite, reordered) == (stats.unnamed, 0, stats.reordered)
    assert (lost, sessions) == (stats.lost or 0, stats.sessions)
