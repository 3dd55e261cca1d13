"""Network sinks over real sockets on loopback."""

from __future__ import annotations

import itertools
import re
from datetime import datetime
from fractions import Fraction

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from receivers import FPS, Inbox, free_port, make_frame

from pmmlink.curves import ARKIT_52, LIVELINK_61, MODEL_32
from pmmlink.errors import ConfigError
from pmmlink.sinks import Sink, make_sink
from pmmlink.sinks.livelink import LiveLinkSink, device_id
from pmmlink.sinks.osc import OscSink
from pmmlink.sinks.udp import RETRY_S
from pmmlink.types import CurveFrame
from pmmlink.wire import livelink, osc
from pmmlink.wire.target import parse_target


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def open_sink(sink: Sink, subject: str = "Face") -> Sink:
    sink.open(LIVELINK_61, FPS, subject)
    return sink


def test_osc_sends_names_then_frames_then_bye() -> None:
    with Inbox() as inbox:
        with open_sink(make_sink(f"osc://127.0.0.1:{inbox.port}")) as sink:
            for index in range(5, 8):
                sink.send(make_frame(index, jawOpen=index / 16, headYaw=-0.5))
        messages = [osc.decode(data) for data in inbox]
    names, *frames, bye = messages
    assert names == osc.Names("Face", LIVELINK_61.wire_names)
    assert isinstance(bye, osc.Bye)
    for offset, frame in enumerate(frames):
        assert isinstance(frame, osc.Frame)
        assert (frame.subject, frame.session, frame.seq) == ("Face", bye.session, offset)
        assert frame.time_us == round((5 + offset) * 1e6 / 30)
        assert frame.fps == 30
        values = dict(zip(LIVELINK_61.names, frame.values, strict=True))
        assert values.pop("jawOpen") == (5 + offset) / 16
        assert values.pop("headYaw") == -0.5
        assert set(values.values()) == {0.0}
    assert len(frames) == 3
    assert (sink.stats.sent, sink.stats.dropped, sink.stats.errors) == (3, 0, 0)


@pytest.mark.parametrize(("option", "curves"), [("32", MODEL_32), ("52", ARKIT_52), ("61", LIVELINK_61)])
def test_osc_sends_the_set_that_was_asked_for(option: str, curves: object) -> None:
    with Inbox() as inbox:
        with open_sink(make_sink(f"osc://127.0.0.1:{inbox.port}?curves={option}")) as sink:
            sink.send(make_frame(0, mouthLeft=0.5, tongueOut=0.25))
        names, frame, _ = (osc.decode(data) for data in inbox)
    assert isinstance(names, osc.Names)
    assert isinstance(frame, osc.Frame)
    assert names.names == curves.wire_names  # type: ignore[attr-defined]
    sent = {name: value for name, value in zip(names.names, frame.values, strict=True) if value}
    assert sent == ({"MouthLeft": 0.5} if option == "32" else {"MouthLeft": 0.5, "TongueOut": 0.25})


def test_a_curve_the_frame_lacks_is_sent_as_neutral() -> None:
    with Inbox() as inbox:
        with open_sink(make_sink(f"livelink://127.0.0.1:{inbox.port}")) as sink:
            sink.send(make_frame(0, curves=MODEL_32, jawLeft=0.75))
        (packet,) = (livelink.decode(data) for data in inbox)
    assert packet.values is not None
    assert {n: v for n, v in zip(LIVELINK_61.names, packet.values, strict=True) if v} == {"jawLeft": 0.75}


def test_names_are_repeated_once_a_second_by_the_clock() -> None:
    clock = Clock()
    with Inbox() as inbox:
        with open_sink(OscSink(parse_target(f"osc://127.0.0.1:{inbox.port}"), clock=clock)) as sink:
            for index in range(91):
                clock.now_s = 100.0 + index / 30
                sink.send(make_frame(index))
        kinds = [type(osc.decode(data)) for data in inbox]
    assert kinds.count(osc.Names) == 4
    assert kinds.count(osc.Frame) == 91
    positions = [i for i, kind in enumerate(kinds) if kind is osc.Names]
    assert positions[0] == 0
    assert {after - before for before, after in itertools.pairwise(positions)} == {31}


