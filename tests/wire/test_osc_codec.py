"""OSC messages against golden bytes, python-osc, liblo's oscdump and hostile bytes."""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from pmmlink.curves import LIVELINK_61, MODEL_32
from pmmlink.errors import WireError
from pmmlink.wire import osc

GOLDEN = Path(__file__).parents[1] / "golden"

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
INT32 = st.integers(-(2**31), 2**31 - 1)
COUNT32 = st.integers(0, 2**31 - 1)
SUBJECT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)
NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True)
MESSAGES = st.one_of(
    st.builds(osc.Names, SUBJECT, st.lists(NAME, min_size=1, max_size=61, unique_by=str.lower).map(tuple)),
    st.builds(
        osc.Frame,
        SUBJECT,
        INT32,
        COUNT32,
        st.integers(-(2**63), 2**63 - 1),
        st.integers(1, 2**31 - 1),
        st.integers(1, 2**31 - 1),
        st.lists(FLOAT32, min_size=1, max_size=70).map(tuple),
    ),
    st.builds(osc.Bye, SUBJECT, INT32),
)


def frame(values: tuple[float, ...] = (0.25,) * 32, **changes: object) -> osc.Frame:
    fields: dict[str, object] = {
        "subject": "Face",
        "session": 77,
        "seq": 3,
        "time_us": 100_000,
        "fps_numerator": 30,
        "fps_denominator": 1,
        "values": values,
    }
    return osc.Frame(**{**fields, **changes})  # type: ignore[arg-type]


def golden(name: str) -> tuple[bytes, dict[str, object]]:
    fields = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return (GOLDEN / f"{name}.bin").read_bytes(), fields


@pytest.mark.parametrize("name", ["osc_names", "osc_frame_32", "osc_frame_61", "osc_bye"])
def test_golden_messages_decode_to_their_fields_and_encode_to_the_same_bytes(name: str) -> None:
    data, fields = golden(name)
    message = osc.decode(data)
    kind = {osc.Names: osc.NAMES_ADDRESS, osc.Frame: osc.FRAME_ADDRESS, osc.Bye: osc.BYE_ADDRESS}
    assert kind[type(message)] == fields.pop("address")
    for field, value in fields.items():
        assert getattr(message, field) == (tuple(value) if isinstance(value, list) else value)
    assert osc.encode(message) == data


def test_the_golden_names_are_those_of_the_curve_table() -> None:
    message = osc.decode(golden("osc_names")[0])
    assert isinstance(message, osc.Names)
    assert message.names == LIVELINK_61.wire_names


def test_messages_have_the_sizes_the_protocol_promises() -> None:
    assert len(osc.encode(frame((0.5,) * 32))) <= 228
    assert len(osc.encode(frame((0.5,) * 61))) <= 372
    assert len(osc.encode(osc.Names("A subject of thirty characters", LIVELINK_61.wire_names))) < 1472


def test_python_osc_reads_every_argument_of_a_frame() -> None:
    values = tuple(i / 64 for i in range(32))
    sent = frame(values, subject="Grace", session=-5, seq=9, time_us=2**40 + 1)
    message = OscMessage(osc.encode(sent))
    assert message.address == "/pmmlink/1/frame"
    assert message.params == ["Grace", -5, 9, 2**40 + 1, 30, 1, *values]


def test_a_message_built_by_python_osc_is_read() -> None:
    builder = OscMessageBuilder(address=osc.FRAME_ADDRESS)
    for value, tag in [
        ("Face", "s"),
        (1, "i"),
        (2, "i"),
        (3, "h"),
        (60, "i"),
        (1, "i"),
        (0.5, "f"),
        (-1.0, "f"),
    ]:
        builder.add_arg(value, tag)
    assert osc.decode(builder.build().dgram) == osc.Frame("Face", 1, 2, 3, 60, 1, (0.5, -1.0))


