"""Looks through a built corpus: how much there is, and what is wrong with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.phones import BILABIALS, PHONE_INDEX, SILENCE
from pmmlink.train.corpus.base import LABEL_FPS
from pmmlink.train.corpus.reader import Clip, load_manifest

LONG_PHONE_S = 0.6
"""A phone longer than this was most likely stretched over a pause."""

CLOSURE_DIP_DB = 3.0
"""A P or B should be at least this much quieter at its quietest than the 60 ms around it."""


@dataclass(slots=True)
class Group:
    """The clips of one source, split and language.

    Attributes:
        clips: how many.
        minutes: their length together.
        speakers: how many.
        timed: clips with phones.
        labelled: clips with measured curves.
        bilabials: P, B and M with times.
        dropped: clips marked as the worst aligned; counted nowhere else.
    """

    clips: int = 0
    minutes: float = 0.0
    speakers: int = 0
    timed: int = 0
    labelled: int = 0
    bilabials: int = 0
    dropped: int = 0


@dataclass(slots=True)
class CorpusReport:
    """What :func:`check_corpus` found.

    Attributes:
        groups: (source, split, language) → counts.
        phones: phone → occurrences.
        score_quantiles: (source, aligner) → 5, 25, 50, 75 and 95 % of the alignment score.
        dip_share: source → share of P and B whose sound dips (:data:`CLOSURE_DIP_DB`).
        licences: source → licence.
        problems: one line each.
    """

    groups: dict[tuple[str, str, str], Group] = field(default_factory=dict)
    phones: Counter[str] = field(default_factory=Counter)
    score_quantiles: dict[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    dip_share: dict[str, float] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def check_corpus(
    root: Path, sources: Sequence[str] | None = None, progress: Callable[[int, int], None] | None = None
) -> CorpusReport:
    """Reads every clip of a corpus and reports on it.

    Raises:
        DataError: no corpus there, or a manifest that cannot be read at all.
    """
    clips = load_manifest(root, sources, include_dropped=True)
    report = CorpusReport()
    speakers: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    splits: dict[str, set[str]] = defaultdict(set)
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    dips: dict[str, list[bool]] = defaultdict(list)
    for number, clip in enumerate(clips):
        key = (clip.source, clip.split, clip.language)
        group = report.groups.setdefault(key, Group())
        report.licences[clip.source] = clip.licence
        where = f"{clip.source}/{clip.id}"
        report.problems.extend(f"{where}: {problem}" for problem in check_clip(clip))
        if clip.align_score is not None:
            scores[clip.source, clip.aligner or "?"].append(clip.align_score)
        if clip.dropped:
            group.dropped += 1
        else:
            group.clips += 1
            group.minutes += clip.duration_s / 60.0
            speakers[key].add(clip.speaker)
            splits[clip.speaker].add(clip.split)
            group.labelled += clip.labels is not None
            if clip.phones is not None:
                group.timed += 1
                names = [segment.phone for segment in clip.phones]
                report.phones.update(names)
                group.bilabials += sum(name in BILABIALS for name in names)
                dips[clip.source].extend(_dips(clip))
        if progress is not None:
            progress(number + 1, len(clips))
    for key, names_of in speakers.items():
        report.groups[key].speakers = len(names_of)
    for speaker, parts in splits.items():
        # A source of one speaker is split by sentence; figures on it are not of unseen speakers.
        if len(parts) > 1:
            report.problems.append(f"speaker {speaker} is in several splits: {', '.join(sorted(parts))}")
    for pair, values in scores.items():
        report.score_quantiles[pair] = tuple(
            float(q) for q in np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
        )
    report.dip_share = {source: float(np.mean(found)) for source, found in dips.items() if found}
    return report


def check_clip(clip: Clip) -> list[str]:
    """What is wrong with one clip; empty when nothing is."""
    problems: list[str] = []
    try:
        audio = clip.load_audio()
    except DataError as error:
        return [str(error)]
    if float(np.abs(audio).max(initial=0.0)) < 1e-3:
        problems.append("silent")
    if clip.phones is not None:
        at_s = 0.0
        for segment in clip.phones:
            if segment.phone not in PHONE_INDEX:
                problems.append(f"{segment.phone!r} is not in the phone set")
            if abs(segment.start_s - at_s) > 2e-3 or segment.end_s <= segment.start_s:
                problems.append(f"phones are not contiguous at {segment.start_s:.3f} s")
                break
            if segment.phone != SILENCE and segment.end_s - segment.start_s > LONG_PHONE_S:
                problems.append(f"{segment.phone} lasts {segment.end_s - segment.start_s:.2f} s")
            at_s = segment.end_s
        else:
            if abs(at_s - clip.duration_s) > 2e-3:
                problems.append(f"phones end at {at_s:.3f} s, the sound at {clip.duration_s:.3f} s")
        if all(segment.phone == SILENCE for segment in clip.phones):
            problems.append("has phone times but no phone")
    if clip.labels is not None:
        try:
            labels = clip.load_labels()
        except DataError as error:
            return [*problems, str(error)]
        if labels is None or labels.ndim != 2 or labels.shape[1] != len(MODEL_32):
            problems.append("labels are not [T, 32]")
        else:
            if abs(len(labels) / LABEL_FPS - clip.duration_s) > 0.2:
                problems.append(
                    f"labels last {len(labels) / LABEL_FPS:.2f} s, the sound {clip.duration_s:.2f} s"
                )
            if np.isnan(labels).all():
                problems.append("labels are all empty")
    return problems


def _dips(clip: Clip) -> list[bool]:
    """For each P and B between two other phones: is its quietest 10 ms well below its surroundings?"""
    phones = clip.phones or ()
    audio = clip.load_audio()
    step = 80
    level = 10.0 * np.log10(
        np.convolve(audio.astype(np.float64) ** 2, np.full(160, 1 / 160), mode="same")[::step] + 1e-10
    )
    found: list[bool] = []
    for before, phone, after in zip(phones, phones[1:], phones[2:], strict=False):
        if phone.phone not in ("P", "B") or SILENCE in (before.phone, after.phone):
            continue
        a, b = (round(t * 16000 / step) for t in (phone.start_s, phone.end_s))
        around = level[max(a - 12, 0) : b + 12]
        inside = level[a : max(b, a + 1)]
        if inside.size and around.size:
            found.append(bool(inside.min() <= np.quantile(around, 0.8) - CLOSURE_DIP_DB))
    return found
