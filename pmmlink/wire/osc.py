"""The pmmlink OSC messages: names, frame and bye, to bytes and back.

One message is one datagram, never a bundle, so that Unreal's OSC plugin hands each over exactly once.

==================== ================= =====================================================
address              type tags         arguments
==================== ================= =====================================================
``/pmmlink/1/names`` ``s`` + N × ``s`` subject, the N curve names in order (``JawOpen``)
``/pmmlink/1/frame`` ``siihii``+N×``f`` subject, session, seq, capture time in µs, fps as a fraction,
                                       N values; the curves are the only floats
``/pmmlink/1/bye``   ``si``            subject, session: the stream ended on purpose
==================== ================= =====================================================

python-osc writes the arguments and reads them one by one. Its message parser is not used: it guesses missing
bytes of a short float, does not tell int32 from int64, and logs a line for each type it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pythonosc import osc_message_builder
from pythonosc.parsing import osc_types

from pmmlink.errors import WireError
from pmmlink.wire.values import require_finite, require_subject

NAMES_ADDRESS = "/pmmlink/1/names"
FRAME_ADDRESS = "/pmmlink/1/frame"
BYE_ADDRESS = "/pmmlink/1/bye"

MAX_DATAGRAM_BYTES = 4096
"""No valid message is near this long; a longer one is refused before it is parsed."""

MAX_CURVES = 255
MAX_INT32 = 2**31 - 1

_CURVE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the curves in a subject's frames.

    Attributes:
        subject: name of the face.
        names: wire names (``JawOpen``) in the order of the values; 1 to 255, no name twice.
    """

    subject: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The face at one instant.

    Attributes:
        subject: name of the face.
        session: random number of the sender's run (int32).
        seq: number of the frame in the session, from 0 (int32).
        time_us: capture time in µs (int64); 0 is the session's first audio sample.
        fps_numerator, fps_denominator: frame rate, both positive.
        values: 1 to 255 finite floats, of float32 precision.
    """

    subject: str
    session: int
    seq: int
    time_us: int
    fps_numerator: int
    fps_denominator: int
    values: tuple[float, ...]

    @property
    def fps(self) -> Fraction:
        """Frame rate in lowest terms."""
        return Fraction(self.fps_numerator, self.fps_denominator)


@dataclass(frozen=True, slots=True)
class Bye:
    """The session ended on purpose."""

    subject: str
    session: int


Message = Names | Frame | Bye


def encode(message: Message) -> bytes:
    """One message as one datagram.

    Raises:
        WireError: a field that the format cannot carry, or that :func:`decode` would refuse.
    """
    _check(message)
    match message:
        case Names(subject, names):
            arguments = [("s", subject), *(("s", name) for name in names)]
            return _build(NAMES_ADDRESS, arguments)
        case Frame(subject, session, seq, time_us, numerator, denominator, values):
            head = [("s", subject), ("i", session), ("i", seq), ("h", time_us)]
            rate = [("i", numerator), ("i", denominator)]
            return _build(FRAME_ADDRESS, [*head, *rate, *(("f", value) for value in values)])
        case Bye(subject, session):
            return _build(BYE_ADDRESS, [("s", subject), ("i", session)])


def decode(data: bytes) -> Message:
    """The message in one datagram.

    Raises:
        WireError: anything but one complete pmmlink message; never another exception.
    """
    address, tags, arguments = _parse(data)
    message: Message
    if address == NAMES_ADDRESS and re.fullmatch("s{2,}", tags):
        message = Names(arguments[0], tuple(arguments[1:]))
    elif address == FRAME_ADDRESS and re.fullmatch("siihiif+", tags):
        subject, session, seq, time_us, numerator, denominator, *values = arguments
        message = Frame(subject, session, seq, time_us, numerator, denominator, tuple(values))
    elif address == BYE_ADDRESS and tags == "si":
        message = Bye(*arguments)
    elif address in (NAMES_ADDRESS, FRAME_ADDRESS, BYE_ADDRESS):
        raise WireError(f"{address}: arguments of types {tags[:16]!r} do not belong to this message")
    else:
        raise WireError(f"OSC address {address[:64]!r} is not one of pmmlink's")
    _check(message)
    return message


def _check(message: Message) -> None:
    """What the type tags alone do not say. Raises WireError."""
    require_subject(message.subject)
    match message:
        case Names(_, names):
            if not 0 < len(names) <= MAX_CURVES:
                raise WireError(f"{NAMES_ADDRESS}: {len(names)} curves, 1 to {MAX_CURVES} are allowed")
            for name in names:
                if not _CURVE_NAME.match(name):
                    raise WireError(f"{NAMES_ADDRESS}: {name[:64]!r} is not a curve name")
            if len({name.lower() for name in names}) != len(names):
                raise WireError(f"{NAMES_ADDRESS}: a curve name appears twice")
        case Frame():
            if not 0 < len(message.values) <= MAX_CURVES:
                raise WireError(
                    f"{FRAME_ADDRESS}: {len(message.values)} values, 1 to {MAX_CURVES} are allowed"
                )
            if message.seq < 0:
                raise WireError(f"{FRAME_ADDRESS}: negative sequence number {message.seq}")
            if message.fps_numerator <= 0 or message.fps_denominator <= 0:
                rate = f"{message.fps_numerator}/{message.fps_denominator}"
                raise WireError(f"{FRAME_ADDRESS}: frame rate {rate} is not positive")
            require_finite(message.values, FRAME_ADDRESS)
        case Bye():
            pass


def _build(address: str, arguments: list[tuple[str, Any]]) -> bytes:
    builder = osc_message_builder.OscMessageBuilder(address=address)
    for tag, value in arguments:
        builder.add_arg(value, tag)
    try:
        data: bytes = builder.build().dgram
    except (osc_message_builder.BuildError, OverflowError) as error:
        raise WireError(f"{address}: {error}") from error
    if len(data) > MAX_DATAGRAM_BYTES:
        raise WireError(f"{address}: {len(data)} bytes, at most {MAX_DATAGRAM_BYTES} are allowed")
    return data


_READERS: dict[str, Callable[[bytes, int], tuple[Any, int]]] = {
    "s": osc_types.get_string,
    "i": osc_types.get_int,
    "h": osc_types.get_int64,
    "f": osc_types.get_float,
}


def _parse(data: bytes) -> tuple[str, str, list[Any]]:
    """Address, type tags without the comma, and arguments of a message. Raises WireError."""
    if len(data) > MAX_DATAGRAM_BYTES:
        raise WireError(f"OSC: {len(data)} bytes, at most {MAX_DATAGRAM_BYTES} are allowed")
    if data.startswith(b"#bundle"):
        raise WireError("OSC: a bundle; pmmlink sends plain messages")
    try:
        address, at = osc_types.get_string(data, 0)
        tags, at = osc_types.get_string(data, at)
        if not tags.startswith(","):
            raise WireError("OSC: no type tags after the address")
        arguments: list[Any] = []
        for tag in tags[1:]:
            if tag not in _READERS:
                raise WireError(f"{address[:64]!r}: argument of type {tag!r} is not used by pmmlink")
            argument, at = _READERS[tag](data, at)
            arguments.append(argument)
    except osc_types.ParseError as error:
        raise WireError(f"OSC: {error}") from error
    except UnicodeDecodeError as error:
        raise WireError("OSC: a string is not UTF-8") from error
    if at != len(data):
        # Also where python-osc has made up the missing bytes of a last float.
        raise WireError(f"{address[:64]!r}: {len(data)} bytes, but its arguments take {at}")
    return address, tags[1:], arguments