def test_liblo_reads_our_messages() -> None:
    oscdump = shutil.which("oscdump")
    if oscdump is None:
        pytest.skip("oscdump (Debian package liblo-tools) is not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = tuple(i / 64 for i in range(32))
    messages = [
        osc.Names("Face", MODEL_32.wire_names),
        frame(values, session=-5, time_us=2**40 + 1),
        osc.Bye("Face", -5),
    ]
    lines: queue.Queue[list[str]] = queue.Queue()
    with subprocess.Popen([oscdump, "-L", str(port)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            output = process.stdout
            threading.Thread(target=lambda: [lines.put(line.split()) for line in output], daemon=True).start()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                names = _first_line(
                    lines, lambda: sender.sendto(osc.encode(messages[0]), ("127.0.0.1", port))
                )
                for message in messages[1:]:
                    sender.sendto(osc.encode(message), ("127.0.0.1", port))
                rest = [lines.get(timeout=5) for _ in messages[1:]]
        finally:
            process.terminate()
    face, bye = rest
    while face[1] == osc.NAMES_ADDRESS:  # sent more than once before liblo was ready to print
        face, bye = bye, lines.get(timeout=5)
    assert names[1:3] == [osc.NAMES_ADDRESS, "s" * 33]
    assert names[3:] == ['"Face"', *(f'"{name}"' for name in MODEL_32.wire_names)]
    assert face[1:8] == [osc.FRAME_ADDRESS, "siihii" + "f" * 32, '"Face"', "-5", "3", str(2**40 + 1), "30"]
    assert [float(value) for value in face[9:]] == pytest.approx(values, abs=1e-6)
    assert bye[1:] == [osc.BYE_ADDRESS, "si", '"Face"', "-5"]


def _first_line(lines: queue.Queue[list[str]], send: Callable[[], object]) -> list[str]:
    """Sends until the other process has bound its port and answers with a line."""
    for _ in range(100):
        send()
        try:
            return lines.get(timeout=0.1)
        except queue.Empty:
            continue
    pytest.fail("oscdump printed nothing for ten seconds")


@settings(deadline=None)
@given(MESSAGES)
def test_a_round_trip_changes_nothing(message: osc.Message) -> None:
    assert osc.decode(osc.encode(message)) == message


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_a_wire_error(data: bytes) -> None:
    with pytest.raises(WireError):
        osc.decode(data)


@settings(deadline=None)
@given(MESSAGES.map(osc.encode), st.data())
def test_a_damaged_message_is_read_or_refused_and_nothing_else(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    for candidate in (bytes(damaged), data[:cut], data + bytes(damaged[:cut])):
        with contextlib.suppress(WireError):
            osc.decode(candidate)


def test_every_truncation_of_a_frame_is_refused() -> None:
    data = osc.encode(frame())
    for length in range(len(data)):
        with pytest.raises(WireError):
            osc.decode(data[:length])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_frame_with_a_value_that_is_not_finite_is_refused_both_ways(bad: float) -> None:
    data = osc.encode(frame((0.5, 0.25)))
    with pytest.raises(WireError, match="value 1"):
        osc.decode(data[:-4] + struct.pack(">f", bad))
    with pytest.raises(WireError, match="value 1"):
        osc.encode(frame((0.5, bad)))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (frame(subject=""), "empty"),
        (frame(subject="a\0b"), "control"),
        (frame(subject="x" * 256), "256 bytes"),
        (frame(subject="\ud800"), "Unicode"),
        (frame(seq=-1), "negative sequence"),
        (frame(seq=2**31), "frame"),
        (frame(session=2**31), "frame"),
        (frame(time_us=2**63), "frame"),
        (frame(fps_denominator=0), "30/0"),
        (frame(fps_numerator=-30), "-30/1"),
        (frame(()), "0 values"),
        (frame((0.0,) * 256), "256 values"),
        (frame((1e39,)), "frame"),
        (osc.Names("Face", ()), "0 curves"),
        (osc.Names("Face", ("JawOpen", "jawOpen")), "twice"),
        (osc.Names("Face", ("Jaw Open",)), "not a curve name"),
        (osc.Names("Face", tuple(f"N{'x' * 60}{i}" for i in range(100))), "at most"),
    ],
)
def test_what_the_format_cannot_carry_is_refused_when_encoding(message: osc.Message, said: str) -> None:
    with pytest.raises(WireError, match=said):
        osc.encode(message)


def _raw(address: str, tags: str, arguments: bytes = b"") -> bytes:
    def string(text: str) -> bytes:
        data = text.encode() + b"\0"
        return data + b"\0" * (-len(data) % 4)

    return string(address) + string(tags) + arguments


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"#bundle\0" + b"\0" * 8, "bundle"),
        (_raw("/other", ",i", b"\0\0\0\1"), "not one of"),
        (_raw(osc.BYE_ADDRESS, ",is", b"\0\0\0\1abc\0"), "do not belong"),
        (_raw(osc.BYE_ADDRESS, ",sm", b"abc\0" + b"\0" * 4), "type 'm'"),
        (_raw(osc.BYE_ADDRESS, ",si", b"abc\0" + b"\0\0\0\1" + b"\0" * 4), "arguments take"),
        (_raw(osc.BYE_ADDRESS, ",si", b"\xff\xfe\xfd\0" + b"\0" * 4), "UTF-8"),
        (_raw(osc.NAMES_ADDRESS, ",s", b"abc\0"), "do not belong"),
        (_raw(osc.BYE_ADDRESS, "si"), "no type tags"),
        (b"/pmmlink/1/frame" * 300, "at most"),
        (b"", "OSC"),
    ],
)
def test_what_is_not_ours_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        osc.decode(data)


def test_frame_rate_is_a_fraction() -> None:
    assert frame(fps_numerator=60_000, fps_denominator=1_001).fps == Fraction(60_000, 1_001)
