"""The report of a protocol: sections of text and tables, as Markdown and as JSON values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pmmlink.eval import lip_error, measured
from pmmlink.eval.protocol import Figures, ProtocolReport, TakeResult
from pmmlink.eval.tables import cell, figures_json, number, table

WORST = 15
"""Takes in the list of the worst; the JSON has them all."""

JSON_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells.

    Attributes:
        head: titles.
        rows: cells as text.
        note: what to say below it.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a report: text, then a table where there is one."""

    title: str
    text: str = ""
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A figure as tables show it."""

    key: str
    title: str
    scale: float = 1.0
    digits: int = 3


_COMMON = (
    Column("closure_recall", "closure recall"),
    Column("closure_precision", "closure precision"),
    Column("lag", "lag, frames", digits=0),
    Column("jitter", "jitter / actor's"),
)
COLUMNS = {
    "curves": (
        Column("lve", "LVE ×10⁻²", 1e2),
        Column("ale", "ALE ×10⁻²", 1e2),
        Column("lve_squared", "LVE squared ×10⁻²", 1e2),
        *_COMMON,
    ),
    "vertices": (
        Column("lve", "LVE, mm"),
        Column("ale", "ALE, mm"),
        Column("lve_squared", "LVE squared, ×10⁻⁵ m²", 1e5),
        *_COMMON,
    ),
}
"""In the paper's units: tables II and V count in 10⁻², table III in 10⁻⁵ (squared metres, see
:mod:`pmmlink.eval.lip_error`)."""

_PAPER = {
    "cross-subject": "on 3D-CAVFA, cross-subject: LVE 7.169, ALE 0.640 (×10⁻²)",
    "cross-gender": "on 3D-CAVFA, cross-gender: LVE 6.568, ALE 0.590 (×10⁻²)",
    "public": "on VOCA-Test: LVE 2.990 (×10⁻⁵, squared)",
}


def title_of(report: ProtocolReport) -> str:
    """The report's heading."""
    return f"{report.about['protocol']} evaluation of {report.model}"


def sections(report: ProtocolReport) -> list[Section]:
    """The report in the order of reading; the plots of the HTML come after the table of the worst takes."""
    columns = COLUMNS[report.kind]
    out = [Section("What was measured", _asked(report), _parts(report))]
    if report.remarks or report.bad:
        lines = [*report.remarks, *(f"left out: {line}" for line in report.bad)]
        out.append(Section("To bear in mind", "\n".join(f"- {line}" for line in lines)))
    rest = (
        "a face that never moves",
        *(cell(report.rest.get(c.key), True, c.scale, c.digits) for c in columns),
    )
    model = ("the model", *(cell(report.overall.get(c.key), True, c.scale, c.digits) for c in columns))
    paper = _PAPER.get(report.about["protocol"])
    note = f"The paper's PMMTalk {paper}; to be compared on that data alone." if paper else ""
    titles = ("", *(column.title for column in columns))
    out.append(Section("Figures [95 % interval]", "", Table(titles, (model, rest), note)))
    for kind, groups in report.groups.items():
        name = "By style it was animated with" if kind == "style" else f"By {kind}"
        # Where every subject has its own style the table would be that of the subjects again.
        repeated = kind == "style" and all(take.styles == 1 for take in report.takes)
        if len(groups) > 1 and not repeated:
            out.append(Section(name, "", _figures(kind, groups, report)))
    if report.curves:
        rows = tuple((name, cell(estimate, True)) for name, estimate in report.curves.items())
        out.append(
            Section(
                "Curves that move in the labels", "", Table(("curve", "Pearson's r [95 % interval]"), rows)
            )
        )
    shown = report.takes[:WORST]
    more = len(report.takes) - len(shown)
    out.append(
        Section(
            "Worst takes",
            f"By LVE; {more} more in the JSON report." if more > 0 else "By LVE.",
            Table(
                ("take", "subject", "seconds", *(c.title for c in columns[:2]), "closures met", "notes"),
                tuple(_take_row(take, report) for take in shown),
            ),
        )
    )
    out.append(Section("How things are counted", definitions()))
    return out


