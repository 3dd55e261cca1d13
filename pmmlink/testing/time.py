"""Host time that passes only when somebody sleeps."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class VirtualTime:
    """A :class:`~pmmlink.runtime.base.TimeSource` for simulations: a day passes in seconds.

    Single-threaded. A sleep runs the appointments made with :meth:`at` that fall into it, each at its time.
    """

    def __init__(self, start_s: float = 1000.0) -> None:
        self._now_s = start_s
        self._appointments: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def now(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        end_s = self._now_s + seconds
        while self._appointments and self._appointments[0][0] <= end_s:
            self._now_s, _, action = heapq.heappop(self._appointments)
            action()
        self._now_s = end_s

    def at(self, when_s: float, action: Callable[[], None]) -> None:
        """Run ``action`` at a time, once."""
        # The count keeps appointments for the same time in the order in which they were made.
        self._count += 1
        heapq.heappush(self._appointments, (when_s, self._count, action))
