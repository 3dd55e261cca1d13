"""A computer that does not keep up: frames given up are counted, and it is said once, not for each."""

from __future__ import annotations

from collections.abc import Callable

from pmmlink.runtime.live_stats import LiveStats

_CALM_S = 3.0


class Lateness:
    """Says when frames begin to be dropped, and when they no longer are.

    Args:
        stats: where dropped frames are counted.
        on_event: told in one line.
    """

    def __init__(self, stats: LiveStats, on_event: Callable[[str], None]) -> None:
        self._stats = stats
        self._on_event = on_event
        self._last_s: float | None = None
        self._missed = 0

    def dropped(self, frames: int, behind_s: float, now: float) -> None:
        """So many frames were given up because the stream was ``behind_s`` behind."""
        self._stats.dropped += frames
        self._missed += frames
        if self._last_s is None:
            self._on_event(f"{behind_s:.2f} s behind: this computer does not keep up; frames are dropped")
        self._last_s = now

    def look(self, now: float) -> None:
        """Called while the stream is in time."""
        if self._last_s is not None and now - self._last_s > _CALM_S:
            self._on_event(f"in time again; {self._missed} frames were dropped")
            self._last_s, self._missed = None, 0
