"""A port that anybody can write to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.curves import LIVELINK_61
from pmmlink.receiver import Receiver, State, Subject
from pmmlink.receiver.receiver import MAX_SUBJECTS
from pmmlink.wire import livelink, osc

GOLDEN = Path(__file__).parents[1] / "golden"


def osc_frame(seq: int, subject: str = "Face", session: int = 7) -> bytes:
    return osc.encode(osc.Frame(subject, session, seq, round(seq * 1e6 / 30), 30, 1, (0.5,) * 61))


def livelink_frame(
    number: int, sub_frame: float = 0.0, subject: str = "Face", device: str = "A" * 36
) -> bytes:
    return livelink.encode(livelink.Packet(device, subject, number, sub_frame, 30, 1, (0.5,) * 61))


def test_both_formats_and_several_subjects_share_a_port() -> None:
    receiver = Receiver()
    for name in ("osc_names", "osc_frame_61", "livelink_v6"):
        receiver.push((GOLDEN / f"{name}.bin").read_bytes(), 1.0, "10.0.0.1:5000")
    assert list(receiver.subjects) == [("osc", "Ada 顔"), ("livelink", "示例用户iPhone")]
    phone = receiver.subjects["livelink", "示例用户iPhone"].frame_at(1.0)
    assert phone.state is State.LIVE
    jaw = phone.values[LIVELINK_61.index("jawOpen")]
    np.testing.assert_allclose(jaw, 0.018653, atol=1e-6)


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=100) | st.binary(max_size=100).map(lambda d: b"\x06\0\0\0" + d), max_size=20)
)
def test_arbitrary_datagrams_are_counted_and_nothing_else(datagrams: list[bytes]) -> None:
    receiver = Receiver()
    for data in datagrams:
        receiver.push(data, 0.0, "10.0.0.1:5000")
    faceless = sum(subject.stats.faceless for subject in receiver.subjects.values())
    assert receiver.bad + faceless == len(datagrams)


def test_a_bad_sender_is_reported_once_with_the_reason() -> None:
    events: list[str] = []
    receiver = Receiver(on_event=events.append)
    for _ in range(100):
        receiver.push(b"hello", 0.0, "10.0.0.1:5000")
    assert receiver.bad == 100
    assert len(events) == 1
    assert events[0].startswith("10.0.0.1:5000: bad packet: ")


def test_terminal_escapes_in_a_packet_do_not_reach_the_events() -> None:
    events: list[str] = []
    receiver = Receiver(on_event=events.append)
    receiver.push(b"/\x1b[2Jx\0\0,m\0\0" + b"\0" * 4, 0.0, "10.0.0.1:1")
    receiver.push(b"/\x1b[2Jx\0\0,i\0\0" + b"\0" * 8, 0.0, "10.0.0.1:2")
    receiver.push(osc.encode(osc.Bye("Face", 1)).replace(b"Face", b"F\x1b[J"), 0.0, "10.0.0.1:3")
    assert len(events) == 3
    assert "\x1b" not in "".join(events)


def test_a_flood_of_subjects_is_bounded_and_does_not_push_out_a_live_one() -> None:
    events: list[str] = []
    receiver = Receiver(on_event=events.append)
    receiver.push(osc_frame(0), 0.0, "10.0.0.1:5000")
    for i in range(1000):
        receiver.push(osc_frame(0, subject=f"Spam {i}"), i * 0.001, "10.0.0.2:5000")
    assert len(receiver.subjects) == MAX_SUBJECTS
    assert ("osc", "Face") in receiver.subjects
    assert receiver.crowded_out == 1000 - MAX_SUBJECTS + 1
    assert len([event for event in events if "ignored" in event]) == 1
    for i in range(12):
        receiver.push(osc_frame(30 * i + 1), float(i), "10.0.0.1:5000")
    receiver.push(osc_frame(0, subject="New"), 12.0, "10.0.0.1:5000")
    assert ("osc", "New") in receiver.subjects
    assert ("osc", "Face") in receiver.subjects


def test_livelink_goes_on_over_midnight() -> None:
    shown: list[int] = []
    receiver = Receiver(on_frame=lambda _, frame: shown.append(frame.time_us))
    day = 86_400 * 30
    for i, number in enumerate([day - 2, day - 1, 0, 1]):
        receiver.push(livelink_frame(number), i / 30, "phone")
    (subject,) = receiver.subjects.values()
    assert subject.stats.received == len(shown) == 4
    assert subject.stats.late == 0
    assert subject.stats.sessions == 2


def test_livelink_frames_are_ordered_by_their_time_and_losses_are_not_guessed() -> None:
    receiver = Receiver(buffer_s=0.1)
    for i, (number, sub_frame) in enumerate([(10, 0.02), (10, 0.98), (14, 0.0), (12, 0.0), (12, 0.0)]):
        receiver.push(livelink_frame(number, sub_frame), i / 30, "phone")
    (subject,) = receiver.subjects.values()
    assert subject.stats.received == 4
    assert (subject.stats.reordered, subject.stats.duplicates) == (1, 1)
    assert subject.stats.lost is None


def test_two_phones_on_one_subject_are_two_senders() -> None:
    events: list[str] = []
    receiver = Receiver(on_event=events.append)
    for i in range(5):
        receiver.push(livelink_frame(100 + i, device="A" * 36), i / 30, "10.0.0.1:1")
        receiver.push(livelink_frame(100 + i, device="B" * 36), i / 30, "10.0.0.2:1")
    (subject,) = receiver.subjects.values()
    assert subject.stats.foreign == 4
    assert sum("two senders" in event for event in events) == 1


def test_a_packet_without_a_face_is_counted_and_lets_the_face_relax() -> None:
    receiver = Receiver()
    receiver.push(livelink_frame(0), 0.0, "phone")
    blind = livelink.encode(livelink.Packet("A" * 36, "Face", 30, 0.0, 30, 1, None))
    receiver.push(blind, 1.0, "phone")
    (subject,) = receiver.subjects.values()
    assert subject.stats.faceless == 1
    assert subject.frame_at(1.0).state is State.NEUTRAL


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_sequence_of_valid_messages_breaks_a_subject(data: st.DataObject) -> None:
    """Extreme but valid fields: sessions, numbers and times from their whole ranges."""
    receiver = Receiver(buffer_s=data.draw(st.sampled_from([0.0, 0.05, 1.0])))
    now_s = 0.0
    for _ in range(30):
        now_s += data.draw(st.floats(0, 1))
        message: osc.Message = data.draw(
            st.one_of(
                st.builds(osc.Bye, st.just("Face"), st.integers(0, 2)),
                st.builds(
                    osc.Frame,
                    st.just("Face"),
                    st.integers(0, 2),
                    st.integers(0, 5) | st.integers(0, 2**31 - 1),
                    st.integers(0, 200_000) | st.integers(-(2**63), 2**63 - 1),
                    st.just(30),
                    st.just(1),
                    st.just((0.5,) * 32),
                ),
            )
        )
        receiver.push(osc.encode(message), now_s, "sender")
        for subject in receiver.subjects.values():
            face = subject.frame_at(now_s)
            assert ((face.values >= 0.0) & (face.values <= 0.5)).all()


def test_every_subject_is_flushed() -> None:
    got: list[tuple[str, int]] = []

    def collect(subject: Subject, frame: object) -> None:
        got.append((subject.label, frame.seq))  # type: ignore[attr-defined]

    receiver = Receiver(buffer_s=1.0, on_frame=collect)
    for name in ("A", "B"):
        receiver.push(osc_frame(0, subject=name), 0.0, "sender")
    assert got == []
    receiver.flush()
    assert got == [("osc A", 0), ("osc B", 0)]
