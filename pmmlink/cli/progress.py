"""How a running command shows itself: a live view on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*#@"
_PLAIN_EVERY_S = 1.0


def make_console() -> Console:
    """Standard output, without guesses: no highlighting of numbers, no markup in file names, no wrapping."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def clock_text(seconds: float) -> str:
    """``75.25`` → ``1:15.2``; hours in front when there are any."""
    tenths = int(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{rest // 10:02d}.{rest % 10}"


def sparkline(values: list[float], console: Console) -> str:
    """Values in [0, 1] as a row of bars, in letters that the console's encoding has."""
    ramp = _BLOCKS if console.encoding.lower().startswith("utf") else _ASCII
    return "".join(ramp[min(8, max(0, round(value * 8)))] for value in values)


class LiveView(AbstractContextManager["LiveView"]):
    """Shows a position and some lines below it, redrawn in place or printed once a second.

    Args:
        console: where to.
        title: what is running.
        total_s: the end of the position, None where it is not known.
        lines: asked for the lines below whenever the view is drawn.
        position_s: asked for the position.
    """

    def __init__(
        self,
        console: Console,
        title: str,
        total_s: float | None,
        position_s: Callable[[], float],
        lines: Callable[[], list[str]],
    ) -> None:
        self._console = console
        self._title = title
        self._total_s = total_s
        self._position_s = position_s
        self._lines = lines
        self._live: Live | None = None
        self._due = 0.0

    def __enter__(self) -> LiveView:
        self._due = time.monotonic() + _PLAIN_EVERY_S
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=self._draw, console=self._console, refresh_per_second=8, transient=True
            )
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
            self._live = None

    def tick(self) -> None:
        """Called often; prints the plain line when one is due."""
        now = time.monotonic()
        if self._live is None and now >= self._due:
            self._due = now + _PLAIN_EVERY_S
            self._console.print("  ".join([self._where(), *self._lines()]))

    def note(self, text: str) -> None:
        """A line that stays, from any thread."""
        self._console.print(text)

    def _where(self) -> str:
        total = f" / {clock_text(self._total_s)}" if self._total_s is not None else ""
        return clock_text(self._position_s()) + total

    def _draw(self) -> RenderableType:
        head = Table.grid(padding=(0, 1))
        # Without a total the bar pulses.
        bar = ProgressBar(total=self._total_s, completed=self._position_s(), width=32)
        head.add_row(Text(self._title, overflow="ellipsis"), bar, self._where())
        return Group(head, *(Text("  " + line, overflow="ellipsis", no_wrap=True) for line in self._lines()))
