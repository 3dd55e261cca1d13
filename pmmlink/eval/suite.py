"""Runs a model over a corpus and gathers every figure: overall, by group, by condition, by curve."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pmmlink.errors import DataError
from pmmlink.eval.adapter import SpeechModel
from pmmlink.eval.conditions import conditions
from pmmlink.eval.curves import CurveSums, compare, correlations
from pmmlink.eval.speech import ClipScores, Phone, measure, summarise
from pmmlink.eval.statistics import Estimate
from pmmlink.phones import SILENCE
from pmmlink.train.corpus.reader import Clip
from pmmlink.types import SAMPLE_RATE_HZ

Figures = dict[str, Estimate]

REAL_READ_ENGLISH = "real read English"
SYNTHETIC = "synthetic speech"
MEASURED_SPEECH = "measured takes with phones"
MANDARIN = "Mandarin"
CLEAN = "clean"

BABBLE_POOL = 24
"""Clips that babble is made of."""


@dataclass(slots=True)
class SpeechReport:
    """What the suite found.

    Attributes:
        model: name of the model.
        about: what was asked, e.g. suite and split.
        clips: ``source/id`` of every clip used.
        speakers: every speaker heard.
        overall: figures over all clips with phones.
        groups: kind of group (scope, source, voice, sex, age, language) → group → figures.
        conditions: condition → figures, on the same clips each; ``clean`` is the reference.
        condition_clips: ``source/id`` of those clips.
        curves: source of measured takes → style → curve → Pearson's r.
        unseen_speakers: sources of measured takes whose speakers were not trained on.
        real_jitter: jitter of the measured curves themselves, and of the model on the same clips.
    """

    model: str
    about: dict[str, str]
    clips: list[str] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    overall: Figures = field(default_factory=dict)
    groups: dict[str, dict[str, Figures]] = field(default_factory=dict)
    conditions: dict[str, Figures] = field(default_factory=dict)
    condition_clips: list[str] = field(default_factory=list)
    curves: dict[str, dict[str, dict[str, Estimate]]] = field(default_factory=dict)
    unseen_speakers: list[str] = field(default_factory=list)
    real_jitter: dict[str, Estimate] = field(default_factory=dict)


def phones_of(clip: Clip) -> list[Phone]:
    """A clip's phones as the measures want them."""
    return [(segment.phone, segment.start_s, segment.end_s) for segment in clip.phones or ()]


def pick(clips: Sequence[Clip], limit: int | None) -> list[Clip]:
    """At most ``limit`` clips of each source, spread evenly over it; all without a limit."""
    by_source: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_source[clip.source].append(clip)
    return [clip for group in by_source.values() for clip in spread(group, limit)]


def spread(clips: list[Clip], limit: int | None) -> list[Clip]:
    """At most ``limit`` clips, evenly over the list; all without a limit."""
    if limit is None or len(clips) <= limit:
        return clips
    return [clips[int(i)] for i in np.linspace(0, len(clips) - 1, limit)]


