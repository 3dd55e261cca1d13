"""A UDP socket on loopback that collects what a sink under test sends."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from pmmlink.curves import LIVELINK_61, CurveSet
from pmmlink.types import CurveFrame

FPS = Fraction(30)


def free_port() -> int:
    """A UDP port that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Inbox:
    """A bound port; iterating yields datagrams until none comes for ``patience_s``."""

    def __init__(self, port: int = 0, patience_s: float = 0.3) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", port))
        self._socket.settimeout(patience_s)
        self.port: int = self._socket.getsockname()[1]

    def __iter__(self) -> Iterator[bytes]:
        while True:
            try:
                yield self._socket.recv(65_536)
            except TimeoutError:
                return

    def timed(self, count: int) -> list[tuple[float, bytes]]:
        """The next ``count`` datagrams with the times at which they were read."""
        return [(time.monotonic(), self._socket.recv(65_536)) for _ in range(count)]

    def __enter__(self) -> Inbox:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def make_frame(index: int, curves: CurveSet = LIVELINK_61, fps: Fraction = FPS, **named: float) -> CurveFrame:
    """A frame whose curves are all 0 but those named."""
    values = np.zeros(len(curves), dtype=np.float32)
    for name, value in named.items():
        values[curves.index(name)] = value
    return CurveFrame(index, fps, curves, values)
