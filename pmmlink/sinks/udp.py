"""Datagrams to a receiver that may not be there yet, may go away, and may come back."""

from __future__ import annotations

import errno
import socket
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence

from pmmlink.sinks.base import Sink, SinkStats
from pmmlink.types import CurveFrame
from pmmlink.wire.target import Target, resolve

RETRY_S = (0.5, 1.0, 2.0, 5.0)
"""Waits before a broken way is tried again; the last one repeats."""

QUIET_S = 2.0
"""A problem counts as over when it has not shown for so long; a network need not refuse every datagram."""

_SEND_TIMEOUT_S = 0.2
_BUSY = (errno.ENOBUFS, errno.EAGAIN, errno.EWOULDBLOCK)


class UdpSender:
    """Sends datagrams to one address and survives everything a network does.

    * Nobody listens (ICMP port unreachable; on Windows "connection reset"): goes on sending, since a receiver
      may start at any time.
    * No such name, no route, interface gone: closes the socket, tries again with growing waits.
    * Send buffer full: gives this datagram up.

    Each change of state is reported once.
    """

    def __init__(
        self, target: Target, stats: SinkStats, report: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        """A sender that has not touched the network yet.

        Args:
            target: where to.
            stats: takes the errors.
            report: called with one line at each change of state.
            clock: seconds, monotonic.
        """
        self._target = target
        self._stats = stats
        self._report = report
        self._clock = clock
        self._socket: socket.socket | None = None
        self._retries = 0
        self._retry_at = float("-inf")
        self._problem = ""
        self._problem_at = float("-inf")

    def send(self, data: bytes) -> bool:
        """Hands one datagram to the network. False when it was given up."""
        sender = self._socket or self._connect()
        if sender is None:
            return False
        try:
            try:
                sender.send(data)
            except ConnectionError as error:
                # This tells of an earlier datagram; the present one has not been sent yet.
                self._refused(error)
                sender.send(data)
        except TimeoutError as error:
            self._note(error, "network busy")
            return False
        except ConnectionError as error:
            self._refused(error)
            return False
        except OSError as error:
            if error.errno in _BUSY:
                self._note(error, "network busy")
            else:
                self._broken(error, "network unreachable")
            return False
        self._delivered()
        return True

    def close(self) -> None:
        """Releases the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket | None:
        if self._clock() < self._retry_at:
            return None
        try:
            family, address = resolve(self._target.host, self._target.port)
        except OSError as error:
            self._broken(error, f"cannot find host {self._target.host!r}")
            return None
        try:
            sender = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            self._broken(error, "no socket")
            return None
        try:
            sender.settimeout(_SEND_TIMEOUT_S)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            # Only a connected socket is told that nobody listens.
            sender.connect(address)
        except OSError as error:
            sender.close()
            self._broken(error, "network unreachable")
            return None
        self._socket = sender
        return sender

    def _delivered(self) -> None:
        self._retries = 0
        if self._problem and self._clock() - self._problem_at > QUIET_S:
            self._problem = ""
            self._report("sending again")

    def _refused(self, error: OSError) -> None:
        self._note(error, "nobody listens there yet; sending all the same")

    def _broken(self, error: OSError, problem: str) -> None:
        self.close()
        wait_s = RETRY_S[min(self._retries, len(RETRY_S) - 1)]
        self._retries += 1
        self._retry_at = self._clock() + wait_s
        self._note(error, problem)

    def _note(self, error: OSError, problem: str) -> None:
        text = f"{problem} ({error.strerror or error})"
        self._stats.errors += 1
        self._stats.last_error = text
        self._problem_at = self._clock()
        if problem != self._problem:
            self._problem = problem
            self._report(text)


class UdpSink(Sink):
    """A sink whose frames are datagrams."""

    network = True

    def __init__(self, target: Target, clock: Callable[[], float] = time.monotonic) -> None:
        """A sink that is not open yet.

        Args:
            target: where to.
            clock: seconds, monotonic.
        """
        super().__init__(str(target))
        self._clock = clock
        self._sender = UdpSender(target, self.stats, lambda text: self.on_event(f"{self.url}: {text}"), clock)
        self._first_index = 0
        self._last_index: int | None = None

    def close(self) -> None:
        if self._last_index is not None:
            self._deliver(self._farewell())
            self._last_index = None
        self._sender.close()

    def _open(self) -> None:
        self._last_index = None

    def _send(self, frame: CurveFrame) -> bool:
        if self._last_index is None or frame.index <= self._last_index:
            self._begin(frame)
        self._last_index = frame.index
        return self._deliver(self._datagrams(frame))

    def _deliver(self, datagrams: Sequence[bytes]) -> bool:
        return all([self._sender.send(data) for data in datagrams])

    def _begin(self, frame: CurveFrame) -> None:
        """Starts the stream over: at its first frame, and where the index does not go on from the last."""
        self._first_index = frame.index

    @abstractmethod
    def _datagrams(self, frame: CurveFrame) -> Sequence[bytes]: ...

    def _farewell(self) -> Sequence[bytes]:
        """What tells the receiver that the stream ended on purpose."""
        return ()
