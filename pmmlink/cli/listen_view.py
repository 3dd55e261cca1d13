"""How ``pmmlink listen`` shows what it hears: meters on a terminal, plain lines elsewhere, or JSON lines."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pmmlink.cli.progress import clock_text
from pmmlink.receiver import Face, Receiver, Subject, UdpListener
from pmmlink.wire.target import Target

_LINE_EVERY_S = 1.0
_DRAW_EVERY_S = 0.1
_EVENTS_A_SECOND = 10
_SUBJECTS_SHOWN = 3
_METER_WIDTH = 14

_METERS = (
    ("jawOpen", "mouthClose"),
    ("mouthFunnel", "mouthPucker"),
    ("mouthSmileLeft", "mouthSmileRight"),
    ("mouthStretchLeft", "mouthStretchRight"),
    ("mouthPressLeft", "mouthPressRight"),
    ("mouthRollLower", "mouthRollUpper"),
    ("mouthLowerDownLeft", "mouthUpperUpLeft"),
)


def mouth_opening(face: Face) -> float:
    """How far the lips are apart, 0 to 1: the jaw's opening less what MouthClose takes back."""
    if "jawOpen" not in face.curves:
        return 0.0
    closed = float(face.values[face.curves.index("mouthClose")]) if "mouthClose" in face.curves else 0.0
    return max(0.0, float(face.values[face.curves.index("jawOpen")]) - closed)


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to show.

    Attributes:
        target: where this listens.
        receiver: what was heard.
        listener: the socket.
        started_s: when listening began, by ``time.perf_counter``.
    """

    target: Target
    receiver: Receiver
    listener: UdpListener
    started_s: float

    @property
    def frames(self) -> int:
        """Frames accepted from all subjects."""
        return sum(subject.stats.received for subject in self.receiver.subjects.values())

    def figures(self, now_s: float) -> dict[str, Any]:
        """Every figure, for JSON."""
        subjects = [_figures(*key, subject, now_s) for key, subject in self.receiver.subjects.items()]
        return {
            "time_s": round(now_s - self.started_s, 3),
            "subjects": subjects,
            "bad_packets": self.receiver.bad,
            "last_bad_packet": self.receiver.last_bad,
            "crowded_out": self.receiver.crowded_out,
            "unread": self.listener.overflow,
        }


def _figures(kind: str, name: str, subject: Subject, now_s: float) -> dict[str, Any]:
    face = subject.frame_at(now_s)
    stats, timing = subject.stats, subject.stats.timing
    return {
        "subject": name,
        "format": kind,
        "sender": subject.sender,
        "session": subject.session,
        "state": face.state.value,
        "curves": len(face.curves),
        "mouth_opening": round(mouth_opening(face), 4),
        "fps": round(timing.fps(now_s), 2),
        "received": stats.received,
        "lost": stats.lost,
        "reordered": stats.reordered,
        "late": stats.late,
        "duplicates": stats.duplicates,
        "foreign": stats.foreign,
        "unnamed": stats.unnamed,
        "faceless": stats.faceless,
        "sessions": stats.sessions,
        "interval_ms": round(timing.mean_interval_s * 1e3, 3),
        "jitter_ms": round(timing.jitter_s * 1e3, 3),
        "deviation_rms_ms": round(timing.deviation_rms_s * 1e3, 3),
        "max_deviation_ms": round(timing.max_deviation_s * 1e3, 3),
    }


def _counts(subject: Subject) -> str:
    """The counts in words; those that are rarely other than 0 only when they are."""
    stats = subject.stats
    lost = "loss unknown" if stats.lost is None else f"{stats.lost} lost"
    always = [f"{stats.received} frames", lost, f"{stats.reordered} reordered"]
    rare = {
        "late": stats.late,
        "duplicates": stats.duplicates,
        "of another sender": stats.foreign,
        "without names": stats.unnamed,
        "without a face": stats.faceless,
    }
    return ", ".join([*always, *(f"{count} {what}" for what, count in rare.items() if count)])


class View(ABC):
    """One way to show a report. Used from one thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._due_s = 0.0
        self._quota = _EVENTS_A_SECOND
        self._quota_due_s = 0.0
        self._unsaid = 0

    def event(self, text: str) -> None:
        """Shows one line at once; a flood of them is cut to a few a second, and the rest counted."""
        if self._quota > 0:
            self._quota -= 1
            self._say(text)
        else:
            self._unsaid += 1

    def tick(self, report: Report, now_s: float) -> None:
        """Called often; shows what is due."""
        if now_s >= self._quota_due_s:
            self._quota, self._quota_due_s = _EVENTS_A_SECOND, now_s + 1.0
            if self._unsaid:
                self._say(f"and {self._unsaid} more events")
                self._unsaid = 0
        if now_s >= self._due_s:
            self._due_s = now_s + self._period_s
            self._show(report, now_s)

    @property
    def _period_s(self) -> float:
        return _LINE_EVERY_S

    def showing(self, report: Report) -> AbstractContextManager[Any]:
        """Says where this listens, and keeps the screen while it lasts."""
        self._due_s = report.started_s + self._period_s
        self._say(f"listening on {report.target}; Ctrl-C ends")
        return nullcontext()

    @abstractmethod
    def _say(self, text: str) -> None: ...

    @abstractmethod
    def _show(self, report: Report, now_s: float) -> None: ...

    @abstractmethod
    def summary(self, report: Report, now_s: float) -> None:
        """Shows the totals at the end."""


