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
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

LONG_PHONE_S = 0.6
"""A phone longer than this was most likely stretched over a pause."""

CLOSURE_DIP_DB = 15.0
"""A P or B should be so much quieter at its quietest than the loudest sound within 60 ms of it."""


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
        dip_share: source → share of P and B that are quiet where they should be (:data:`CLOSURE_DIP_DB`).
        licences: source → licence.
        problems: one line each, oddities of the alignment among them.
        damaged: clips whose files cannot be read.
    """

    groups: dict[tuple[str, str, str], Group] = field(default_factory=dict)
    phones: Counter[str] = field(default_factory=Counter)
    score_quantiles: dict[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    dip_share: dict[str, float] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    damaged: int = 0


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
        try:
            audio = clip.load_audio()
            found = check_clip(clip, audio)
        except DataError as error:
            report.damaged += 1
            report.problems.append(f"{where}: {error}")
            group.clips += 1
            continue
        report.problems.extend(f"{where}: {problem}" for problem in found)
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
                dips[clip.source].extend(_dips(clip, audio))
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


def check_clip(clip: Clip, audio: FloatArray) -> list[str]:
    """What is odd about one clip; empty when nothing is.

    Raises:
        DataError: its labels cannot be read.
    """
    problems: list[str] = []
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
        labels = clip.load_labels()
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


def _dips(clip: Clip, audio: FloatArray) -> list[bool]:
    """For each P and B between two other phones: is its quietest 10 ms well below the loudest around it?"""
    phones = clip.phones or ()
    step = 80
    power = np.convolve(audio.astype(np.float64) ** 2, np.full(160, 1 / 160), mode="same")[::step]
    level_db = 10.0 * np.log10(power + 1e-10)
    found: list[bool] = []
    for before, phone, after in zip(phones, phones[1:], phones[2:], strict=False):
        if phone.phone not in ("P", "B") or SILENCE in (before.phone, after.phone):
            continue
        a, b = (round(t * SAMPLE_RATE_HZ / step) for t in (phone.start_s, phone.end_s))
        inside, around = level_db[a : max(b, a + 1)], level_db[max(a - 12, 0) : b + 12]
        if inside.size and around.size:
            found.append(bool(inside.min() <= around.max() - CLOSURE_DIP_DB))
    return found