def test_a_frame_that_was_dropped_on_the_way_is_a_gap_in_seq() -> None:
    with Inbox() as inbox:
        with open_sink(make_sink(f"osc://127.0.0.1:{inbox.port}")) as sink:
            for index in (0, 1, 4):
                sink.send(make_frame(index))
        frames = [message for data in inbox if isinstance(message := osc.decode(data), osc.Frame)]
    assert [frame.seq for frame in frames] == [0, 1, 4]


def test_an_index_that_steps_back_starts_a_new_session() -> None:
    with Inbox() as inbox:
        with open_sink(make_sink(f"osc://127.0.0.1:{inbox.port}")) as sink:
            for index in (10, 11, 0, 1):
                sink.send(make_frame(index))
        frames = [message for data in inbox if isinstance(message := osc.decode(data), osc.Frame)]
    assert [frame.seq for frame in frames] == [0, 1, 0, 1]
    assert frames[0].session == frames[1].session != frames[2].session == frames[3].session


def test_every_run_has_a_session_of_its_own() -> None:
    sessions = set()
    with Inbox(patience_s=0.1) as inbox:
        for _ in range(5):
            with open_sink(make_sink(f"osc://127.0.0.1:{inbox.port}")) as sink:
                sink.send(make_frame(0))
            sessions |= {m.session for data in inbox if isinstance(m := osc.decode(data), osc.Frame)}
    assert len(sessions) == 5


def test_livelink_counts_on_from_the_time_of_day() -> None:
    with Inbox() as inbox:
        target = parse_target(f"livelink://127.0.0.1:{inbox.port}")
        sink = LiveLinkSink(target, wall_clock=lambda: datetime(2026, 3, 1, 10, 6, 21, 50_000))
        with open_sink(sink):
            for index in range(40, 43):
                sink.send(make_frame(index, jawRight=0.5))
        packets = [livelink.decode(data) for data in inbox]
    noon = (10 * 3600 + 6 * 60 + 21) * 30
    assert [packet.frame_number for packet in packets] == [noon + 1, noon + 2, noon + 3]
    assert {packet.sub_frame for packet in packets} == {0.5}
    assert {packet.fps for packet in packets} == {Fraction(30)}
    assert {(packet.subject, packet.device_id) for packet in packets} == {("Face", device_id("Face"))}
    assert packets[0].values is not None
    assert packets[0].values[LIVELINK_61.index("jawRight")] == 0.5


def test_livelink_wraps_at_midnight() -> None:
    with Inbox() as inbox:
        target = parse_target(f"livelink://127.0.0.1:{inbox.port}")
        sink = LiveLinkSink(target, wall_clock=lambda: datetime(2026, 3, 1, 23, 59, 59, 950_000))
        with open_sink(sink):
            for index in range(3):
                sink.send(make_frame(index))
        numbers = [livelink.decode(data).frame_number for data in inbox]
    assert numbers == [86_400 * 30 - 2, 86_400 * 30 - 1, 0]


def test_a_device_id_is_a_uuid_that_stays() -> None:
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", device_id("Face"))
    assert device_id("Face") == device_id("Face") != device_id("Other")


def test_vmc_sends_52_curves_and_apply() -> None:
    with Inbox() as inbox:
        with open_sink(make_sink(f"vmc://127.0.0.1:{inbox.port}")) as sink:
            sink.send(make_frame(0, jawOpen=0.5))
        messages = [message for data in inbox for message in OscBundle(data)]
    assert len(messages) == 53
    assert [m.params for m in messages if m.params and m.params[1]] == [["JawOpen", 0.5]]
    assert messages[-1].address == "/VMC/Ext/Blend/Apply"


