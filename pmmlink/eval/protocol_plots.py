"""Plots of a protocol's report as inline SVG: the error of every take, and curves as measured and as made."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from pmmlink.eval.protocol import ProtocolReport, Signal, TakeResult
from pmmlink.eval.protocol_report import COLUMNS
from pmmlink.types import FloatArray

DRAWN = 8
"""Takes whose curves are drawn."""

WINDOW_S = 10.0
"""Of a longer take the part with the greatest error is drawn."""

_FPS = 30
_WIDTH, _ROW, _LEFT = 900, 64, 176
_RIGHT = 24
_STRIP_ROW = 26


def plots(report: ProtocolReport) -> str:
    """HTML of both kinds."""
    column = COLUMNS[report.kind][0]
    parts = [f"<h2>{escape(column.title)} of every take</h2>", _strip(report, column.scale)]
    parts.append("<h2>Curves</h2>")
    parts.append(
        '<p><span class="key" style="border-color: var(--measured); margin-left: 0"></span>measured'
        '<span class="key" style="border-color: var(--predicted)"></span>the model'
        " (the worst takes, one in the middle, the best)</p>"
    )
    for take in _outliers(report, DRAWN):
        about = f"{escape(column.title)} {take.lve * column.scale:.3f}"
        parts.append(f"<h3>{escape(take.id)} <small>{about}</small></h3>")
        parts.append(_curves(take))
    return "\n".join(parts)


def _strip(report: ProtocolReport, scale: float) -> str:
    """A dot a take, a line a subject."""
    known = [take for take in report.takes if np.isfinite(take.lve)]
    if not known:
        return "<p>No take has a label.</p>"
    subjects = sorted({take.subject for take in known})
    top = max(take.lve * scale for take in known) * 1.05 or 1.0
    height = _STRIP_ROW * len(subjects) + 24
    x0, x1 = _LEFT, _WIDTH - _RIGHT
    out = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="error of every take by subject">']
    for row, subject in enumerate(subjects):
        y = _STRIP_ROW * row + _STRIP_ROW // 2
        out.append(f'<line class="axis" x1="{x0}" y1="{y}" x2="{x1}" y2="{y}"/>')
        out.append(f'<text class="name" x="0" y="{y + 4}">{escape(_short(subject))}</text>')
        for take in known:
            if take.subject == subject:
                x = x0 + (x1 - x0) * take.lve * scale / top
                name = f"{escape(take.id)}: {take.lve * scale:.3f}"
                out.append(f'<circle class="dot" cx="{x:.1f}" cy="{y}" r="5"><title>{name}</title></circle>')
    for part in range(5):
        x = x0 + (x1 - x0) * part / 4
        out.append(f'<text x="{x:.0f}" y="{height - 4}" text-anchor="middle">{top * part / 4:.2f}</text>')
    return "\n".join([*out, "</svg>"])


def _curves(take: TakeResult) -> str:
    """A row a signal, of the window in which the first of them errs most."""
    if not take.signals:
        return "<p>Nothing to draw.</p>"
    first, last = _window(take.signals[0])
    height = _ROW * len(take.signals) + 20
    label = f"measured and predicted curves of {escape(take.id)}"
    out = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">']
    for row, signal in enumerate(take.signals):
        out.append(_row(signal, first, last, row * _ROW))
    for at_s in _ticks(first / _FPS, last / _FPS):
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * (at_s * _FPS - first) / max(last - first - 1, 1)
        out.append(f'<text x="{x:.0f}" y="{height - 4}" text-anchor="middle">{at_s:g} s</text>')
    return "\n".join([*out, "</svg>"])


def _ticks(first_s: float, last_s: float) -> list[float]:
    """Round times, at most a dozen."""
    step = next((step for step in (0.2, 0.5, 1.0, 2.0) if (last_s - first_s) / step <= 12), 5.0)
    begin = int(np.ceil(first_s / step - 1e-9))
    return [round(i * step, 3) for i in range(begin, int(last_s / step) + 1)]


def _row(signal: Signal, first: int, last: int, y: int) -> str:
    measured, predicted = signal.measured[first:last], signal.predicted[first:last]
    both = np.concatenate([measured, predicted])
    both = both[np.isfinite(both)]
    low, high = (min(float(both.min()), 0.0), float(both.max())) if len(both) else (0.0, 1.0)
    # A curve that hardly moves must not be blown up to look as if it did.
    high = max(high, low + (1.0 if "mm" in signal.name else 0.1))
    base, top = y + _ROW - 8, y + 8
    lines = [
        f'<line class="axis" x1="{_LEFT}" y1="{base}" x2="{_WIDTH - _RIGHT}" y2="{base}"/>',
        f'<text class="name" x="0" y="{(base + top) // 2 + 4}">{escape(signal.name)}</text>',
        f'<text x="{_LEFT - 8}" y="{base}" text-anchor="end">{low:.2f}</text>',
        f'<text x="{_LEFT - 8}" y="{top + 8}" text-anchor="end">{high:.2f}</text>',
    ]
    for name, values in (("measured", measured), ("predicted", predicted)):
        path = _path(values, base, (base - top) / (high - low), low)
        lines.append(f'<path class="{name}" d="{path}"/>')
    return "\n".join(lines)


def _path(values: FloatArray, base: float, scale: float, low: float) -> str:
    """Lines through the frames that are known; a gap where they are not."""
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(values) - 1, 1)
    words = []
    pen = "M"
    for i, value in enumerate(values.tolist()):
        if not np.isfinite(value):
            pen = "M"
            continue
        words.append(f"{pen}{_LEFT + i * step:.1f} {base - (value - low) * scale:.1f}")
        pen = "L"
    return "".join(words)


def _window(signal: Signal) -> tuple[int, int]:
    size = int(WINDOW_S * _FPS)
    frames = len(signal.measured)
    if frames <= size:
        return 0, frames
    error = np.abs(np.nan_to_num(signal.measured - signal.predicted)).cumsum()
    gained = error[size:] - error[:-size]
    first = int(gained.argmax()) if len(gained) else 0
    return first, first + size


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"


def _outliers(report: ProtocolReport, count: int) -> Sequence[TakeResult]:
    """The takes to look at: the worst, then one in the middle and the best, each once."""
    takes = report.takes
    if len(takes) <= count:
        return takes
    return (*takes[: count - 2], takes[len(takes) // 2], takes[-1])