def to_markdown(report: ProtocolReport) -> str:
    """The report for people."""
    parts = [f"# {title_of(report)}"]
    for section in sections(report):
        parts.append(f"## {section.title}")
        if section.text:
            parts.append(section.text)
        if section.table is not None:
            rows = [[text.replace("|", "\\|") for text in row] for row in section.table.rows]
            parts.append(table(section.table.head, rows))
            if section.table.note:
                parts.append(section.table.note)
    return "\n\n".join(parts) + "\n"


def to_json(report: ProtocolReport) -> dict[str, Any]:
    """Everything that was measured, for programs; NaN becomes null."""
    return {
        "suite": "protocol",
        "model": report.model,
        "about": report.about,
        "kind": report.kind,
        "parts": {part: {"takes": t, "subjects": s} for part, (t, s) in report.parts.items()},
        "styles": list(report.styles),
        "remarks": report.remarks,
        "overall": figures_json(report.overall, JSON_DIGITS),
        "face at rest": figures_json(report.rest, JSON_DIGITS),
        "groups": {
            kind: {name: figures_json(figures, JSON_DIGITS) for name, figures in groups.items()}
            for kind, groups in report.groups.items()
        },
        "curve_correlations": figures_json(report.curves),
        "takes": [
            {
                "id": take.id,
                "subject": take.subject,
                "language": take.language,
                "seconds": round(take.seconds, 3),
                "styles": take.styles,
                "lve": _finite(take.lve),
                "ale": _finite(take.ale),
                "notes": list(take.notes),
            }
            for take in report.takes
        ],
        "bad_takes": report.bad,
    }


def definitions() -> str:
    """What the words mean, from where the measures are."""
    texts = []
    for module in (lip_error, measured):
        text = (module.__doc__ or "").split("\n\n", 1)[1]
        texts.append(text.strip().replace("``", "`"))
    joined = "\n\n".join(texts)
    for reference in (":func:`pmmlink.lips.lip_gap_mm`", ":mod:`pmmlink.eval.speech`"):
        joined = joined.replace(reference, reference.split("`")[1].removeprefix("pmmlink."))
    return joined


def _asked(report: ProtocolReport) -> str:
    lines = [f"- {key}: {value}" for key, value in report.about.items()]
    lines.append(f"- animated with: {', '.join(report.styles)}")
    return "\n".join(lines)


def _parts(report: ProtocolReport) -> Table:
    rows = tuple((part, str(takes), str(subjects)) for part, (takes, subjects) in report.parts.items())
    subjects = len({take.subject for take in report.takes})
    here = ("measured here", str(len(report.takes)), str(subjects))
    return Table(("part", "takes", "subjects"), (*rows, here))


def _figures(kind: str, groups: dict[str, Figures], report: ProtocolReport) -> Table:
    columns = COLUMNS[report.kind]
    rows = tuple(
        (name, *(cell(figures.get(c.key), c.key == "lve", c.scale, c.digits) for c in columns))
        for name, figures in groups.items()
    )
    return Table((kind, *(column.title for column in columns)), rows)


def _take_row(take: TakeResult, report: ProtocolReport) -> tuple[str, ...]:
    scale = COLUMNS[report.kind][0].scale
    closures = take.sums["closures"] / take.styles
    met = f"{take.sums['closure_hit'] / take.styles:.3g} of {closures:.0f}" if closures else "-"
    return (
        *(take.id, take.subject, f"{take.seconds:.1f}"),
        *(number(take.lve * scale), number(take.ale * scale), met, "; ".join(take.notes)),
    )


def _finite(value: float) -> float | None:
    return round(value, JSON_DIGITS) if math.isfinite(value) else None
