"""Live Link Face datagrams against a captured one, pylivelinkface and hostile bytes."""

from __future__ import annotations

import contextlib
import json
import struct
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.curves import LIVELINK_61
from pmmlink.errors import WireError
from pmmlink.wire import livelink

GOLDEN = Path(__file__).parents[1] / "golden"

DEVICE_ID = "0F8FAD5B-D9CB-469F-A165-70867728950E"
TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
PACKETS = st.builds(
    livelink.Packet,
    TEXT,
    TEXT,
    st.integers(0, 2**31 - 1),
    st.floats(0, 1, width=32),
    st.integers(1, 2**31 - 1),
    st.integers(1, 2**31 - 1),
    st.none() | st.lists(FLOAT32, min_size=61, max_size=61).map(tuple),
)


def packet(**changes: object) -> livelink.Packet:
    fields: dict[str, object] = {
        "device_id": DEVICE_ID,
        "subject": "Face",
        "frame_number": 1_091_430,
        "sub_frame": 0.25,
        "rate_numerator": 30,
        "rate_denominator": 1,
        "values": tuple(i / 64 for i in range(61)),
    }
    return livelink.Packet(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["livelink_v6", "livelink_v6_ours"])
def test_golden_packets_decode_to_their_fields_and_encode_to_the_same_bytes(name: str) -> None:
    data = (GOLDEN / f"{name}.bin").read_bytes()
    fields = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    decoded = livelink.decode(data)
    assert fields.pop("version") == data[0] == 6
    for field, value in fields.items():
        assert getattr(decoded, field) == (tuple(value) if isinstance(value, list) else value)
    assert livelink.encode(decoded) == data


def test_the_captured_packet_is_what_its_finder_described() -> None:
    data = (GOLDEN / "livelink_v6.bin").read_bytes()
    decoded = livelink.decode(data)
    assert len(data) == 324
    assert (len(decoded.device_id), len(decoded.subject), len(decoded.subject.encode())) == (36, 10, 18)
    assert (decoded.frame_number, decoded.fps) == (2_182_883, Fraction(60))
    hours, rest = divmod(decoded.time_us // 1_000_000, 3600)
    assert (hours, *divmod(rest, 60)) == (10, 6, 21)


def test_pylivelinkface_reads_our_packet() -> None:
    peer = pytest.importorskip("pylivelinkface", reason="PyLiveLinkFace 0.1 is not installed")
    sent = packet()
    # Its faults, worked around here and nowhere else: it takes the version and the first three bytes of
    # the id's length for one little-endian word and the length's last byte, 36 = "$", for the id's first
    # character; so the id must have 36 bytes. It counts characters in names, so the subject is ASCII.
    found, face = peer.PyLiveLinkFace.decode(livelink.encode(sent))
    assert found
    assert face._version == 6
    assert face.uuid == "$" + DEVICE_ID
    assert face.name == "Face"
    assert (face._frames, face._sub_frame, face.fps, face._denominator) == (1_091_430, 0.25, 30, 1)
    assert sent.values is not None
    for shape in peer.FaceBlendShape:
        position = LIVELINK_61.wire_names.index(shape.name)
        assert face.get_blendshape(shape) == sent.values[position]


def test_a_packet_of_pylivelinkface_at_60_fps_is_read() -> None:
    peer = pytest.importorskip("pylivelinkface", reason="PyLiveLinkFace 0.1 is not installed")
    # Below 60 fps it writes the frame rate's denominator as 0, which is refused (next test).
    face = peer.PyLiveLinkFace(name="Peer", uuid=DEVICE_ID, fps=60)
    face.set_blendshape(peer.FaceBlendShape.JawOpen, 0.75, no_filter=True)
    decoded = livelink.decode(face.encode())
    assert (decoded.device_id, decoded.subject, decoded.fps) == (DEVICE_ID, "Peer", 60)
    assert decoded.values is not None
    assert decoded.values[LIVELINK_61.index("jawOpen")] == 0.75
    assert sum(decoded.values) == 0.75


def test_a_zero_frame_rate_denominator_is_refused_by_name() -> None:
    peer = pytest.importorskip("pylivelinkface", reason="PyLiveLinkFace 0.1 is not installed")
    data = peer.PyLiveLinkFace(name="Peer", uuid=DEVICE_ID, fps=30).encode()
    with pytest.raises(WireError, match="30/0"):
        livelink.decode(data)


@settings(deadline=None)
@given(PACKETS)
def test_a_round_trip_changes_nothing_in_a_packet(sent: livelink.Packet) -> None:
    assert livelink.decode(livelink.encode(sent)) == sent


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda rest: b"\x06\0\0\0" + rest)))
def test_arbitrary_bytes_are_read_or_raise_a_wire_error(data: bytes) -> None:
    try:
        decoded = livelink.decode(data)
    except WireError:
        return
    assert livelink.encode(decoded) == data


@settings(deadline=None)
@given(PACKETS.map(livelink.encode), st.data())
def test_a_damaged_packet_is_read_or_refused_and_nothing_else(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    for candidate in (bytes(damaged), data + b"\0"):
        with contextlib.suppress(WireError):
            livelink.decode(candidate)


def test_every_truncation_of_a_packet_is_refused_but_the_one_without_a_face() -> None:
    data = livelink.encode(packet())
    faceless = len(data) - 1 - 61 * 4
    for length in range(len(data)):
        if length == faceless:
            assert livelink.decode(data[:length]) == packet(values=None)
        else:
            with pytest.raises(WireError):
                livelink.decode(data[:length])


@pytest.mark.parametrize("length", [-1, 37, 2**31 - 1, -(2**31)])
def test_a_string_length_that_lies_is_refused_before_it_is_used(length: int) -> None:
    data = bytearray(livelink.encode(packet(values=None)))
    data[1:5] = struct.pack(">i", length)
    with pytest.raises(WireError):
        livelink.decode(bytes(data))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": ""}, "empty"),
        ({"subject": "a\nb"}, "control"),
        ({"device_id": "x" * 256}, "256 bytes"),
        ({"device_id": "\ud800"}, "Unicode"),
        ({"frame_number": -1}, "negative frame"),
        ({"frame_number": 2**31}, "packet"),
        ({"sub_frame": 1.5}, "sub-frame"),
        ({"sub_frame": float("nan")}, "sub-frame"),
        ({"rate_numerator": 0}, "0/1"),
        ({"values": (0.0,) * 60}, "60 values"),
        ({"values": (0.0,) * 60 + (float("nan"),)}, "value 60"),
        ({"values": (0.0,) * 60 + (1e39,)}, "packet"),
    ],
)
def test_what_the_packet_cannot_carry_is_refused_when_encoding(changes: dict[str, object], said: str) -> None:
    with pytest.raises(WireError, match=said):
        livelink.encode(packet(**changes))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\x05" + b"\0" * 60, "version 5"),
        (livelink.encode(packet()) + b"\0", "expected"),
        (livelink.encode(packet(values=None)) + b"\x34" + b"\0" * 208, "52 values announced"),
        (livelink.encode(packet())[:-4] + struct.pack(">f", float("inf")), "value 60"),
        (livelink.encode(packet()).replace(b"Face", b"\xff\xfe\xfd\xfc"), "UTF-8"),
    ],
)
def test_what_is_no_packet_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        livelink.decode(data)
