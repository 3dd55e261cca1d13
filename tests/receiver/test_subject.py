"""The receiver rules, with time as an argument: the shared cases, and what they do not cover."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.curves import LIVELINK_61, MODEL_32
from pmmlink.receiver import ReceivedFrame, State, Subject
from pmmlink.wire.osc import Bye, Frame, Names

CASES = json.loads((Path(__file__).parents[1] / "golden" / "receiver.json").read_text(encoding="utf-8"))[
    "cases"
]


def frame(
    seq: int, value: float = 0.5, session: int = 7, count: int = 32, time_us: int | None = None
) -> Frame:
    capture_us = round(seq * 1e6 / 30) if time_us is None else time_us
    return Frame("Face", session, seq, capture_us, 30, 1, (value,) * count)


def feed(subject: Subject, seqs: list[int], start_s: float = 0.0, session: int = 7) -> float:
    """Pushes frames 1/30 s apart; returns the time of the last."""
    now_s = start_s
    for i, seq in enumerate(seqs):
        now_s = start_s + i / 30
        subject.push(frame(seq, session=session), now_s, f"sender of {session}")
    return now_s


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_shared_case(case: dict[str, Any]) -> None:
    subject = Subject("Face", buffer_s=case["buffer_ms"] / 1000)
    for step in case["steps"]:
        now_s = step["at"]
        if pushed := step.get("frame"):
            capture_us = round(pushed["capture"] * 1e6)
            subject.push(frame(pushed["seq"], pushed["value"], pushed["session"], time_us=capture_us), now_s)
        elif ended := step.get("bye"):
            subject.push(Bye("Face", ended["session"]), now_s)
        else:
            face = subject.frame_at(now_s)
            assert face.state.value == step["state"], step
            np.testing.assert_allclose(face.values, step["expect"], atol=1e-5, err_msg=str(step))


def test_a_gap_is_counted_and_a_reordered_frame_is_not_a_loss() -> None:
    subject = Subject("Face", buffer_s=0.1)
    feed(subject, [0, 1, 3, 2, 6, 7])
    assert subject.stats.lost == 2
    assert subject.stats.reordered == 1
    assert subject.stats.late == 0
    assert subject.stats.received == 6


def test_without_a_buffer_a_reordered_frame_is_late() -> None:
    shown: list[int] = []
    subject = Subject("Face", on_frame=lambda received: shown.append(received.seq))
    feed(subject, [0, 1, 3, 2, 4])
    assert shown == [0, 1, 3, 4]
    assert (subject.stats.lost, subject.stats.reordered, subject.stats.late) == (0, 1, 1)


def test_duplicates_are_counted_and_change_nothing() -> None:
    subject = Subject("Face", buffer_s=0.1)
    feed(subject, [0, 1, 1, 0, 2])
    assert (subject.stats.received, subject.stats.duplicates, subject.stats.lost) == (3, 2, 0)


def test_a_stream_joined_in_the_middle_has_lost_nothing() -> None:
    subject = Subject("Face")
    feed(subject, [5000, 5001, 5002])
    assert subject.stats.lost == 0


def test_the_buffer_hands_frames_over_in_order_and_all_of_them() -> None:
    shown: list[int] = []
    subject = Subject("Face", buffer_s=0.2, on_frame=lambda received: shown.append(received.seq))
    feed(subject, [1, 0, 3, 2, 5, 4, 7, 6])
    subject.flush()
    assert shown == list(range(8))


def test_bye_leaves_buffered_frames_to_be_played_under_the_ease() -> None:
    subject = Subject("Face", buffer_s=0.1)
    subject.push(frame(0, 0.2), 0.0)
    subject.push(frame(1, 0.8), 0.02)
    subject.frame_at(0.1)
    subject.push(Bye("Face", 7), 0.1)
    at_half = subject.frame_at(0.35)
    assert at_half.state is State.EASING
    np.testing.assert_allclose(at_half.values, 0.4, atol=1e-6)


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 0.09), min_size=40, max_size=40),
    st.floats(-1e4, 1e4),
    st.permutations(range(3)),
)
def test_delays_within_the_buffers_depth_never_show(
    delays: list[float], offset_s: float, start: list[int]
) -> None:
    """Whatever each packet's delay, every frame is shown, in order, evenly spaced."""
    depth_s = 0.1
    shown_at: dict[int, float] = {}
    subject = Subject("Face", buffer_s=depth_s)
    delays[start[0]] = 0.0  # one of the first packets is a fast one
    arrivals = sorted((i / 30 + delay + offset_s, i) for i, delay in enumerate(delays))
    tick_s = 0.001
    first_s = min(arrival for arrival, _ in arrivals)
    pending = iter([*arrivals, (float("inf"), -1)])
    arrival_s, seq = next(pending)
    current = [-1]
    for tick in range(1700):
        now_s = first_s + tick * tick_s
        while arrival_s <= now_s:
            subject.push(frame(seq, seq / 64), arrival_s)
            arrival_s, seq = next(pending)
        face = subject.frame_at(now_s)
        if face.state is State.LIVE:
            index = round(float(face.values[0]) * 64)
            if index != current[-1]:
                current.append(index)
                shown_at[index] = now_s
    assert current[1:] == list(range(40))
    settled = [shown_at[i] - i / 30 for i in range(3, 40)]
    assert max(settled) - min(settled) < 0.003


