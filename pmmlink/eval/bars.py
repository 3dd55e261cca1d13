"""What the shipped model is held to, and what others reach."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pmmlink.eval.statistics import Estimate
from pmmlink.eval.suite import CLEAN, MANDARIN, REAL_READ_ENGLISH, SpeechReport

MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"


@dataclass(frozen=True, slots=True)
class BarResult:
    """A bar and how the model stands to it.

    Attributes:
        label: what is measured.
        target: the bar in words, e.g. ``≥ 0.95``.
        peer: what the best other system reaches offline.
        prototype: what the first prototype reached.
        estimate: the measured figure; None when the corpus has nothing to measure it on.
        state: ``met``, ``missed`` or ``not measured``.
    """

    label: str
    target: str
    peer: str
    prototype: str
    estimate: Estimate | None
    state: str


def bars(report: SpeechReport) -> list[BarResult]:
    """All bars in the order of the report's table."""
    english = report.groups.get("scope", {}).get(REAL_READ_ENGLISH, {})
    mandarin = report.groups.get("scope", {}).get(MANDARIN, {})
    out = [
        _at_least(
            "P/B/M closure recall, real read English", english.get("closure_recall"), 0.95, "0.88", "0.93-1.0"
        ),
        _at_least("its precision, speech frames", english.get("closure_precision"), 0.90, "0.80", "0.94"),
        _at_least("F/V tuck recall", english.get("tuck_recall"), 0.80, "0.67-1.0", "0.6-1.0"),
        _at_least("open-vowel recall", english.get("open_vowel_recall"), 0.92, "1.00", "0.98"),
        _at_least("Spearman of gap and openness, lag 0", english.get("openness_rho"), 0.58, "0.49", "0.55"),
        _between("its best lag, frames", english.get("best_lag"), 0.0, 1.0, "", ""),
        _at_least("rounding AUC", english.get("rounding_auc"), 0.90, "0.75-0.87", "0.87-0.94"),
        _at_most("gap's spread in silence / in speech", english.get("silence_motion"), 0.12, "0.12", "0.20"),
    ]
    out += _measured_takes(report)
    out += _kept(report)
    out += [
        _at_least("Mandarin closure recall", mandarin.get("closure_recall"), 0.88, "none", "-"),
        _at_least("Mandarin closure precision", mandarin.get("closure_precision"), 0.80, "none", "-"),
        _jitter(report),
    ]
    return out


def _measured_takes(report: SpeechReport) -> list[BarResult]:
    rows = []
    for source, by_style in report.curves.items():
        best = _best_style(by_style)
        unseen = source in report.unseen_speakers
        kind, bound = ("unseen speakers", 0.62) if unseen else ("unseen sentences", 0.80)
        style, estimate = best if best else ("", None)
        label = f"jawOpen r, {kind}, {source}" + (f", style {style}" if style else "")
        rows.append(_at_least(label, estimate, bound, "none streams", "0.59-0.63" if unseen else "0.75"))
    return rows or [_at_least("jawOpen r on measured takes", None, 0.80, "none streams", "0.75")]


def _best_style(by_style: dict[str, dict[str, Estimate]]) -> tuple[str, Estimate] | None:
    found = [(style, curves["jawOpen"]) for style, curves in by_style.items() if "jawOpen" in curves]
    return max(found, key=lambda pair: pair[1].value) if found else None


def _kept(report: SpeechReport) -> list[BarResult]:
    clean = report.conditions.get(CLEAN)
    rows = []
    for name, bound, prototype in (
        ("20 dB fainter", 0.97, "0.37"),
        ("babble 10 dB", 0.88, "0.66"),
        ("street 10 dB", 0.88, "0.66"),
    ):
        here = report.conditions.get(name)
        for figure, word in (("closure_recall", "recall"), ("closure_precision", "precision")):
            kept = here[figure].over(clean[figure]) if here and clean else None
            rows.append(_at_least(f"{word} kept, {name}", kept, bound, "not measured", prototype))
    return rows


def _jitter(report: SpeechReport) -> BarResult:
    label = "jitter in steady vowels, over that of real takes"
    if len(report.real_jitter) < 2:
        return _at_most(label, None, 1.0, "-", "-")
    ratio = report.real_jitter["model"].over(report.real_jitter["measured takes"])
    return _at_most(label, ratio, 1.0, "-", "-")


def _at_least(label: str, estimate: Estimate | None, bound: float, peer: str, prototype: str) -> BarResult:
    return _between(label, estimate, bound, math.inf, peer, prototype, f"≥ {bound:.2f}")


def _at_most(label: str, estimate: Estimate | None, bound: float, peer: str, prototype: str) -> BarResult:
    return _between(label, estimate, -math.inf, bound, peer, prototype, f"≤ {bound:.2f}")


def _between(
    label: str,
    estimate: Estimate | None,
    low: float,
    high: float,
    peer: str,
    prototype: str,
    target: str = "",
) -> BarResult:
    if estimate is None or not math.isfinite(estimate.value):
        state = NOT_MEASURED
    else:
        state = MET if low <= estimate.value <= high else MISSED
    return BarResult(label, target or f"{low:.0f} to {high:.0f}", peer, prototype, estimate, state)
