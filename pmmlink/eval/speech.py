"""Does the mouth do what the sound says? Measures on curves and phone times.

Everything is counted clip by clip as sums, so that figures of any group of clips, and their
intervals from resampling clips, are sums of sums. Definitions, with ``p95`` the 95th percentile of the
clip's lip gap (:func:`pmmlink.lips.lip_gap_mm`) and frames at 30 a second:

* **closed**: gap ≤ 15 % of p95. **Recall**: P, B, M with a closed frame within the phone ± 1 frame.
* **Precision, frames**: of the closed frames in speech, those within a P, B or M ± 1 frame. Speech is the
  frames inside phones, without those ± 1 frame from a silence of 60 ms or more, where a mouth may shut.
* **Precision, events**: of the unbroken runs of such closed frames, those that lie for at least half of
  their frames within a P, B or M ± 1 frame.
* **Open vowels**: AA AE AO AW AY with gap ≥ 35 % of p95 in the middle half (at least the middle frame).
* **Tuck**: F and V with a frame, within the phone ± 1 frame, whose ``mouthRollLower`` is ≥ 0.16 while the
  gap is ≤ 35 % of p95. **Constriction** asks for the gap alone, for models without the curve.
* **Rounding**: area under the ROC curve of pucker + funnel in the middle half, rounded vowels and W
  against unrounded vowels.
* **Openness**: Spearman correlation of gap and the openness of the phone at each frame of speech; the
  best lag is positive when the mouth is late.
* **Silence**: standard deviation of the gap ≥ 130 ms from any phone over that in speech.
* **Jitter**: root mean square of the second difference of jawOpen in the middle of vowels of 100 ms
  or more, over jawOpen's standard deviation in speech, per frame².
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pmmlink.curves import MODEL_32
from pmmlink.eval.statistics import Array, Estimate, draws, spearman, weighted_auc
from pmmlink.lips import lip_gap_mm
from pmmlink.phones import BILABIALS, LABIODENTALS, OPEN_VOWELS, SILENCE, is_vowel, strip_stress
from pmmlink.types import MODEL_FPS, FloatArray

Phone = tuple[str, float, float]
"""A phone, its start and its end in seconds."""
Mask = npt.NDArray[np.bool_]

CLOSED_SHARE = 0.15
OPEN_SHARE = 0.35
TUCK_ROLL = 0.16
LEAST_OPENING_MM = 0.5
"""A clip whose p95 is below this never opens its mouth: every frame counts as closed, none as open."""

LAGS = tuple(range(-5, 6))
ROUNDED_SOUNDS = frozenset({"UW", "UH", "AO", "OW", "OY", "W", "UE", "OE"})
UNROUNDED_VOWELS = frozenset({"AA", "AE", "AH", "AY", "EH", "EY", "IH", "IY", "IX"})

# Degree of opening: stricture for consonants, height of the tongue for vowels (IPA chart). /h/ takes the
# shape of its vowel and is left out.
OPENNESS: dict[str, float] = dict.fromkeys(("P", "B", "M"), 0.0) | dict.fromkeys(("F", "V"), 0.15)
OPENNESS |= dict.fromkeys(("S", "Z", "SH", "ZH", "CH", "JH", "W"), 0.28)
OPENNESS |= dict.fromkeys(("T", "D", "N", "TH", "DH", "UW", "UE"), 0.33) | {"R": 0.36, "UH": 0.4, "IX": 0.33}
OPENNESS |= dict.fromkeys(("L", "K", "G", "NG", "KX", "RX", "Y"), 0.42)
OPENNESS |= {"IY": 0.46, "ER": 0.46, "IH": 0.52, "OE": 0.5, "OW": 0.62, "OY": 0.65, "EY": 0.62, "AH": 0.64}
OPENNESS |= {"EH": 0.72, "AO": 0.82, "AW": 0.9, "AY": 0.9, "AE": 0.92, "AA": 1.0}

_FRAME_S = float(1 / MODEL_FPS)
_PAUSE_S = 0.06
_AWAY_S = 0.13
_STEADY_S = 0.1
_EPS = 1e-6
_JAW = MODEL_32.index("jawOpen")
_ROLL = MODEL_32.index("mouthRollLower")
_ROUNDING = MODEL_32.positions(("mouthPucker", "mouthFunnel"))

_RATIOS: dict[str, tuple[str, str]] = {
    "closure_recall": ("closure_hit", "closures"),
    "closure_precision": ("closed_right", "closed"),
    "closure_event_precision": ("event_right", "events"),
    "open_vowel_recall": ("open_hit", "opens"),
    "tuck_recall": ("tuck_hit", "tucks"),
    "constriction_recall": ("constricted", "tucks"),
    "tuck_precision": ("tucked_right", "tucked"),
    "openness_rho": ("rho_0", "rho_frames"),
}
_SUMS = (
    *dict.fromkeys(name for pair in _RATIOS.values() for name in pair),
    *(f"rho_{lag}" for lag in LAGS if lag),
    *(f"{kind}_{power}" for kind in ("still", "speech", "jaw") for power in ("n", "sum", "square")),
    "steady_n",
    "steady_square",
)
METRICS = (*_RATIOS, "best_lag", "rounding_auc", "silence_motion", "jitter")
"""Names of the figures that :func:`summarise` gives."""


@dataclass(frozen=True, slots=True)
class ClipScores:
    """What one clip adds to the figures.

    Attributes:
        sums: additive counts by name.
        rounded: pucker + funnel of each rounded sound.
        unrounded: the same of each unrounded vowel.
    """

    sums: dict[str, float]
    rounded: Array
    unrounded: Array


def closure_scores(curves: FloatArray, phones: Sequence[Phone]) -> tuple[float, float]:
    """Recall and frame precision of P, B and M in one clip; NaN where there is nothing to count.

    Args:
        curves: ``[T, 32]`` at 30 fps.
        phones: in order of time; what they leave out is silence.
    """
    figures = summarise([measure(curves, phones)])
    return figures["closure_recall"].value, figures["closure_precision"].value


def measure(curves: FloatArray, phones: Sequence[Phone]) -> ClipScores:
    """All that can be counted in one clip.

    Args:
        curves: ``[T, 32]`` at 30 fps.
        phones: in order of time; what they leave out is silence.
    """
    spans = [(strip_stress(name), start, end) for name, start, end in phones]
    sounds = [span for span in spans if span[0] != SILENCE]
    sums = dict.fromkeys(_SUMS, 0.0)
    if len(curves) == 0:
        return ClipScores(sums, np.zeros(0), np.zeros(0))
    view = _View(curves, sounds)
    _count_closures(sums, view, sounds)
    _count_shapes(sums, view, sounds)
    _count_openness(sums, view)
    _count_motion(sums, view, sounds)
    roundness = curves[:, _ROUNDING].sum(1, dtype=np.float64)
    by_kind = [
        np.array([roundness[view.middle(s)].mean() for s in sounds if s[0] in kind and view.middle(s).any()])
        for kind in (ROUNDED_SOUNDS, UNROUNDED_VOWELS)
    ]
    return ClipScores(sums, by_kind[0], by_kind[1])


class _View:
    """Frames of a clip seen through its phones."""

    def __init__(self, curves: FloatArray, sounds: Sequence[Phone]) -> None:
        self.curves = curves
        self.t = np.arange(len(curves)) * _FRAME_S
        self.gap = lip_gap_mm(curves).astype(np.float64)
        self.p95 = float(np.percentile(self.gap, 95))
        opens = self.p95 >= LEAST_OPENING_MM
        self.closed: Mask = (self.gap <= CLOSED_SHARE * self.p95) | (not opens)
        self.open: Mask = (self.gap >= OPEN_SHARE * self.p95) & opens
        self.phone = np.full(len(self.t), -1)
        self.distance = np.full(len(self.t), np.inf)
        for i, (_, start, end) in enumerate(sounds):
            self.phone[(self.t >= start - _EPS) & (self.t < end - _EPS)] = i
            away = np.maximum(np.maximum(start - self.t, self.t - end), 0.0)
            np.minimum(self.distance, away, out=self.distance)
        self.openness = np.array([*(OPENNESS.get(name, np.nan) for name, _, _ in sounds), np.nan])[self.phone]
        self.spoken: Mask = self.phone >= 0
        self.inner: Mask = self.spoken & ~self._beside_pauses(sounds)

    def _beside_pauses(self, sounds: Sequence[Phone]) -> Mask:
        beside = np.zeros(len(self.t), bool)
        edges = [(-np.inf, -np.inf), *((start, end) for _, start, end in sounds), (np.inf, np.inf)]
        for (_, pause_start), (pause_end, _) in pairwise(edges):
            if pause_end - pause_start >= _PAUSE_S:
                beside |= (self.t >= pause_start - _FRAME_S - _EPS) & (self.t <= pause_end + _FRAME_S + _EPS)
        return beside

    def around(self, span: Phone) -> Mask:
        """Frames within a phone ± 1 frame."""
        near: Mask = (self.t >= span[1] - _FRAME_S - _EPS) & (self.t <= span[2] + _FRAME_S + _EPS)
        return near

    def middle(self, span: Phone) -> Mask:
        """Frames in the middle half of a phone, at least the one nearest its middle."""
        _, start, end = span
        quarter = 0.25 * (end - start)
        inside: Mask = (self.t >= start + quarter - _EPS) & (self.t <= end - quarter + _EPS)
        nearest = round(0.5 * (start + end) / _FRAME_S)
        if nearest < len(inside):
            inside[nearest] = True
        return inside

    def near_any(self, sounds: Sequence[Phone], kind: frozenset[str]) -> Mask:
        """Frames within any phone of a kind ± 1 frame."""
        near = np.zeros(len(self.t), bool)
        for span in sounds:
            if span[0] in kind:
                near |= self.around(span)
        return near


def _count_closures(sums: dict[str, float], view: _View, sounds: Sequence[Phone]) -> None:
    for span in sounds:
        if span[0] in BILABIALS and view.around(span).any():
            sums["closures"] += 1
            sums["closure_hit"] += bool(view.closed[view.around(span)].any())
    allowed = view.near_any(sounds, BILABIALS)
    closed = view.closed & view.inner
    sums["closed"] += float(closed.sum())
    sums["closed_right"] += float((closed & allowed).sum())
    steps = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(int)))
    for first, last in steps.reshape(-1, 2):
        sums["events"] += 1
        sums["event_right"] += bool(allowed[first:last].mean() >= 0.5)


def _count_shapes(sums: dict[str, float], view: _View, sounds: Sequence[Phone]) -> None:
    constricted = view.gap <= OPEN_SHARE * view.p95
    tucked = constricted & (view.curves[:, _ROLL] >= TUCK_ROLL)
    for span in sounds:
        if span[0] in OPEN_VOWELS and view.middle(span).any():
            sums["opens"] += 1
            sums["open_hit"] += bool(view.open[view.middle(span)].any())
        elif span[0] in LABIODENTALS and view.around(span).any():
            sums["tucks"] += 1
            sums["tuck_hit"] += bool(tucked[view.around(span)].any())
            sums["constricted"] += bool(constricted[view.around(span)].any())
    sums["tucked"] += float((tucked & view.inner).sum())
    sums["tucked_right"] += float((tucked & view.inner & view.near_any(sounds, LABIODENTALS)).sum())


def _count_openness(sums: dict[str, float], view: _View) -> None:
    known = np.flatnonzero(np.isfinite(view.openness))
    known = known[(known >= -LAGS[0]) & (known < len(view.t) - LAGS[-1])]
    if len(known) < 10:
        return
    sums["rho_frames"] += len(known)
    for lag in LAGS:
        sums[f"rho_{lag}"] += len(known) * spearman(view.gap[known + lag], view.openness[known])


def _count_motion(sums: dict[str, float], view: _View, sounds: Sequence[Phone]) -> None:
    jaw = view.curves[:, _JAW].astype(np.float64)
    for kind, values in (
        ("still", view.gap[view.distance >= _AWAY_S]),
        ("speech", view.gap[view.spoken]),
        ("jaw", jaw[view.spoken]),
    ):
        sums[f"{kind}_n"] += len(values)
        sums[f"{kind}_sum"] += float(values.sum())
        sums[f"{kind}_square"] += float((values * values).sum())
    for name, start, end in sounds:
        if is_vowel(name) and end - start >= _STEADY_S:
            quarter = 0.25 * (end - start)
            middle = np.flatnonzero((view.t >= start + quarter) & (view.t <= end - quarter))
            middle = middle[(middle > 0) & (middle < len(jaw) - 1)]
            second = jaw[middle - 1] - 2.0 * jaw[middle] + jaw[middle + 1]
            sums["steady_n"] += len(second)
            sums["steady_square"] += float((second * second).sum())


def summarise(clips: Sequence[ClipScores], seed: int = 0) -> dict[str, Estimate]:
    """Figures over clips, pooled (every phone counts once), with intervals from resampling clips."""
    if not clips:
        none = np.full(1, np.nan)
        return {name: Estimate.of(np.nan, none, 0) for name in METRICS}
    table = np.array([[clip.sums[name] for name in _SUMS] for clip in clips])
    drawn = np.vstack([np.ones((1, len(clips))), draws(len(clips), seed)])
    columns = dict(zip(_SUMS, (drawn @ table).T, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        figures = {name: (columns[hit] / columns[n], columns[n][0]) for name, (hit, n) in _RATIOS.items()}
        rho = np.stack([columns[f"rho_{lag}"] for lag in LAGS])
        lags = np.array(LAGS, np.float64)[rho.argmax(0)]
        figures["best_lag"] = (np.where(columns["rho_frames"] > 0, lags, np.nan), columns["rho_frames"][0])
        figures["silence_motion"] = (
            _spread(columns, "still") / _spread(columns, "speech"),
            columns["still_n"][0],
        )
        steady = np.sqrt(columns["steady_square"] / columns["steady_n"])
        figures["jitter"] = (steady / _spread(columns, "jaw"), columns["steady_n"][0])
    figures["rounding_auc"] = _rounding(clips, drawn)
    return {
        name: Estimate.of(figures[name][0][0], figures[name][0][1:], figures[name][1]) for name in METRICS
    }


def _spread(columns: Mapping[str, Array], kind: str) -> Array:
    n = columns[f"{kind}_n"]
    spread: Array = np.sqrt(
        np.maximum(columns[f"{kind}_square"] / n - (columns[f"{kind}_sum"] / n) ** 2, 0.0)
    )
    return spread


def _rounding(clips: Sequence[ClipScores], drawn: Array) -> tuple[Array, float]:
    pick: tuple[Callable[[ClipScores], Array], ...] = (lambda c: c.rounded, lambda c: c.unrounded)
    scores = [np.concatenate([side(clip) for clip in clips]) for side in pick]
    owner = [np.repeat(np.arange(len(clips)), [len(side(clip)) for clip in clips]) for side in pick]
    # A block of resamples at a time: the weights of all at once would not fit for a large corpus.
    blocks = [
        weighted_auc(scores[0], scores[1], rows[:, owner[0]], rows[:, owner[1]])
        for rows in np.array_split(drawn, 20)
    ]
    return np.concatenate(blocks), float(len(scores[0]) + len(scores[1]))