def evaluate(
    model: SpeechModel,
    clips: Sequence[Clip],
    *,
    about: dict[str, str] | None = None,
    trained_speakers: frozenset[str] = frozenset(),
    condition_clips: int = 40,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> SpeechReport:
    """Feeds every clip to the model and measures what it does.

    Args:
        model: what to measure.
        clips: with phones, labels or both; others are of no use and left out.
        about: what to say about the origin of the clips.
        trained_speakers: speakers in the training part, to tell unseen sentences from unseen speakers.
        condition_clips: on how many clips noise and level are varied; 0 leaves that out.
        progress: told how many runs of the model are done, and how many there will be.

    Raises:
        DataError: no clip can be used, or a clip cannot be read.
    """
    clips = [clip for clip in clips if clip.phones or clip.labels]
    if not clips:
        raise DataError("no clip with phones or labels to evaluate on: choose another split or source")
    spoiled = _for_conditions(clips, condition_clips)
    styles = [style for style in model.styles if style != "default"]
    steps = _Steps(progress, _runs(clips, spoiled, len(styles)))

    report = SpeechReport(model.name, dict(about or {}), [f"{clip.source}/{clip.id}" for clip in clips])
    report.speakers = sorted({clip.speaker for clip in clips})
    scores: list[tuple[Clip, ClipScores]] = []
    labelled: dict[str, dict[str, list[CurveSums]]] = defaultdict(lambda: defaultdict(list))
    jitter: dict[str, list[ClipScores]] = {"model": [], "measured takes": []}
    for clip in clips:
        audio = clip.load_audio()
        curves = model.predict(audio)
        steps.next()
        if clip.phones:
            scores.append((clip, measure(curves, phones_of(clip))))
        labels = clip.load_labels()
        if labels is None:
            continue
        labelled[clip.source]["default"].append(compare(curves, labels))
        for style in styles:
            labelled[clip.source][style].append(compare(model.predict(audio, style), labels))
            steps.next()
        if clip.phones:
            jitter["model"].append(scores[-1][1])
            jitter["measured takes"].append(measure(np.nan_to_num(labels), phones_of(clip)))

    report.overall = summarise([score for _, score in scores])
    report.groups = _by_group(scores)
    report.curves = {
        source: {style: correlations(sums) for style, sums in by_style.items()}
        for source, by_style in labelled.items()
    }
    unseen = {c.source for c in clips if c.labels and c.speaker not in trained_speakers}
    report.unseen_speakers = sorted(unseen)
    if jitter["model"]:
        report.real_jitter = {who: summarise(takes)["jitter"] for who, takes in jitter.items()}
    if spoiled:
        _vary(model, clips, spoiled, report, steps)
    return report


@dataclass(slots=True)
class _Steps:
    progress: Callable[[int, int], None]
    total: int
    done: int = 0

    def next(self) -> None:
        self.done += 1
        self.progress(self.done, self.total)


def _runs(clips: Sequence[Clip], spoiled: Sequence[Clip], styles: int) -> int:
    labelled = sum(1 for clip in clips if clip.labels)
    silence = [np.zeros(1, np.float32)]
    return len(clips) + labelled * styles + len(spoiled) * (1 + len(conditions(silence)))


def _for_conditions(clips: Sequence[Clip], count: int) -> list[Clip]:
    """Clips to spoil: real read English where there is some, otherwise whatever has phones."""
    phonetic = [clip for clip in clips if clip.phones]
    real = [clip for clip in phonetic if REAL_READ_ENGLISH in _scopes(clip)]
    return spread(real or phonetic, count) if count else []


def _vary(
    model: SpeechModel, clips: Sequence[Clip], spoiled: Sequence[Clip], report: SpeechReport, steps: _Steps
) -> None:
    report.condition_clips = [f"{clip.source}/{clip.id}" for clip in spoiled]
    pool = [clip.load_audio() for clip in spread([c for c in clips if c.phones], BABBLE_POOL)]
    found: dict[str, list[ClipScores]] = defaultdict(list)
    for clip in spoiled:
        audio, phones = clip.load_audio(), phones_of(clip)
        speech = speech_mask(phones, len(audio))
        seed = noise_seed(clip)
        found[CLEAN].append(measure(model.predict(audio), phones))
        steps.next()
        for condition in conditions(pool):
            found[condition.name].append(measure(model.predict(condition.apply(audio, speech, seed)), phones))
            steps.next()
    report.conditions = {name: summarise(scores) for name, scores in found.items()}


def noise_seed(clip: Clip) -> int:
    """The same noise whenever a clip is spoilt, on any machine (``hash`` would differ by process)."""
    return zlib.crc32(f"{clip.source}/{clip.id}".encode())


def speech_mask(phones: Iterable[Phone], samples: int) -> np.ndarray:
    """``[samples]`` bool at :data:`.SAMPLE_RATE_HZ`, where a clip's phones say that someone speaks."""
    mask = np.zeros(samples, bool)
    for name, start, end in phones:
        if name != SILENCE:
            mask[round(start * SAMPLE_RATE_HZ) : round(end * SAMPLE_RATE_HZ)] = True
    return mask


def _scopes(clip: Clip) -> list[str]:
    scopes = []
    # Phone times of recorded speech come from an aligner alone, those of synthetic voices from the synthesis.
    if clip.aligner is None or clip.aligner.startswith("durations"):
        scopes.append(SYNTHETIC)
    elif clip.labels:
        scopes.append(MEASURED_SPEECH)
    elif clip.language == "en":
        scopes.append(REAL_READ_ENGLISH)
    if clip.language == "zh":
        scopes.append(MANDARIN)
    return scopes


def _age_band(age: int | None) -> str:
    if age is None:
        return "unknown"
    for limit, name in ((12, "child, under 12"), (18, "12-17"), (40, "18-39"), (60, "40-59")):
        if age < limit:
            return name
    return "60 and over"


def _by_group(scores: Sequence[tuple[Clip, ClipScores]]) -> dict[str, dict[str, Figures]]:
    members: dict[str, dict[str, list[ClipScores]]] = defaultdict(lambda: defaultdict(list))
    for clip, score in scores:
        for scope in _scopes(clip):
            members["scope"][scope].append(score)
        members["source"][clip.source].append(score)
        members["language"][clip.language].append(score)
        members["sex"][clip.sex or "unknown"].append(score)
        members["age"][_age_band(clip.age)].append(score)
        members["voice"][clip.speaker].append(score)
    return {
        kind: {name: summarise(group) for name, group in sorted(groups.items())}
        for kind, groups in members.items()
    }