def test_clocks_that_run_apart_do_not_empty_or_fill_the_buffer() -> None:
    subject = Subject("Face", buffer_s=0.05)
    held = []
    for seq in range(30 * 60 * 10):
        now_s = seq / 30 * 1.001  # the sender's clock is 0.1 % fast: 0.6 s in ten minutes
        subject.push(frame(seq, seq % 64 / 64), now_s)
        shown = subject.frame_at(now_s + 0.001)
        if seq > 100:
            held.append((seq - round(float(shown.values[0]) * 64)) % 64)
    assert set(held) <= {1, 2}


def test_a_burst_far_above_real_time_is_played_in_order_without_loss() -> None:
    shown: list[int] = []
    subject = Subject("Face", buffer_s=1.0, on_frame=lambda received: shown.append(received.seq))
    for seq in range(2000):
        subject.push(frame(seq), seq * 1e-4)
    subject.frame_at(1.3)
    assert shown == list(range(2000))


def test_two_senders_are_reported_once_and_only_the_newer_is_shown() -> None:
    events: list[str] = []
    subject = Subject("Face", on_event=events.append)
    for i in range(10):
        subject.push(frame(100 + i, 0.25, session=1), i / 30, "10.0.0.1:5000")
        subject.push(frame(i, 0.75, session=2), i / 30 + 0.01, "10.0.0.2:5000")
        assert float(subject.frame_at(i / 30 + 0.01).values[0]) == 0.75
    assert events == [
        "Face: session 00000001 from 10.0.0.1:5000",
        "Face: two senders: session 00000002 from 10.0.0.2:5000 replaces "
        "session 00000001 from 10.0.0.1:5000, which was still sending",
    ]
    assert subject.stats.foreign == 9
    assert (subject.stats.sessions, subject.stats.lost) == (2, 0)
    assert subject.sender == "10.0.0.2:5000"


def test_a_restarted_sender_is_followed_at_once_and_its_numbering_starts_anew() -> None:
    events: list[str] = []
    subject = Subject("Face", on_event=events.append)
    last_s = feed(subject, list(range(50)), session=1)
    subject.push(Bye("Face", 1), last_s + 0.01)
    feed(subject, [0, 1, 2], start_s=last_s + 0.5, session=2)
    assert subject.stats.received == 53
    assert subject.stats.late == subject.stats.lost == 0
    assert events[1:] == [
        "Face: session 00000001 said bye",
        "Face: new session 00000002 from sender of 2",
    ]


def test_losses_add_up_over_sessions() -> None:
    subject = Subject("Face")
    last_s = feed(subject, [0, 2], session=1)
    feed(subject, [0, 1, 5], start_s=last_s + 5, session=2)
    assert subject.stats.lost == 1 + 3


def test_a_forged_high_number_stops_a_face_for_less_than_a_second() -> None:
    subject = Subject("Face")
    feed(subject, [0, 1, 2**31 - 1])
    last_s = 2 / 30
    late = [subject.push(frame(seq), last_s + (seq - 1) / 30) for seq in range(2, 40)]
    assert len(late) == 38
    assert subject.frame_at(last_s + 38 / 30).state is State.LIVE


