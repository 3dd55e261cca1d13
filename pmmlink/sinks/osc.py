"""``osc://``: the pmmlink OSC messages over UDP."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from pmmlink.curves import LIVELINK_61, CurveSet
from pmmlink.sinks.base import CurveMap
from pmmlink.sinks.udp import UdpSink
from pmmlink.types import CurveFrame
from pmmlink.wire import osc
from pmmlink.wire.target import Target

NAMES_EVERY_S = 1.0
"""Names are repeated for receivers that start later; by the clock, since a receiver waits in real time."""


class OscSink(UdpSink):
    """One message a frame, the names once a second, ``bye`` at the end.

    ``seq`` follows the frame index, so that a frame dropped on our side is a gap at the receiver. An index
    that steps back starts a new session, which receivers follow at once.

    Attributes:
        wanted: the curves asked for; None: those of the stream.
    """

    def __init__(
        self, target: Target, curves: CurveSet | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """A sink that is not open yet.

        Args:
            target: where to.
            curves: the curves to send; None: those of the stream.
            clock: seconds, monotonic.
        """
        super().__init__(target, clock)
        self.wanted = curves
        self._map = CurveMap(LIVELINK_61)
        self._names = b""
        self._names_due = 0.0
        self._session = 0

    def _open(self) -> None:
        if self.wanted is not None:
            self._require_arkit()
        super()._open()
        self._map = CurveMap(self.wanted or self._curves)
        self._names = osc.encode(osc.Names(self._subject, self._map.target.wire_names))

    def _begin(self, frame: CurveFrame) -> None:
        super()._begin(frame)
        self._session = secrets.randbelow(2**32) - 2**31
        self._names_due = self._clock()

    def _datagrams(self, frame: CurveFrame) -> Sequence[bytes]:
        if frame.index - self._first_index > osc.MAX_INT32:
            self._begin(frame)
        seq = frame.index - self._first_index
        values = tuple(self._map(frame).tolist())
        rate = frame.fps.numerator, frame.fps.denominator
        message = osc.encode(osc.Frame(self._subject, self._session, seq, frame.time_us, *rate, values))
        now = self._clock()
        if now < self._names_due:
            return (message,)
        self._names_due = now + NAMES_EVERY_S
        return self._names, message

    def _farewell(self) -> Sequence[bytes]:
        return (osc.encode(osc.Bye(self._subject, self._session)),)
