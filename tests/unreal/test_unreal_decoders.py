"""The C++ decoders against the golden bytes, and against the Python decoders on damaged packets."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Build

from pmmlink.errors import WireError
from pmmlink.wire import livelink, osc

GOLDEN = ROOT / "tests" / "golden"
PACKETS = sorted(GOLDEN.glob("*.bin"))
_LONGEST_TIME_US = 2**52


def _floats(words: Iterable[str]) -> list[float]:
    return [struct.unpack(">f", bytes.fromhex(word))[0] for word in words]


def _text(word: str) -> str:
    length, _, digits = word.partition(":")
    data = bytes.fromhex(digits)
    assert len(data) == int(length)
    return data.decode("utf-8")


@pytest.mark.parametrize("path", PACKETS, ids=lambda path: path.stem)
def test_the_golden_packets_decode_to_their_sidecars(core: Build, path: Path) -> None:
    kind, *words = core.run("pmmlink_decode", stdin=path.read_bytes().hex()).split()
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if kind == "livelink":
        device, subject, number, sub_frame, numerator, denominator, _, *values = words
        assert _text(device) == expected["device_id"]
        assert int(number) == expected["frame_number"]
        assert float(sub_frame) == pytest.approx(expected["sub_frame"], abs=1e-7)
        assert [int(numerator), int(denominator)] == [
            expected["rate_numerator"],
            expected["rate_denominator"],
        ]
        assert _floats(values) == pytest.approx(expected["values"], abs=1e-7)
    elif kind == "frame":
        subject, session, seq, time_us, numerator, denominator, *values = words
        keys = ("session", "seq", "time_us", "fps_numerator", "fps_denominator")
        assert [int(session), int(seq), int(time_us), int(numerator), int(denominator)] == [
            expected[key] for key in keys
        ]
        assert _floats(values) == expected["values"]
    elif kind == "names":
        subject, *names = words
        assert [_text(name) for name in names] == expected["names"]
    else:
        assert kind == "bye"
        subject, session = words
        assert int(session) == expected["session"]
    assert _text(subject) == expected["subject"]


def _damaged(rng: random.Random) -> Iterator[bytes]:
    """Packets with bytes changed, cut out, put in, cut off; with strings and lengths of every kind."""
    originals = [path.read_bytes() for path in PACKETS]
    originals += [
        osc.encode(osc.Names("F", ("A", "b_1"))),
        osc.encode(osc.Frame("F", 1, 2, 3, 30, 1, (0.5,))),
        livelink.encode(livelink.Packet("", "F", 1, 0.5, 30, 1, None)),
    ]
    hostile = [
        b"\xff" * 4,
        b"\0" * 4,
        b"\x7f\xc0\0\0",
        b"\x80\0\0\0",
        "é…\u2028".encode(),
        b",siihiiff",
        b"a\0\0\0",
    ]
    for _ in range(6000):
        data = bytearray(rng.choice(originals))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data) + 1)
            # Fields sit near the front; damage there is worth more than in the values.
            at = min(at, rng.choice((len(data), 90)))
            match rng.randrange(5):
                case 0 if at < len(data):
                    data[at] = rng.randrange(256)
                case 1:
                    data[at : at + rng.randint(1, 8)] = b""
                case 2:
                    data[at:at] = rng.randbytes(rng.choice((1, 4, 8)))
                case 3:
                    data[at : at + 4] = rng.choice(hostile)
                case _:
                    del data[at:]
        yield bytes(data)


def _python_accepts(data: bytes) -> bool:
    try:
        if data[:1] == bytes([livelink.VERSION]):
            return livelink.decode(data).time_us <= _LONGEST_TIME_US
        message = osc.decode(data)
    except WireError:
        return False
    # The plugin's arithmetic is in 64 bits, so it refuses times beyond 142 years.
    return not isinstance(message, osc.Frame) or abs(message.time_us) <= _LONGEST_TIME_US


def test_both_decoders_accept_and_refuse_the_same_damaged_packets(core: Build) -> None:
    packets = list(_damaged(random.Random(20)))
    lines = core.run("pmmlink_decode", stdin="".join(f"{data.hex()}\n" for data in packets)).splitlines()
    assert len(lines) == len(packets)
    accepted = 0
    for data, line in zip(packets, lines, strict=True):
        expected = _python_accepts(data)
        assert (line != "refused") == expected, data.hex()
        accepted += expected
    assert 300 < accepted < len(packets) - 300
