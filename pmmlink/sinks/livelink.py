"""``livelink://``: Live Link Face datagrams, which Unreal reads with nothing to install."""

from __future__ import annotations

import platform
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction

from pmmlink.curves import LIVELINK_61
from pmmlink.sinks.base import CurveMap
from pmmlink.sinks.udp import UdpSink
from pmmlink.types import CurveFrame
from pmmlink.wire import livelink
from pmmlink.wire.target import Target

DAY_S = 86_400


def device_id(subject: str) -> str:
    """36 characters that stay the same from run to run for a subject on this machine, as a phone's would."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"pmmlink://{platform.node()}/{subject}")).upper()


class LiveLinkSink(UdpSink):
    """One version 6 packet a frame.

    The timecode is the time of day of the first frame, from which it counts on with the stream: frame numbers
    are consecutive, and stay so when the clock of the machine is set.
    """

    def __init__(
        self,
        target: Target,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        """A sink that is not open yet.

        Args:
            target: where to.
            clock: seconds, monotonic.
            wall_clock: local time.
        """
        super().__init__(target, clock)
        self._wall_clock = wall_clock
        self._map = CurveMap(LIVELINK_61)
        self._device_id = ""
        self._zero_s = Fraction(0)

    def _open(self) -> None:
        self._require_arkit()
        super()._open()
        self._device_id = device_id(self._subject)

    def _begin(self, frame: CurveFrame) -> None:
        super()._begin(frame)
        now = self._wall_clock()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        elapsed = now - midnight
        self._zero_s = elapsed.seconds + Fraction(elapsed.microseconds, 1_000_000) - frame.index / frame.fps

    def _datagrams(self, frame: CurveFrame) -> Sequence[bytes]:
        time_of_day_s = (self._zero_s + frame.index / frame.fps) % DAY_S
        number, rest = divmod(time_of_day_s * frame.fps, 1)
        packet = livelink.Packet(
            device_id=self._device_id,
            subject=self._subject,
            frame_number=int(number),
            sub_frame=float(rest),
            rate_numerator=frame.fps.numerator,
            rate_denominator=frame.fps.denominator,
            values=tuple(self._map(frame).tolist()),
        )
        return (livelink.encode(packet),)
