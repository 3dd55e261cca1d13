"""How ``pmmlink live`` shows itself: a view on a terminal, plain lines elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.table import Table
from rich.text import Text

from pmmlink.cli.mouth import draw_meter, draw_mouth
from pmmlink.cli.progress import clock_text
from pmmlink.runtime.live import Live
from pmmlink.runtime.monitor import Monitor
from pmmlink.runtime.record import TakeRecorder
from pmmlink.sinks import SinkStats
from pmmlink.types import CurveFrame

_EVERY_S = 1.0
_FLOOR_DB = -60.0
_CURVES = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthSmileLeft",
           "mouthPressLeft", "mouthLowerDownLeft")  # fmt: skip
_MOUTH = ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthSmileLeft", "mouthStretchLeft")
_KEYS = "  m mute  c recentre  r record  q quit"
_INPUT_WIDTH = 40
_METER_WIDTHS = (4, 16)
BESIDE = 17
"""Columns that mouth and margins take beside the curves."""

CURVE = max(map(len, _CURVES)) + 8
"""Columns that a curve takes beside its meter: its name, its value, and gaps."""


class LiveShow(AbstractContextManager["LiveShow"]):
    """Draws a session until it is left.

    Args:
        console: where to.
        live: the session.
        targets: asked for what became of the frames.
        recorder: asked for the take that is being recorded, if any.
        monitor: asked for the monitor, if any.
        as_json: one JSON object a line instead of text.
    """

    def __init__(
        self,
        console: Console,
        live: Live,
        targets: Callable[[], dict[str, SinkStats]],
        recorder: Callable[[], TakeRecorder | None],
        monitor: Callable[[], Monitor | None],
        as_json: bool,
    ) -> None:
        self._console = console
        self._session = live
        self._targets = targets
        self._recorder = recorder
        self._monitor = monitor
        self._json = as_json
        self._started_s = self._due_s = time.monotonic()
        self._rich: RichLive | None = None

    def __enter__(self) -> LiveShow:
        self._started_s = self._due_s = time.monotonic()
        if self._console.is_terminal and not self._json:
            self._rich = RichLive(
                get_renderable=self._draw, console=self._console, refresh_per_second=8, transient=True
            )
            self._rich.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rich is not None:
            self._rich.__exit__(kind, error, trace)
            self._rich = None

    def tick(self) -> None:
        """Called often; prints the line when one is due."""
        now = time.monotonic()
        if self._rich is not None or now < self._due_s:
            return
        self._due_s = now + _EVERY_S
        if self._json:
            self._print_json({"type": "status", **self.figures()})
        else:
            self._console.print("  ".join(self._lines()))

    def note(self, text: str) -> None:
        """An event, from any thread: a line that stays."""
        if self._json:
            self._print_json({"type": "event", "time_s": self._elapsed_s, "text": text})
        else:
            self._console.print(f"{clock_text(self._elapsed_s)} {text}")

    def figures(self) -> dict[str, Any]:
        """Every figure, for JSON; times in milliseconds."""
        live, stats = self._session, self._session.stats
        take, monitor = self._recorder(), self._monitor()
        parts = {
            name: {f"p{p}": _ms(part.percentile_s(p)) for p in (50, 95, 99)}
            for name, part in stats.parts.items()
        }
        return {
            "time_s": self._elapsed_s,
            "source": live.source.name,
            "level_db": round(stats.level_db, 1),
            "muted": live.muted,
            "frames": stats.frames,
            "dropped": stats.dropped,
            "gaps": stats.gaps,
            "overflow_samples": stats.lost + live.source.intake.lost,
            "device_overflows": stats.overflows + live.source.intake.overflows,
            "latency_ms": {
                **{f"p{p}": _ms(stats.latency.percentile_s(p)) for p in (50, 95, 99)},
                "max": _ms(stats.latency.largest_s),
            },
            "parts_ms": parts,
            "budget_ms": {name: _ms(seconds) for name, seconds in live.budget.stages},
            "record": str(take.wav) if take else None,
            "monitor": {"underruns": monitor.underruns, "error_ms": _ms(monitor.error_s)}
            if monitor
            else None,
            "targets": {
                url: {"sent": s.sent, "dropped": s.dropped, "error": s.last_error}
                for url, s in self._targets().items()
            },
        }

    @property
    def _elapsed_s(self) -> float:
        return round(time.monotonic() - self._started_s, 3)

    def _print_json(self, content: dict[str, Any]) -> None:
        self._console.file.write(json.dumps(content, ensure_ascii=True) + "\n")
        self._console.file.flush()

    def _lines(self) -> list[str]:
        live, stats = self._session, self._session.stats
        latency = stats.latency
        lost = stats.lost + live.source.intake.lost
        overflows = stats.overflows + live.source.intake.overflows
        middle, most = (_ms(latency.percentile_s(p)) for p in (50, 95))
        state = [
            f"{clock_text(self._elapsed_s)} level {stats.level_db:.0f} dB{' muted' if live.muted else ''}",
            f"latency p50 {middle} p95 {most} max {_ms(latency.largest_s)} ms",
            f"frames {stats.frames}  dropped {stats.dropped}",
        ]
        if lost or overflows:
            state.append(f"sound lost {lost} samples, device overflows {overflows}")
        take = self._recorder()
        if take is not None:
            state.append(f"recording {take.wav.name} {clock_text(take.seconds)}")
        monitor = self._monitor()
        if monitor is not None:
            state.append(f"monitor off by {_ms(monitor.error_s)} ms, underruns {monitor.underruns}")
        for url, sink in self._targets().items():
            trouble = f" ({sink.last_error})" if sink.last_error else ""
            state.append(f"{url} sent {sink.sent} dropped {sink.dropped}{trouble}")
        return state

    def _draw(self) -> RenderableType:
        stats, console = self._session.stats, self._console
        room = max(4, min(_INPUT_WIDTH, console.width - len("  input  -120 dB  muted")))
        meter = draw_meter(1.0 - stats.level_db / _FLOOR_DB, room, console)
        head = Text(f"{self._session.source.name}\n  input {meter} {stats.level_db:4.0f} dB")
        if self._session.muted:
            head.append("  muted", style="bold red")
        across, width = arrange(console.width)
        curves = Table.grid(padding=(0, 1))
        for at in range(0, len(_CURVES), across):
            cells: list[str] = []
            for name in _CURVES[at : at + across]:
                value = _value(stats.last, name)
                cells += [name, draw_meter(value, width, console), f"{value:.2f} "]
            curves.add_row(*cells)
        face = Table.grid(padding=(0, 2))
        face.add_row(Text("\n".join(self._mouth())), curves)
        lines = [Text("  " + line, overflow="ellipsis", no_wrap=True) for line in self._lines()]
        budget = Text(f"  budget {self._session.budget}", overflow="ellipsis", no_wrap=True)
        return Group(head, face, *lines, budget, Text(_KEYS, style="dim"))

    def _mouth(self) -> list[str]:
        jaw, close, pucker, funnel, smile, stretch = (_value(self._session.stats.last, n) for n in _MOUTH)
        return draw_mouth(max(0.0, jaw - close), smile + stretch - pucker - funnel, self._console)


def arrange(columns: int) -> tuple[int, int]:
    """Curves beside each other, and the width of their meters, on a terminal so wide."""
    least, most = _METER_WIDTHS
    across = 2 if columns >= BESIDE + 2 * (CURVE + least) else 1
    return across, min(most, max(least, (columns - BESIDE) // across - CURVE))


def _value(frame: CurveFrame | None, name: str) -> float:
    """A curve of a frame; 0 where another rig has none of this name."""
    if frame is None or name not in frame.curves:
        return 0.0
    return float(frame.values[frame.curves.index(name)])


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 1)
