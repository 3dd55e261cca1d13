"""Host time that passes only when somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable


class VirtualTime:
    """A :class:`~pmmlink.runtime.base.TimeSource` for simulations: a day passes in seconds.

    Single-threaded. A sleep runs the appointments made with :meth:`at` that fall into it, each at its time.
    """

    def __init__(self, start_s: float = 1000.0) -> None:
        self._now_s = start_s
        self._when_s = float("inf")
        self._action: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        end_s = self._now_s + seconds
        while self._when_s <= end_s:
            self._now_s, self._when_s = self._when_s, float("inf")
            self._action()
        self._now_s = end_s

    def at(self, when_s: float, action: Callable[[], None]) -> None:
        """Run ``action`` at a time. There is one appointment; a new one replaces it."""
        self._when_s, self._action = when_s, action
