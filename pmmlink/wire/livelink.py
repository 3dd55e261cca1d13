"""The Live Link Face datagram, version 6: what Unreal's built-in ARKit face source listens to.

Big-endian throughout; lengths count bytes of UTF-8, without a terminator:

version ``u8`` = 6, device id (``i32`` length, bytes), subject (``i32`` length, bytes), frame number ``i32``,
sub-frame ``f32`` in [0, 1], frame rate ``i32``/``i32``, then either nothing (no face in sight) or the count
``u8`` = 61 and 61 × ``f32`` in the order of :data:`pmmlink.curves.LIVELINK_61`.

The frame number counts frames since midnight at the frame rate: it is the time of day as a timecode.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from pmmlink.curves import LIVELINK_61
from pmmlink.errors import WireError
from pmmlink.wire.values import require_finite, require_subject

VERSION = 6

MAX_DEVICE_ID_BYTES = 255

_COUNT = len(LIVELINK_61)
_TIME = struct.Struct(">ifii")
_FACE = struct.Struct(f">B{_COUNT}f")
_WHERE = "Live Link Face packet"


@dataclass(frozen=True, slots=True)
class Packet:
    """One datagram.

    Attributes:
        device_id: the sending device; the app writes 36 characters of a UUID.
        subject: name of the face.
        frame_number: frames since midnight.
        sub_frame: the rest of the time of day, as a fraction of a frame in [0, 1].
        rate_numerator, rate_denominator: frame rate, both positive.
        values: 61 finite floats in wire order, or None when no face is seen.
    """

    device_id: str
    subject: str
    frame_number: int
    sub_frame: float
    rate_numerator: int
    rate_denominator: int
    values: tuple[float, ...] | None

    @property
    def fps(self) -> Fraction:
        """Frame rate in lowest terms."""
        return Fraction(self.rate_numerator, self.rate_denominator)

    @property
    def time_us(self) -> int:
        """Time of day in microseconds."""
        return round((self.frame_number + Fraction(self.sub_frame)) * 1_000_000 / self.fps)


def encode(packet: Packet) -> bytes:
    """One packet as one datagram.

    Raises:
        WireError: a field that the format cannot carry, or that :func:`decode` would refuse.
    """
    _check(packet)
    device_id = packet.device_id.encode("utf-8")
    subject = packet.subject.encode("utf-8")
    try:
        head = struct.pack(">Bi", VERSION, len(device_id)) + device_id
        name = struct.pack(">i", len(subject)) + subject
        rate = (packet.rate_numerator, packet.rate_denominator)
        time = _TIME.pack(packet.frame_number, packet.sub_frame, *rate)
        face = b"" if packet.values is None else _FACE.pack(_COUNT, *packet.values)
    except (struct.error, OverflowError) as error:
        raise WireError(f"{_WHERE}: {error}") from error
    return head + name + time + face


def decode(data: bytes) -> Packet:
    """The packet in one datagram.

    Raises:
        WireError: anything but one complete version 6 packet; never another exception.
    """
    if not data:
        raise WireError(f"{_WHERE}: empty")
    if data[0] != VERSION:
        raise WireError(f"{_WHERE}: version {data[0]}, only {VERSION} is known")
    device_id, at = _string(data, 1, "device id")
    subject, at = _string(data, at, "subject name")
    if len(data) < at + _TIME.size:
        raise WireError(f"{_WHERE}: ends inside the time block, at byte {len(data)}")
    frame_number, sub_frame, numerator, denominator = _TIME.unpack_from(data, at)
    at += _TIME.size
    values: tuple[float, ...] | None = None
    if len(data) > at:
        if data[at] != _COUNT:
            raise WireError(f"{_WHERE}: {data[at]} values announced, {_COUNT} expected")
        if len(data) != at + _FACE.size:
            raise WireError(f"{_WHERE}: {len(data)} bytes, {at + _FACE.size} expected")
        values = _FACE.unpack_from(data, at)[1:]
    packet = Packet(device_id, subject, frame_number, sub_frame, numerator, denominator, values)
    _check(packet)
    return packet


def _string(data: bytes, at: int, what: str) -> tuple[str, int]:
    """A string with its length in front, and where the next field starts. Raises WireError."""
    start = at + 4
    if len(data) < start:
        raise WireError(f"{_WHERE}: ends inside the length of the {what}, at byte {len(data)}")
    (length,) = struct.unpack_from(">i", data, at)
    if not 0 <= length <= len(data) - start:
        raise WireError(f"{_WHERE}: the {what} claims {length} bytes, {len(data) - start} are left")
    try:
        return data[start : start + length].decode("utf-8"), start + length
    except UnicodeDecodeError:
        raise WireError(f"{_WHERE}: the {what} is not UTF-8") from None


def _check(packet: Packet) -> None:
    """What the layout alone does not say. Raises WireError."""
    require_subject(packet.subject)
    try:
        length = len(packet.device_id.encode("utf-8"))
    except UnicodeEncodeError:
        raise WireError(f"{_WHERE}: the device id is not valid Unicode text") from None
    if length > MAX_DEVICE_ID_BYTES:
        raise WireError(f"{_WHERE}: device id of {length} bytes, at most {MAX_DEVICE_ID_BYTES} are allowed")
    if packet.frame_number < 0:
        raise WireError(f"{_WHERE}: negative frame number {packet.frame_number}")
    if not 0.0 <= packet.sub_frame <= 1.0:
        raise WireError(f"{_WHERE}: sub-frame {packet.sub_frame}, must lie in 0..1")
    if packet.rate_numerator <= 0 or packet.rate_denominator <= 0:
        rate = f"{packet.rate_numerator}/{packet.rate_denominator}"
        raise WireError(f"{_WHERE}: frame rate {rate} is not positive")
    if packet.values is not None:
        if len(packet.values) != _COUNT:
            raise WireError(f"{_WHERE}: {len(packet.values)} values, {_COUNT} expected")
        require_finite(packet.values, _WHERE)
