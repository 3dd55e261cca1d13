"""Requests to end, answered alike whoever makes them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOPPED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells expect."""


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """A service manager's or Windows' request to end is answered like Ctrl-C: the mouth closes first."""

    def interrupt(number: int, frame: object) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    wanted = [getattr(signal, name) for name in ("SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
