"""What arrives on one port: tells formats and subjects apart, and survives what is neither."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from pmmlink.errors import WireError
from pmmlink.receiver.jitter_buffer import ReceivedFrame
from pmmlink.receiver.subject import Subject
from pmmlink.wire import livelink, osc

MAX_SUBJECTS = 16
FORGET_S = 10.0
"""A subject silent for so long makes room for a new one."""

_MAX_SENDERS = 64
_RESTART_US = 1_000_000


class Receiver:
    """Subjects by format and name. Memory is bounded, whatever comes in.

    Attributes:
        subjects: those heard of, oldest first, by (format, name); format is ``osc`` or ``livelink``.
        bad: datagrams that were no valid packet.
        last_bad: why the latest of them was not.
        crowded_out: messages of subjects for which there was no room.
    """

    def __init__(
        self,
        *,
        buffer_s: float = 0.0,
        on_event: Callable[[str], None] | None = None,
        on_frame: Callable[[Subject, ReceivedFrame], None] | None = None,
    ) -> None:
        """A receiver that has heard nothing yet.

        Args:
            buffer_s: depth of the jitter buffers.
            on_event: called with one line when a subject, session or sender comes, goes or misbehaves.
            on_frame: called with every frame as :class:`Subject` describes.
        """
        self.subjects: dict[tuple[str, str], Subject] = {}
        self.bad = 0
        self.last_bad = ""
        self.crowded_out = 0
        self._buffer_s = buffer_s
        self._on_event = on_event
        self._on_frame = on_frame
        self._clocks: dict[str, _TimeOfDay] = {}
        self._complained: set[str] = set()

    def push(self, data: bytes, now_s: float, sender: str = "") -> None:
        """Takes a datagram that arrived at ``now_s``; never raises for what is in it."""
        try:
            if data[:1] == bytes([livelink.VERSION]):
                self._push_livelink(livelink.decode(data), now_s, sender)
            else:
                self._push_osc(osc.decode(data), now_s, sender)
        except WireError as error:
            self.bad += 1
            self.last_bad = str(error)
            self._complain(sender, f"{sender}: bad packet: {error}")

    def flush(self) -> None:
        """Passes what the jitter buffers still hold to ``on_frame``."""
        for subject in self.subjects.values():
            subject.flush()

    def _push_osc(self, message: osc.Message, now_s: float, sender: str) -> None:
        subject = self._subject("osc", message.subject, now_s, sender)
        if subject is not None:
            subject.push(message, now_s, sender)

    def _push_livelink(self, packet: livelink.Packet, now_s: float, sender: str) -> None:
        subject = self._subject("livelink", packet.subject, now_s, sender)
        if subject is None:
            return
        if packet.values is None:
            subject.stats.faceless += 1
            return
        clock = self._clocks.pop(packet.device_id, None) or _TimeOfDay(packet.device_id)
        self._clocks[packet.device_id] = clock
        if len(self._clocks) > _MAX_SENDERS:
            del self._clocks[next(iter(self._clocks))]
        time_us = packet.time_us
        frame = osc.Frame(
            subject=packet.subject,
            session=clock.session(time_us),
            # The app counts sixtieths even when it sends thirty frames a second: only the order is certain.
            seq=time_us,
            time_us=time_us,
            fps_numerator=packet.rate_numerator,
            fps_denominator=packet.rate_denominator,
            values=packet.values,
        )
        subject.push(frame, now_s, sender)

    def _subject(self, kind: str, name: str, now_s: float, sender: str) -> Subject | None:
        found = self.subjects.get((kind, name))
        if found is not None:
            return found
        if len(self.subjects) >= MAX_SUBJECTS and not self._make_room(now_s):
            self.crowded_out += 1
            self._complain(sender, f"{sender}: subject {name!r} ignored, {MAX_SUBJECTS} others are sending")
            return None
        subject = Subject(
            f"{kind} {name}",
            buffer_s=self._buffer_s,
            numbered=kind == "osc",
            on_event=self._on_event,
            on_frame=lambda frame: self._on_frame(subject, frame) if self._on_frame else None,
        )
        self.subjects[kind, name] = subject
        return subject

    def _make_room(self, now_s: float) -> bool:
        """Forgets the subject that has been silent longest, if that is long enough."""
        key, subject = max(self.subjects.items(), key=lambda item: item[1].silence_s(now_s))
        if subject.silence_s(now_s) < FORGET_S:
            return False
        subject.flush()
        del self.subjects[key]
        return True

    def _complain(self, sender: str, text: str) -> None:
        """Reports a misbehaving sender once."""
        if sender not in self._complained and len(self._complained) < _MAX_SENDERS:
            self._complained.add(sender)
            if self._on_event is not None:
                self._on_event(text)


class _TimeOfDay:
    """The timecode of one Live Link Face device.

    A step back (midnight, a restart, a clock that was set) is a new session.
    """

    def __init__(self, device_id: str) -> None:
        self._device_id = device_id
        self._restarts = 0
        self._last_us = 0

    def session(self, time_us: int) -> int:
        """The session number of a packet of this time, as an OSC sender would have one."""
        if time_us < self._last_us - _RESTART_US:
            self._restarts += 1
            self._last_us = time_us
        self._last_us = max(self._last_us, time_us)
        return zlib.crc32(f"{self._device_id}/{self._restarts}".encode()) - 2**31
