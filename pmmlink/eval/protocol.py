"""Runs a model over the test part of a data set under a protocol of the paper (sections III, IV-E, V-A)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.eval.adapter import SpeechModel
from pmmlink.eval.curves import CurveSums, compare, correlations
from pmmlink.eval.lip_error import LipErrors, curve_errors, vertex_errors
from pmmlink.eval.lip_vertices import Lips
from pmmlink.eval.measured import SUMS, measured_sums
from pmmlink.eval.speech import LAGS
from pmmlink.eval.statistics import Estimate, draws
from pmmlink.lips import lip_gap_mm
from pmmlink.train.datasets.base import Kind, Take, TakeData
from pmmlink.types import FloatArray

Figures = dict[str, Estimate]

FIGURES = ("lve", "ale", "lve_squared", "closure_recall", "closure_precision", "lag", "jitter")
SHOWN = ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthSmileLeft", "mouthUpperUpLeft")
"""Curves that reports draw."""

_GAP_CURVES = MODEL_32.positions(("jawOpen", "mouthClose"))
_ERRORS = ("frames", "lve", "ale", "lve_squared")
_JAW = MODEL_32.index("jawOpen")


@dataclass(frozen=True, slots=True)
class Signal:
    """A line to draw: what was measured and what the model made of it, ``[T]`` each."""

    name: str
    measured: FloatArray
    predicted: FloatArray


@dataclass(frozen=True, slots=True)
class TakeResult:
    """One take of the test part.

    Attributes:
        id: of the take.
        subject: whose face it is.
        language: two-letter code.
        seconds: its length.
        styles: how many styles it was animated with.
        sums: what it adds to the figures, over these styles.
        rest: the same of a face that never moves.
        signals: lines to draw, of the first of these styles.
        notes: what was odd about its files.
    """

    id: str
    subject: str
    language: str
    seconds: float
    styles: int
    sums: dict[str, float]
    rest: dict[str, float]
    signals: tuple[Signal, ...]
    notes: tuple[str, ...]

    @property
    def lve(self) -> float:
        """Mean over its frames; NaN without labels."""
        return self.sums["lve"] / self.sums["frames"] if self.sums["frames"] else float("nan")

    @property
    def ale(self) -> float:
        """Mean over its frames; NaN without labels."""
        return self.sums["ale"] / self.sums["frames"] if self.sums["frames"] else float("nan")


@dataclass(slots=True)
class ProtocolReport:
    """What was measured.

    Attributes:
        model: name of the model.
        about: what was asked, in order, for the head of the report.
        kind: ``curves`` or ``vertices``.
        parts: part → (takes, subjects).
        styles: every style that was used.
        remarks: what a reader must know to take the figures for what they are.
        overall: figures over the test part.
        rest: LVE and ALE of a face that never moves, on the same takes.
        groups: subject, language or style → figures.
        curves: curve → Pearson's r (curves only).
        takes: one by one, worst first.
        bad: takes that could not be read, one line each.
    """

    model: str
    about: dict[str, str]
    kind: Kind
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    styles: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)
    overall: Figures = field(default_factory=dict)
    rest: Figures = field(default_factory=dict)
    groups: dict[str, dict[str, Figures]] = field(default_factory=dict)
    curves: dict[str, Estimate] = field(default_factory=dict)
    takes: list[TakeResult] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


def conditioning(take: Take, trained: Sequence[str], stored: Sequence[str]) -> tuple[str, ...]:
    """Styles to animate a take with.

    The style of a known subject; for an unseen one every training style (section IV-E), and where the weights
    hold none of them, every style that they do hold.
    """
    usable = [style for style in trained if style in stored]
    if take.style in usable:
        return (take.style,)
    return tuple(usable or stored)


def evaluate_takes(
    model: SpeechModel,
    takes: Sequence[Take],
    trained: Sequence[str],
    report: ProtocolReport,
    *,
    lips: Lips | None = None,
    templates: dict[str, FloatArray] | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ProtocolReport:
    """Animates every take with every style it is due, and adds what was measured to the report.

    A take that cannot be read is named in the report and left out.

    Args:
        model: what to measure.
        takes: the test part.
        trained: styles of the training part.
        report: with model, kind and parts filled in.
        lips: of the mesh (vertices only).
        templates: subject → ``[V, 3]`` millimetres (vertices only).
        progress: told how many takes are done, and how many there are.

    Raises:
        DataError: no take could be used, or the model's outputs are not those of the data set.
    """
    correlated: list[CurveSums] = []
    by_style: dict[str, list[dict[str, float]]] = defaultdict(list)
    used: dict[str, None] = {}
    for number, take in enumerate(takes, 1):
        try:
            data = take.load()
        except DataError as error:
            report.bad.append(str(error))
            progress(number, len(takes))
            continue
        judge = _Judge(take, data, lips, None if templates is None else templates[take.subject])
        total = dict.fromkeys((*_ERRORS, *SUMS), 0.0)
        signals: tuple[Signal, ...] = ()
        styles = conditioning(take, trained, model.styles)
        for style in styles:
            used.setdefault(style)
            predicted = model.predict(data.audio, style)
            sums = judge.sums(predicted)
            by_style[style].append(sums)
            total = {name: total[name] + sums[name] for name in total}
            signals = signals or judge.signals(predicted)
            if report.kind == "curves":
                correlated.append(compare(predicted, data.targets))
        rest = judge.errors(np.zeros_like(data.targets)).sums()
        seconds = len(data.targets) / 30.0
        report.takes.append(
            TakeResult(
                *(take.id, take.subject, take.language, seconds, len(styles), total, rest, signals),
                data.notes,
            )
        )
        progress(number, len(takes))
    if not report.takes:
        raise DataError(f"none of the {len(takes)} test takes can be used; the first: {report.bad[0]}")
    report.styles = tuple(used)
    report.overall = summarise([take.sums for take in report.takes])
    at_rest = summarise([dict.fromkeys(SUMS, 0.0) | take.rest for take in report.takes])
    report.rest = {name: at_rest[name] for name in ("lve", "ale", "lve_squared")}
    report.curves = correlations(correlated)
    report.groups = {
        "subject": _groups(report.takes, "subject"),
        "language": _groups(report.takes, "language"),
        "style": {style: summarise(sums) for style, sums in by_style.items()},
    }
    report.takes.sort(key=lambda take: (-take.lve if np.isfinite(take.lve) else 0.0, take.id))
    return report


def summarise(takes: Sequence[dict[str, float]], seed: int = 0) -> Figures:
    """Figures pooled over frames and closures, with intervals from resampling takes."""
    names = (*_ERRORS, *SUMS)
    table = np.array([[sums[name] for name in names] for sums in takes])
    drawn = np.vstack([np.ones((1, len(takes))), draws(len(takes), seed)])
    columns = dict(zip(names, (drawn @ table).T, strict=True))
    ratios = {
        **{name: (name, "frames") for name in ("lve", "ale", "lve_squared")},
        "closure_recall": ("closure_hit", "closures"),
        "closure_precision": ("closed_right", "closed"),
        "jitter": ("jitter_predicted", "jitter_measured"),
    }
    figures: Figures = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, (part, whole) in ratios.items():
            count = columns["jitter_frames" if name == "jitter" else whole][0]
            ratio = columns[part] / columns[whole]
            figures[name] = Estimate.of(ratio[0], ratio[1:], count)
    by_lag = np.stack([columns[f"lag_{lag}"] for lag in LAGS])
    best = np.where(columns["lag_frames"] > 0, np.array(LAGS, np.float64)[by_lag.argmax(0)], np.nan)
    figures["lag"] = Estimate.of(best[0], best[1:], columns["lag_frames"][0])
    if len(takes) == 1:  # nothing to resample: no interval rather than one of no width
        figures = {name: replace(figure, low=np.nan, high=np.nan) for name, figure in figures.items()}
    return {name: figures[name] for name in FIGURES}


class _Judge:
    """Measures predictions of one take."""

    def __init__(self, take: Take, data: TakeData, lips: Lips | None, template: FloatArray | None) -> None:
        self._where = str(take.files[0])
        self._labels = data.targets
        self._lips = lips
        self._template = template
        # Without both curves nobody can tell whether the lips meet: the jaw alone is no gap.
        self._has_gap = lips is not None or bool(np.isfinite(data.targets[:, _GAP_CURVES]).any(axis=0).all())
        # Of a curve without a label nobody knows what it does to the lips: neither side may move it.
        self._labelled = np.isfinite(data.targets).any(axis=0)
        self._measured = self._apart(data.targets)

    def errors(self, predicted: FloatArray) -> LipErrors:
        """Of all frames that have a label."""
        if predicted.shape[1] != self._labels.shape[1]:
            raise DataError(
                f"{self._where}: {self._labels.shape[1]} outputs are labelled, the model makes "
                f"{predicted.shape[1]}: evaluate it on the kind of data it was trained on"
            )
        if self._lips is not None:
            return vertex_errors(predicted, self._labels, self._lips.vertices)
        return curve_errors(predicted, self._labels)

    def sums(self, predicted: FloatArray) -> dict[str, float]:
        """Everything that the take adds up under one style."""
        errors = self.errors(predicted).sums()
        return errors | measured_sums(self._apart(predicted), self._measured, self._has_gap)

    def signals(self, predicted: FloatArray) -> tuple[Signal, ...]:
        """Lines to draw."""
        frames = min(len(predicted), len(self._labels))
        lines: list[Signal] = []
        if self._has_gap:
            apart = self._apart(predicted)[:frames]
            lines.append(Signal("lips apart, mm", self._measured[:frames], apart))
        if self._lips is None:
            for name in SHOWN:
                column = MODEL_32.index(name)
                label = self._labels[:frames, column]
                if np.isfinite(label).any():
                    lines.append(Signal(name, label, predicted[:frames, column]))
        return tuple(lines)

    def _apart(self, rows: FloatArray) -> FloatArray:
        if self._lips is not None and self._template is not None:
            return self._lips.apart_mm(rows, self._template)
        if not self._has_gap:
            return rows[:, _JAW]
        # Curves without a label count as zero, but a frame without any has no gap.
        gap = lip_gap_mm(np.nan_to_num(np.where(self._labelled, rows, 0.0)))
        gap[np.isnan(rows[:, _GAP_CURVES]).any(axis=1)] = np.nan
        return gap


def _groups(takes: Sequence[TakeResult], key: str) -> dict[str, Figures]:
    names = dict.fromkeys(sorted(getattr(take, key) for take in takes))
    return {name: summarise([take.sums for take in takes if getattr(take, key) == name]) for name in names}
