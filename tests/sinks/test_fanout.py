"""Several sinks at once: none delays, loses for, or ends another."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from receivers import FPS, Inbox, free_port, make_frame

from pmmlink.curves import LIVELINK_61
from pmmlink.errors import RuntimeFault, TargetError
from pmmlink.sinks import Fanout, Sink, make_sink
from pmmlink.sinks.fanout import NETWORK_QUEUE, PATIENCE_S
from pmmlink.sinks.osc import OscSink
from pmmlink.types import CurveFrame
from pmmlink.wire import csv, osc
from pmmlink.wire.target import parse_target


class HangingSink(OscSink):
    """A network sink whose way out blocks until it is let go, as a name server that does not answer does."""

    def __init__(self, port: int) -> None:
        super().__init__(parse_target(f"osc://127.0.0.1:{port}"))
        self.go = threading.Event()

    def _send(self, frame: CurveFrame) -> bool:
        self.go.wait()
        return super()._send(frame)


class BrokenSink(OscSink):
    """A network sink with a programming error."""

    def _send(self, frame: CurveFrame) -> bool:
        raise ZeroDivisionError(frame.index)


def opened(sinks: list[Sink], **options: object) -> Fanout:
    fanout = Fanout(sinks, **options)  # type: ignore[arg-type]
    fanout.open(LIVELINK_61, FPS, "Face")
    return fanout


def frames_in(inbox: Inbox) -> list[osc.Frame]:
    return [message for data in inbox if isinstance(message := osc.decode(data), osc.Frame)]


def test_a_live_port_beside_a_refused_one_gets_every_frame_on_time() -> None:
    refused = f"osc://127.0.0.1:{free_port()}"
    events: list[str] = []
    with Inbox() as inbox:
        live = f"osc://127.0.0.1:{inbox.port}"
        fanout = opened([make_sink(refused), make_sink(live)], on_event=events.append)
        sent_at: list[float] = []
        arrived: list[tuple[float, bytes]] = []
        reader = threading.Thread(target=lambda: arrived.extend(inbox.timed(61)))  # names and frames
        reader.start()
        for index in range(60):
            sent_at.append(time.monotonic())
            fanout.send(make_frame(index, jawOpen=index / 64))
            time.sleep(0.005)
        reader.join(timeout=5)
        fanout.close()
    got = [(at, m) for at, data in arrived if isinstance(m := osc.decode(data), osc.Frame)]
    assert [message.seq for _, message in got] == list(range(60))
    lateness = [at - sent_at[message.seq] for at, message in got]
    assert float(np.median(lateness)) < 0.05
    assert fanout.stats[live].sent == 60
    assert fanout.stats[live].dropped == fanout.stats[live].errors == 0
    assert fanout.stats[refused].errors > 50
    assert [event for event in events if live in event] == []
    assert len([event for event in events if "nobody listens" in event]) == 1


def test_a_sink_that_hangs_delays_neither_the_sender_nor_the_others_and_keeps_the_newest_frames() -> None:
    with Inbox() as inbox, Inbox() as behind:
        hanging = HangingSink(behind.port)
        live = f"osc://127.0.0.1:{inbox.port}"
        events: list[str] = []
        fanout = opened([hanging, make_sink(live)], on_event=events.append)
        slowest_s = 0.0
        count = 3 * NETWORK_QUEUE
        for index in range(count):
            before = time.monotonic()
            fanout.send(make_frame(index))
            slowest_s = max(slowest_s, time.monotonic() - before)
            time.sleep(0.001)
        assert [frame.seq for frame in frames_in(inbox)] == list(range(count))
        assert slowest_s < 0.5
        assert events == [f"{hanging.url}: does not keep up; its oldest frames are dropped"]
        hanging.go.set()
        fanout.close()
        late = frames_in(behind)
        assert late[-1].time_us == round((count - 1) * 1e6 / 30)
        assert len(late) == NETWORK_QUEUE + 1
        assert fanout.stats[hanging.url].dropped == count - len(late)


def test_a_lossless_stream_loses_nothing_however_fast_it_is(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    count = 2000
    received: list[int] = []
    with Inbox(patience_s=1.0) as inbox:
        reader = threading.Thread(target=lambda: received.extend(frame.seq for frame in frames_in(inbox)))
        reader.start()
        fanout = opened([make_sink(str(path)), make_sink(f"osc://127.0.0.1:{inbox.port}")], lossless=True)
        for index in range(count):
            fanout.send(make_frame(index))
        fanout.close(timeout_s=30)
        reader.join(timeout=30)
    take = csv.read(path.open(encoding="utf-8"), "take.csv")
    assert len(take.times) == count
    assert {stats.dropped for stats in fanout.stats.values()} == {0}
    assert {stats.sent for stats in fanout.stats.values()} == {count}
    # The sockets of a machine may still drop what is read too slowly; what came is in order.
    assert received == sorted(set(received))


def test_a_lossless_stream_does_not_wait_for_ever_for_a_network_sink_that_hangs() -> None:
    with Inbox() as inbox:
        hanging = HangingSink(inbox.port)
        fanout = opened([hanging], lossless=True)
        before = time.monotonic()
        for index in range(2 * NETWORK_QUEUE):
            fanout.send(make_frame(index))
        waited_s = time.monotonic() - before
        hanging.go.set()
        fanout.close()
    assert PATIENCE_S - 0.1 < waited_s < 3 * PATIENCE_S
    assert fanout.stats[hanging.url].dropped >= NETWORK_QUEUE - 1


def test_closing_sends_what_is_queued_and_then_bye() -> None:
    with Inbox() as inbox:
        fanout = opened([make_sink(f"osc://127.0.0.1:{inbox.port}")])
        for index in range(20):
            fanout.send(make_frame(index))
        fanout.close()
        messages = [osc.decode(data) for data in inbox]
    assert sum(isinstance(message, osc.Frame) for message in messages) == 20
    assert isinstance(messages[-1], osc.Bye)
    fanout.close()


def test_closing_leaves_a_hanging_sink_behind_after_the_timeout_and_says_so() -> None:
    events: list[str] = []
    hanging = HangingSink(free_port())
    fanout = opened([hanging], on_event=events.append)
    for index in range(3):
        fanout.send(make_frame(index))
    before = time.monotonic()
    fanout.close(timeout_s=0.2)
    assert time.monotonic() - before < 1
    assert events == [f"{hanging.url}: did not end within 0.2 s; 2 frames lost"]
    hanging.go.set()


def test_a_fault_in_one_sink_is_reported_once_and_the_others_go_on() -> None:
    events: list[str] = []
    with Inbox() as inbox:
        broken = BrokenSink(parse_target("osc://127.0.0.1:9"))
        fanout = opened([broken, make_sink(f"osc://127.0.0.1:{inbox.port}")], on_event=events.append)
        for _ in range(10):
            fanout.send(make_frame(7))
            time.sleep(0.001)
        fanout.close()
        assert len(frames_in(inbox)) == 10
    assert fanout.stats[broken.url].dropped == 10
    assert fanout.stats[broken.url].errors == 10
    assert events == ["osc://127.0.0.1:9: ZeroDivisionError(7)"]


def test_a_file_that_fails_ends_as_a_fault_after_the_others_have_ended(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    with Inbox() as inbox:
        fanout = opened([make_sink(str(path)), make_sink(f"osc://127.0.0.1:{inbox.port}")])
        fanout.send(make_frame(0))
        path.mkdir()
        with pytest.raises(RuntimeFault, match="the take so far is in"):
            fanout.close()
        assert isinstance([osc.decode(data) for data in inbox][-1], osc.Bye)


def test_a_stream_that_failed_leaves_no_file(tmp_path: Path) -> None:
    fanout = opened([make_sink(str(tmp_path / "take.csv"))])
    for index in range(10):
        fanout.send(make_frame(index))
    fanout.close(discard=True)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_opened_leaves_the_others_closed(tmp_path: Path) -> None:
    fanout = Fanout([make_sink(str(tmp_path / "a.csv")), make_sink(str(tmp_path / "missing" / "b.csv"))])
    with pytest.raises(TargetError, match="create it first"):
        fanout.open(LIVELINK_61, FPS, "Face")
    assert list(tmp_path.iterdir()) == []


def test_the_same_target_twice_is_refused() -> None:
    with pytest.raises(TargetError, match="given twice"):
        Fanout([make_sink("osc://127.0.0.1"), make_sink("osc://127.0.0.1:8000")])
