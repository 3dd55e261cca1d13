"""The report of the speech suite as Markdown, for people, and as JSON, for programs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pmmlink.eval import speech
from pmmlink.eval.bars import BarResult, bars
from pmmlink.eval.statistics import Estimate
from pmmlink.eval.suite import CLEAN, Figures, SpeechReport
from pmmlink.eval.tables import cell, estimate_json, figures_json, number, table

_COLUMNS = {
    "closure_recall": "P/B/M recall",
    "closure_precision": "precision",
    "closure_event_precision": "by events",
    "open_vowel_recall": "open vowels",
    "tuck_recall": "F/V tuck",
    "constriction_recall": "F/V narrow",
    "tuck_precision": "tuck precision",
    "rounding_auc": "rounding AUC",
    "openness_rho": "openness ρ",
    "best_lag": "best lag",
    "silence_motion": "silence",
    "jitter": "jitter",
}
_LEAST_PHONES = 5
"""A voice with fewer P, B and M than this says nothing about its group."""


def to_json(report: SpeechReport) -> dict[str, Any]:
    """Everything that was measured, as JSON values; NaN becomes null."""
    return {
        "suite": "speech",
        "model": report.model,
        "about": report.about,
        "bars": [_bar_json(bar) for bar in bars(report)],
        "overall": figures_json(report.overall),
        "groups": {
            kind: {name: figures_json(figures) for name, figures in groups.items()}
            for kind, groups in report.groups.items()
        },
        "conditions": {name: figures_json(figures) for name, figures in report.conditions.items()},
        "curve_correlations": {
            source: {style: figures_json(curves) for style, curves in by_style.items()}
            for source, by_style in report.curves.items()
        },
        "unseen_speakers": report.unseen_speakers,
        "jitter_on_measured_takes": figures_json(report.real_jitter),
        "speakers": report.speakers,
        "clips": report.clips,
        "condition_clips": report.condition_clips,
    }


def to_markdown(report: SpeechReport) -> str:
    """The report for people: bars first, then every table, then how things are counted."""
    parts = [
        f"# Speech evaluation of {report.model}",
        _provenance(report),
        "## Bars",
        table(
            ("measure", "measured [95 % interval]", "rests on", "bar", "", "best peer, offline", "prototype"),
            (_bar_row(bar) for bar in bars(report)),
        ),
        "## All clips with phones",
        _figures_table("clips", {"all": report.overall}),
    ]
    for kind, groups in report.groups.items():
        if kind == "voice":
            parts += ["## By voice", _voices(groups)]
        else:
            parts += [f"## By {kind}", _figures_table(kind, groups)]
    if report.conditions:
        parts += [
            "## Noise and level",
            f"On {len(report.condition_clips)} clips, the same in each row.",
            _figures_table("condition", report.conditions),
            "Kept of clean, recall and precision:",
            _kept_table(report),
        ]
    for source, by_style in report.curves.items():
        kind = "unseen speakers" if source in report.unseen_speakers else "unseen sentences"
        parts += [f"## Measured takes: {source} ({kind}), Pearson's r", _curves_table(by_style)]
    if report.real_jitter:
        rows = [(who, cell(estimate, True)) for who, estimate in report.real_jitter.items()]
        parts += ["## Jitter on measured takes", table(("who", "jitter"), rows)]
    parts += ["## How things are counted", _definitions()]
    return "\n\n".join(parts) + "\n"


def _provenance(report: SpeechReport) -> str:
    asked = ", ".join(f"{key} {value}" for key, value in report.about.items())
    heard = f"{len(report.clips)} clips, {len(report.speakers)} speakers"
    return f"{asked + ': ' if asked else ''}{heard}. Intervals come from resampling clips."


def _bar_row(bar: BarResult) -> tuple[str, ...]:
    count = str(bar.estimate.count) if bar.estimate else "-"
    return (bar.label, cell(bar.estimate, True), count, bar.target, bar.state, bar.peer, bar.prototype)


def _bar_json(bar: BarResult) -> dict[str, Any]:
    return {
        "measure": bar.label,
        "bar": bar.target,
        "state": bar.state,
        "best_peer": bar.peer,
        "prototype": bar.prototype,
        "measured": estimate_json(bar.estimate) if bar.estimate else None,
    }


def _figures_table(first: str, groups: dict[str, Figures]) -> str:
    rows = [
        (name, *(cell(figures.get(key), key == "closure_recall") for key in _COLUMNS))
        for name, figures in groups.items()
    ]
    return table((first, *_COLUMNS.values()), rows)


def _voices(groups: dict[str, Figures]) -> str:
    """Quartiles over voices and the worst five: a table of hundreds of voices is for the JSON."""
    heard = {name: f for name, f in groups.items() if f["closure_recall"].count >= _LEAST_PHONES}
    if not heard:
        return f"No voice has {_LEAST_PHONES} P, B or M."
    rows = []
    for key, label in _COLUMNS.items():
        values = np.array([figures[key].value for figures in heard.values()])
        values = values[np.isfinite(values)]
        quartiles = np.percentile(values, (0, 25, 50, 75, 100)) if len(values) else [math.nan] * 5
        rows.append((label, *(number(value) for value in quartiles)))
    worst = sorted(heard, key=lambda name: heard[name]["closure_recall"].value)[:5]
    named = ", ".join(f"{name} {number(heard[name]['closure_recall'].value)}" for name in worst)
    head = f"{len(heard)} voices with {_LEAST_PHONES} or more P, B, M; lowest recall: {named}."
    return (
        head + "\n\n" + table(("over voices", "least", "quarter", "median", "three quarters", "most"), rows)
    )


def _kept_table(report: SpeechReport) -> str:
    clean = report.conditions[CLEAN]
    rows = [
        (
            name,
            *(cell(figures[key].over(clean[key]), True) for key in ("closure_recall", "closure_precision")),
        )
        for name, figures in report.conditions.items()
        if name != CLEAN
    ]
    return table(("condition", "recall kept", "precision kept"), rows)


def _curves_table(by_style: dict[str, dict[str, Estimate]]) -> str:
    names = list(dict.fromkeys(name for curves in by_style.values() for name in curves))
    rows = [(name, *(cell(curves.get(name), True) for curves in by_style.values())) for name in names]
    return table(("curve", *(f"style {style}" for style in by_style)), rows)


def _definitions() -> str:
    text = speech.__doc__ or ""
    return (
        text[text.index("Everything is counted") :]
        .strip()
        .replace(":func:`pmmlink.lips.lip_gap_mm`", "in mm")
    )