def test_the_face_goes_on_from_where_an_ease_has_brought_it_until_the_next_frame_is_due() -> None:
    subject = Subject("Face", buffer_s=0.1)
    subject.push(frame(0, 0.8), 0.0)
    subject.frame_at(0.1)
    np.testing.assert_allclose(subject.frame_at(0.5).values, 0.4, atol=1e-6)
    subject.push(frame(15, 0.6), 0.5)
    np.testing.assert_allclose(subject.frame_at(0.55).values, 0.4, atol=1e-6)
    np.testing.assert_allclose(subject.frame_at(0.61).values, 0.6, atol=1e-6)


def test_a_new_session_under_a_buffer_keeps_the_old_face_until_its_first_frame_is_due() -> None:
    subject = Subject("Face", buffer_s=0.1)
    subject.push(frame(0, 0.8, session=1), 0.0)
    subject.push(Bye("Face", 1), 0.1)
    subject.frame_at(0.1)
    assert subject.frame_at(0.7).state is State.NEUTRAL
    subject.push(frame(0, 0.6, session=2), 0.7)
    np.testing.assert_allclose(subject.frame_at(0.75).values, 0.0)
    np.testing.assert_allclose(subject.frame_at(0.81).values, 0.6)


def test_frames_find_their_names_by_count() -> None:
    subject = Subject("Face")
    subject.push(Names("Face", ("JawOpen", "HeadYaw")), 0.0)
    subject.push(frame(0, -0.5, count=2), 0.0)
    face = subject.frame_at(0.0)
    assert face.curves.names == ("jawOpen", "headYaw")
    np.testing.assert_array_equal(face.values, [0.0, -0.5])
    subject.push(frame(1, 0.5, count=61), 0.03)
    assert subject.frame_at(0.03).curves is LIVELINK_61
    subject.push(frame(2, 0.5, count=7), 0.06)
    assert subject.stats.unnamed == 1
    assert subject.frame_at(0.06).curves is LIVELINK_61


def test_changed_names_are_reported() -> None:
    events: list[str] = []
    subject = Subject("Face", on_event=events.append)
    subject.push(Names("Face", MODEL_32.wire_names), 0.0)
    assert events == []
    subject.push(Names("Face", tuple(reversed(MODEL_32.wire_names))), 0.0)
    assert events == ["Face: the names of its 32 curves changed"]
    subject.push(frame(0), 0.0)
    assert subject.frame_at(0.0).curves.names == tuple(reversed(MODEL_32.names))


def test_a_flood_of_names_takes_no_more_memory() -> None:
    subject = Subject("Face")
    for count in range(1, 200):
        subject.push(Names("Face", tuple(f"N{i}" for i in range(count))), 0.0)
    for seq, count in enumerate(range(1, 200)):
        subject.push(frame(seq, count=count), seq * 0.001)
    assert subject.stats.received == 16


def test_rate_and_jitter_are_measured() -> None:
    subject = Subject("Face")
    for seq in range(300):
        subject.push(frame(seq), seq / 30 + (0.004 if seq % 2 else 0.0))
    timing = subject.stats.timing
    assert timing.fps(300 / 30) == pytest.approx(30, abs=0.1)
    assert timing.mean_interval_s == pytest.approx(1 / 30, abs=1e-4)
    assert timing.jitter_s == pytest.approx(0.004, abs=1e-5)
    assert timing.deviation_rms_s == pytest.approx(0.004, abs=1e-5)
    assert timing.max_deviation_s == pytest.approx(0.004, abs=1e-5)


def test_a_received_frame_keeps_what_was_sent() -> None:
    got: list[ReceivedFrame] = []
    subject = Subject("Face", on_frame=got.append)
    subject.push(frame(3, 0.25), 1.0)
    (received,) = got
    assert (received.session, received.seq, received.time_us) == (7, 3, 100_000)
    assert (received.fps, received.curves, received.arrival_s) == (Fraction(30), MODEL_32, 1.0)