class LinesView(View):
    """A line a second for each subject, for logs and pipes."""

    def summary(self, report: Report, now_s: float) -> None:
        receiver = report.receiver
        self._say(f"heard for {clock_text(now_s - report.started_s)}: {report.frames} frames")
        for subject in receiver.subjects.values():
            timing = subject.stats.timing
            self._say(f"  {subject.label} from {subject.sender or 'nobody yet'}: {_counts(subject)}")
            self._say(
                f"    interval {timing.mean_interval_s * 1e3:.2f} ms, jitter {timing.jitter_s * 1e3:.2f} ms, "
                f"deviation {timing.deviation_rms_s * 1e3:.2f} ms rms, "
                f"{timing.max_deviation_s * 1e3:.2f} ms at most"
            )
        if receiver.bad:
            self._say(f"  {receiver.bad} bad packets, the last: {receiver.last_bad}")
        if receiver.crowded_out:
            self._say(f"  {receiver.crowded_out} packets of too many subjects")
        if report.listener.overflow:
            self._say(f"  {report.listener.overflow} packets not read in time: this machine is too busy")

    def _say(self, text: str) -> None:
        self._console.print(text)

    def _show(self, report: Report, now_s: float) -> None:
        where = clock_text(now_s - report.started_s)
        if not report.receiver.subjects:
            self._say(f"{where}  nothing received")
        for subject in report.receiver.subjects.values():
            face = subject.frame_at(now_s)
            opening = mouth_opening(face)
            meter = "#" * round(opening * 10)
            timing = subject.stats.timing
            self._say(
                f"{where}  {subject.label}  {face.state.value:7}  {timing.fps(now_s):5.1f} fps  "
                f"jitter {timing.jitter_s * 1e3:.1f} ms  mouth [{meter:10}] {opening:.2f}  {_counts(subject)}"
            )


class MeterView(LinesView):
    """Meters redrawn in place, for a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(Text(), console=console, auto_refresh=False, transient=True)

    def showing(self, report: Report) -> AbstractContextManager[Any]:
        super().showing(report)
        return self._live

    @property
    def _period_s(self) -> float:
        return _DRAW_EVERY_S

    def _show(self, report: Report, now_s: float) -> None:
        self._live.update(self._draw(report, now_s), refresh=True)

    def _draw(self, report: Report, now_s: float) -> RenderableType:
        subjects = list(report.receiver.subjects.values())
        parts: list[RenderableType] = [
            Text(
                f"{report.target}  {clock_text(now_s - report.started_s)}  {report.receiver.bad} bad packets"
            )
        ]
        for subject in subjects[:_SUBJECTS_SHOWN]:
            parts += [Text(), *self._subject(subject, now_s)]
        if len(subjects) > _SUBJECTS_SHOWN:
            parts.append(Text(f"and {len(subjects) - _SUBJECTS_SHOWN} more subjects"))
        if not subjects:
            parts.append(Text("nothing received"))
        return Group(*parts)

    def _subject(self, subject: Subject, now_s: float) -> list[RenderableType]:
        face = subject.frame_at(now_s)
        timing = subject.stats.timing
        head = f"{subject.label} from {subject.sender}  {len(face.curves)} curves  {face.state.value}"
        rate = (
            f"{timing.fps(now_s):.1f} fps  jitter {timing.jitter_s * 1e3:.1f} ms "
            f"(at most {timing.max_deviation_s * 1e3:.1f})  {_counts(subject)}"
        )
        meters = Table.grid(padding=(0, 1))
        opening = mouth_opening(face)
        meters.add_row("mouth opening", _meter(opening), f"{opening:.2f}")
        for pair in _METERS:
            cells: list[RenderableType] = []
            for name in pair:
                if name in face.curves:
                    value = float(face.values[face.curves.index(name)])
                    cells += [name, _meter(value), f"{value:.2f}"]
            if cells:
                meters.add_row(*cells)
        return [Text(head, style="bold"), Text(rate), meters]


def _meter(value: float) -> ProgressBar:
    return ProgressBar(total=1.0, completed=value, width=_METER_WIDTH)


class JsonView(View):
    """JSON lines: ``{"event": ...}``, the figures once a second, ``{"summary": ...}`` at the end."""

    def summary(self, report: Report, now_s: float) -> None:
        self._write({"summary": report.figures(now_s)})

    def _say(self, text: str) -> None:
        self._write({"event": text})

    def _show(self, report: Report, now_s: float) -> None:
        self._write(report.figures(now_s))

    def _write(self, value: dict[str, Any]) -> None:
        self._console.out(json.dumps(value), highlight=False)


def make_view(console: Console, as_json: bool) -> View:
    """JSON when asked for, meters on a terminal, else lines."""
    if as_json:
        return JsonView(console)
    return MeterView(console) if console.is_terminal else LinesView(console)
