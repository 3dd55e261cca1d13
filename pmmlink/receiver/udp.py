"""The socket thread: takes datagrams off the network and notes when they came."""

from __future__ import annotations

import contextlib
import errno
import queue
import socket
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from pmmlink.errors import TargetError
from pmmlink.wire.target import Target, resolve

QUEUE = 4096
"""Datagrams that wait to be looked at: a minute of one 60 fps sender."""

_POLL_S = 0.2
_BUFFER_BYTES = 1 << 20
# On Windows access is also denied where another program holds the port for itself alone.
_IN_USE = (errno.EADDRINUSE, errno.EACCES) if sys.platform == "win32" else (errno.EADDRINUSE,)


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram.

    Attributes:
        data: its bytes.
        sender: ``host:port``.
        arrival_s: when it was read, by ``time.perf_counter`` (``time.monotonic`` ticks every 16 ms on Windows
            before Python 3.13).
    """

    data: bytes
    sender: str
    arrival_s: float


class UdpListener:
    """Listens on a port from the moment it is made until it is closed.

    Attributes:
        overflow: datagrams thrown away because nobody took them off the queue.
    """

    def __init__(self, target: Target) -> None:
        """Binds the port and starts to listen.

        Args:
            target: address and port to listen on.

        Raises:
            TargetError: the port is taken, the address is not this machine's, or the system forbids it.
        """
        self.overflow = 0
        self._queue: queue.Queue[Datagram] = queue.Queue(maxsize=QUEUE)
        self._socket = _bind(target)
        self._closing = False
        self._thread = threading.Thread(target=self._listen, name=f"pmmlink {target}", daemon=True)
        self._thread.start()

    def receive(self, timeout_s: float) -> Datagram | None:
        """The next datagram, or None when none came in time."""
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def waiting(self) -> list[Datagram]:
        """What has come and was not taken yet. Called from the thread that calls :meth:`receive`."""
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]

    def close(self) -> None:
        """Releases the port. Closing twice is harmless."""
        self._closing = True
        self._thread.join(timeout=2 * _POLL_S)
        self._socket.close()

    def __enter__(self) -> UdpListener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self) -> None:
        while not self._closing:
            try:
                data, address = self._socket.recvfrom(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                continue  # Windows reports here that an answer of ours found nobody
            except OSError:
                if not self._closing:
                    time.sleep(_POLL_S)  # the network is being reconfigured; the port stays bound
                continue
            arrival_s = time.perf_counter()
            try:
                self._queue.put_nowait(Datagram(data, f"{address[0]}:{address[1]}", arrival_s))
            except queue.Full:
                self.overflow += 1


def _bind(target: Target) -> socket.socket:
    try:
        family, address = resolve(target.host, target.port)
        listener = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise TargetError(f"{target}: cannot listen there ({error.strerror or error})") from None
    try:
        if sys.platform == "win32":
            # Without it Windows lets a second program take the port, and datagrams go to either.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        with contextlib.suppress(OSError):  # a system that allows less keeps its own size
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        listener.settimeout(_POLL_S)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise TargetError(_why_not(target, error)) from None
    return listener


def _why_not(target: Target, error: OSError) -> str:
    if error.errno in _IN_USE:
        other = target.port + 1 if target.port < 65_535 else target.port - 1
        return (
            f"port {target.port} on {target.host} is in use (Unreal, or another pmmlink listen?): stop that "
            f"program, or listen elsewhere and send there: pmmlink listen {target.scheme}://{target.host}:{other}"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{target.host} is no address of this machine; --bind 0.0.0.0 listens on all of them"
    return f"{target}: cannot listen there ({error.strerror or error})"