def test_values_outside_the_limits_are_clamped_and_angles_are_not() -> None:
    with Inbox() as inbox:
        with open_sink(make_sink(f"osc://127.0.0.1:{inbox.port}")) as sink:
            sink.send(make_frame(0, jawOpen=1.5, mouthClose=-0.25, headPitch=-1.5))
        frames = [message for data in inbox if isinstance(message := osc.decode(data), osc.Frame)]
    values = dict(zip(LIVELINK_61.names, frames[0].values, strict=True))
    assert (values["jawOpen"], values["mouthClose"], values["headPitch"]) == (1.0, 0.0, -1.5)


def test_a_frame_with_nan_is_not_sent_and_counted() -> None:
    with Inbox() as inbox:
        with open_sink(make_sink(f"livelink://127.0.0.1:{inbox.port}")) as sink:
            sink.send(CurveFrame(0, FPS, LIVELINK_61, np.full(61, np.nan, dtype=np.float32)))
            sink.send(make_frame(1))
        assert len(list(inbox)) == 1
    assert (sink.stats.sent, sink.stats.dropped) == (1, 1)
    assert "frame 0" in sink.stats.last_error


@pytest.mark.parametrize("subject", ["", "a\nb", "x" * 300])
def test_a_subject_that_cannot_be_sent_is_refused_at_the_start(subject: str) -> None:
    with pytest.raises(ConfigError, match="--subject"):
        make_sink("osc://127.0.0.1").open(LIVELINK_61, FPS, subject)


def test_nobody_listening_is_one_event_and_the_first_frame_after_a_start_arrives() -> None:
    port = free_port()
    clock = Clock()
    events: list[str] = []
    sink = OscSink(parse_target(f"osc://127.0.0.1:{port}"), clock=clock)
    sink.on_event = events.append
    with open_sink(sink):
        for index in range(10):
            sink.send(make_frame(index))
        assert len(events) == 1
        assert f"osc://127.0.0.1:{port}: nobody listens there" in events[0]
        assert sink.stats.errors >= 9
        with Inbox(port) as inbox:
            for index in range(10, 200):
                clock.now_s += 1 / 30
                sink.send(make_frame(index))
            frames = [m for data in inbox if isinstance(m := osc.decode(data), osc.Frame)]
        assert [frame.seq for frame in frames] == list(range(10, 200))
    assert events[1:] == [f"osc://127.0.0.1:{port}: sending again"]
    assert (sink.stats.sent, sink.stats.dropped) == (200, 0)


def test_a_name_that_cannot_be_found_is_one_event_and_is_tried_again_with_growing_waits() -> None:
    clock = Clock()
    events: list[str] = []
    sink = OscSink(parse_target("osc://no-such-host.invalid"), clock=clock)
    sink.on_event = events.append
    with open_sink(sink):
        for index in range(30):
            sink.send(make_frame(index))
        assert sink.stats.errors == 1
        for wait_s in RETRY_S:
            clock.now_s += wait_s - 0.01
            sink.send(make_frame(index := index + 1))
            tried = sink.stats.errors
            clock.now_s += 0.02
            sink.send(make_frame(index := index + 1))
            assert sink.stats.errors == tried + 1
    assert len(events) == 1
    assert "cannot find host 'no-such-host.invalid'" in events[0]
    assert (sink.stats.sent, sink.stats.dropped) == (0, 38)


def test_a_network_that_is_unreachable_is_counted_and_never_raised() -> None:
    # A link-local address without its link: no system has a way there, so connecting fails at once.
    events: list[str] = []
    sink = make_sink("osc://[fe80::1]:8000")
    sink.on_event = events.append
    with open_sink(sink):
        for index in range(3):
            sink.send(make_frame(index))
    assert sink.stats.dropped == 3
    assert "network unreachable" in events[0]


def test_closing_twice_and_closing_without_frames_are_harmless() -> None:
    with Inbox(patience_s=0.1) as inbox:
        sink = open_sink(make_sink(f"osc://127.0.0.1:{inbox.port}"))
        sink.close()
        sink.close()
        assert list(inbox) == []
