"""The work of ``pmmlink listen``, apart from its flags so that ``pmmlink --help`` need not load it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from pmmlink.cli.listen_view import Report, View, make_view
from pmmlink.cli.progress import make_console
from pmmlink.curves import LIVELINK_61
from pmmlink.errors import RuntimeFault, TargetError
from pmmlink.receiver import ReceivedFrame, Receiver, Subject, UdpListener
from pmmlink.sinks.csv import CsvSink
from pmmlink.types import CurveFrame
from pmmlink.wire.target import Target, parse_target

_SCHEMES = {"osc": 8000, "livelink": 11111}
_FORMS = "osc://127.0.0.1:8000 or livelink://127.0.0.1:11111"
_WAIT_S = 0.05
_HINT_AFTER_S = 3.0
_MICROSECONDS = Fraction(1_000_000)


def run(
    url: str, bind: str | None, record: Path | None, buffer_s: float, duration_s: float | None, as_json: bool
) -> None:
    """Listens until Ctrl-C or until the time is over.

    Args:
        url: where to listen.
        bind: another address to listen on.
        record: the CSV to write.
        buffer_s: depth of the jitter buffer.
        duration_s: how long; None: until Ctrl-C.
        as_json: JSON lines instead of text.

    Raises:
        TargetError: the port is taken, the URL or the file is no good.
        RuntimeFault: no frame came in the time given, or the disk is full.
    """
    target = _target(url, bind)
    view = make_view(make_console(), as_json)
    recorder = _Recorder(record, view.event) if record is not None else None
    receiver = Receiver(
        buffer_s=buffer_s,
        on_event=view.event,
        on_frame=recorder.take if recorder is not None else None,
    )
    with UdpListener(target) as listener:
        if recorder is not None:
            recorder.open()
        report = Report(target, receiver, listener, time.perf_counter())
        try:
            with view.showing(report):
                _receive(report, view, duration_s)
        except KeyboardInterrupt:
            pass  # the usual way to end
        for datagram in listener.waiting():
            receiver.push(datagram.data, datagram.arrival_s, datagram.sender)
        receiver.flush()
        if recorder is not None:
            recorder.close()
        view.summary(report, time.perf_counter())
    if duration_s is not None and not report.frames:
        raise RuntimeFault(f"no frame arrived on {target} in {duration_s:g} s; {_hint(target)}")


def _receive(report: Report, view: View, duration_s: float | None) -> None:
    """Takes datagrams until the time is over or Ctrl-C is pressed."""
    now_s = report.started_s
    hint_due_s = now_s + _HINT_AFTER_S
    while duration_s is None or now_s - report.started_s < duration_s:
        # Waits briefly, because Windows delivers Ctrl-C only between waits.
        datagram = report.listener.receive(_WAIT_S)
        if datagram is not None:
            report.receiver.push(datagram.data, datagram.arrival_s, datagram.sender)
        now_s = time.perf_counter()
        if now_s >= hint_due_s:
            hint_due_s = float("inf")
            if not report.receiver.subjects and not report.receiver.bad:
                view.event(f"nothing received yet: {_hint(report.target)}")
        view.tick(report, now_s)


def _target(url: str, bind: str | None) -> Target:
    target = parse_target(url, _SCHEMES, _FORMS, default_host="127.0.0.1")
    if target.options:
        raise TargetError(f"{url}: listening takes no options after ?")
    return target if bind is None else replace(target, host=bind)


def _hint(target: Target) -> str:
    """What usually is wrong."""
    local = target.host in ("127.0.0.1", "localhost", "::1")
    elsewhere = (
        "a sender on another machine needs --bind 0.0.0.0 here"
        if local
        else "is UDP let through the firewall"
    )
    return f"is the sender's target port {target.port}? {elsewhere}{'' if local else '?'}"


class _Recorder:
    """Writes the first subject heard to a CSV, with the times at which its frames were captured."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        if path.suffix.lower() != ".csv":
            raise TargetError(f"--record {path}: name a .csv file")
        self._sink = CsvSink(path)
        self._report = report
        self._subject: Subject | None = None
        self._passed_over: set[str] = set()

    def open(self) -> None:
        """Makes sure that the file can be written. Raises TargetError."""
        self._sink.open(LIVELINK_61, _MICROSECONDS, "recording")

    def take(self, subject: Subject, frame: ReceivedFrame) -> None:
        """Writes a frame. Raises RuntimeFault when the disk is full."""
        if self._subject is None:
            self._subject = subject
            if not any(name in LIVELINK_61 for name in frame.curves.names):
                some = ", ".join(frame.curves.names[:3])
                self._report(
                    f"{subject.label} sends curves of another rig ({some} …), which are no columns here: "
                    "the recording is all zeros; add --to FILE.csv to the sender instead"
                )
        if subject is self._subject:
            # Times are kept to the microsecond: a phone's frames do not lie on a grid.
            self._sink.send(CurveFrame(frame.time_us, _MICROSECONDS, frame.curves, frame.values))
        elif subject.label not in self._passed_over:
            self._passed_over.add(subject.label)
            self._report(f"only {self._subject.label} is recorded, not {subject.label}")

    def close(self) -> None:
        """Finishes the file; without a frame there is none."""
        rows = self._sink.stats.sent
        if not rows:
            self._sink.abort()
            self._report(f"nothing recorded: {self._sink.url} was not written")
            return
        self._sink.close()
        self._report(f"recorded {rows} frames to {self._sink.url}")
