"""The whole suite on a small corpus, with models whose quality is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.eval.bars import MET, MISSED, NOT_MEASURED, bars
from pmmlink.eval.curves import compare, correlations
from pmmlink.eval.report import to_json, to_markdown
from pmmlink.eval.speech import METRICS
from pmmlink.eval.suite import evaluate, phones_of, pick
from pmmlink.phones import SILENCE
from pmmlink.train.corpus.reader import Clip, load_manifest
from pmmlink.train.targets import curves_from_phones

FRAME = 16_000 // 30


def _phones(rng: np.random.Generator) -> list[list[object]]:
    vowels, consonants = ["AA", "AE", "IY", "UW", "AY", "OW"], ["P", "B", "M", "F", "V", "T", "S", "K"]
    names = [SILENCE]
    for _ in range(12):
        names += [str(rng.choice(consonants)), str(rng.choice(vowels))]
    names.append(SILENCE)
    lengths = [0.5 if n == SILENCE else float(rng.uniform(0.06, 0.16)) for n in names]
    edges = np.concatenate([[0.0], np.cumsum(lengths)]).round(4)
    return [[n, float(a), float(b)] for n, a, b in zip(names, edges[:-1], edges[1:], strict=True)]


def _record(source: str, i: int, **more: object) -> dict[str, object]:
    record: dict[str, object] = {
        "id": f"c{i}",
        "source": source,
        "speaker": f"{source}_{i % 3}",
        "sex": "mf"[i % 2],
        "age": (9, 15, 30, 50, None)[i % 5],
        "language": "en",
        "split": "test",
        "audio": f"audio/c{i}.flac",
        "text": "",
        "stress": None,
        "labels": None,
        "style": "default",
        "align_score": None,
        "aligner": "pocketsphinx",
        "licence": "made for this test",
    }
    return record | more


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real English, synthetic Mandarin, and measured takes of a speaker who was trained on."""
    root = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for source, clips in (("readers", 8), ("robot_zh", 4), ("camera", 4)):
        (root / source / "audio").mkdir(parents=True)
        (root / source / "labels").mkdir()
        lines = []
        for i in range(clips):
            phones = _phones(rng)
            # The length tells the clips apart, so that a model can know which one it hears.
            samples = int(float(phones[-1][2]) * 16_000) + 100 * len(lines) + clips  # type: ignore[arg-type]
            envelope = np.zeros(samples)
            for name, start, end in phones:
                envelope[int(start * 16_000) : int(end * 16_000)] = name != SILENCE  # type: ignore[operator]
            wave = (0.2 * envelope * rng.standard_normal(samples)).astype(np.float32)
            record = _record(source, i, samples=samples, phones=phones)
            soundfile.write(root / source / f"audio/c{i}.flac", wave, 16_000)
            if source == "robot_zh":
                record |= {"language": "zh", "aligner": None}
            if source == "camera":
                labels = curves_from_phones([tuple(p) for p in phones], samples // FRAME).curves  # type: ignore[misc]
                labels[:, MODEL_32.index("mouthClose")] = np.nan
                labels[:, MODEL_32.index("cheekPuff")] = 0.001
                np.save(root / source / f"labels/c{i}.npy", labels)
                record |= {"labels": f"labels/c{i}.npy", "style": "camera", "speaker": "camera_man"}
            lines.append(json.dumps(record))
        (root / source / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


class Oracle:
    """Knows every clip by its length, and answers with the targets; other styles trail behind."""

    name = "oracle"
    styles = ("default", "camera")

    def __init__(self, clips: list[Clip], late: int = 0) -> None:
        self.known = {clip.samples: clip for clip in clips}
        assert len(self.known) == len(clips)
        self.late = late
        self.heard: list[float] = []

    def predict(self, audio: np.ndarray, style: str = "default") -> np.ndarray:
        self.heard.append(float(np.abs(audio).max()))
        clip = self.known[len(audio)]
        curves = curves_from_phones(phones_of(clip), -(-clip.samples * 30 // 16_000)).curves
        curves = np.roll(curves, self.late, axis=0)
        return curves if style == "default" else np.roll(curves, 2, axis=0)


@pytest.fixture(scope="module")
def clips(corpus: Path) -> list[Clip]:
    return load_manifest(corpus, split="test")


def test_the_oracle_meets_every_bar(clips: list[Clip]) -> None:
    steps: list[tuple[int, int]] = []
    report = evaluate(
        Oracle(clips),
        clips,
        about={"split": "test"},
        trained_speakers=frozenset({"camera_man"}),
        condition_clips=3,
        progress=lambda done, total: steps.append((done, total)),
    )
    states = {bar.label: bar.state for bar in bars(report)}
    assert set(states.values()) == {MET}, states
    assert "jawOpen r, unseen sentences, camera, style default" in states
    assert steps[-1][0] == steps[-1][1] == len(steps)
    assert report.overall["closure_recall"].value == 1.0
    assert set(report.groups["scope"]) == {
        "Mandarin",
        "measured takes with phones",
        "real read English",
        "synthetic speech",
    }
    assert set(report.groups["age"]) == {"12-17", "18-39", "40-59", "child, under 12", "unknown"}
    assert set(report.groups["voice"]) == {clip.speaker for clip in clips}
    assert report.conditions["babble 0 dB"]["closure_recall"].value == 1.0
    assert len(report.conditions) == 13
    assert all(name.startswith("readers/") for name in report.condition_clips)


def test_a_late_mouth_misses_bars_and_the_report_says_so(clips: list[Clip]) -> None:
    report = evaluate(Oracle(clips, late=4), clips, condition_clips=0)
    by_label = {bar.label: bar for bar in bars(report)}
    missed = [label for label, bar in by_label.items() if bar.state == MISSED]
    assert "P/B/M closure recall, real read English" in missed
    assert "its best lag, frames" in missed
    assert by_label["its best lag, frames"].estimate.value == 4  # type: ignore[union-attr]
    assert by_label["recall kept, babble 10 dB"].state == NOT_MEASURED
    assert "jawOpen r, unseen speakers, camera, style default" in by_label
    text = to_markdown(report)
    assert "missed" in text
    assert "not measured" in text
    assert "Noise and level" not in text


def test_the_two_reports_agree_and_the_json_is_strict(clips: list[Clip]) -> None:
    report = evaluate(Oracle(clips), clips, condition_clips=2)
    values = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert values["overall"]["closure_recall"] == {
        "value": 1.0,
        "low": 1.0,
        "high": 1.0,
        "count": report.overall["closure_recall"].count,
    }
    assert set(values["overall"]) == set(METRICS)
    assert len(values["clips"]) == 16
    text = to_markdown(report)
    for heading in (
        "## Bars",
        "## By voice",
        "## Noise and level",
        "## Measured takes: camera",
        "## How things",
    ):
        assert heading in text
    assert "/home" not in text
    widths = {line.count("|") for line in text.split("## Bars")[1].split("##")[0].splitlines() if "|" in line}
    assert widths == {8}


def test_conditions_reach_the_model_as_named(clips: list[Clip]) -> None:
    oracle = Oracle(clips)
    evaluate(oracle, clips, condition_clips=1)
    quiet = [peak for peak in oracle.heard[-5:]]
    np.testing.assert_allclose(quiet, [1.0, 0.316, 0.1, 0.0316, 0.01], rtol=0.01)


def test_limits_spread_over_each_source(clips: list[Clip]) -> None:
    some = pick(clips, 3)
    assert {clip.source: sum(c.source == clip.source for c in some) for clip in some} == {
        "readers": 3,
        "robot_zh": 3,
        "camera": 3,
    }
    readers = [clip.id for clip in some if clip.source == "readers"]
    assert (readers[0], readers[-1]) == ("c0", "c7")
    assert pick(clips, None) == clips


def test_nothing_to_measure_on_is_an_error() -> None:
    with pytest.raises(DataError, match="no clip with phones or labels"):
        evaluate(Oracle([]), [])


def test_correlation_is_pearsons_without_the_unlabelled_frames() -> None:
    rng = np.random.default_rng(0)
    takes = [
        (rng.random((40, 32)).astype(np.float32), rng.random((43, 32)).astype(np.float32)) for _ in range(3)
    ]
    jaw, close = MODEL_32.index("jawOpen"), MODEL_32.index("mouthClose")
    for predicted, labels in takes:
        labels[:40, jaw] = 0.5 * labels[:40, jaw] + 0.5 * predicted[:, jaw]
        labels[5:20, jaw] = np.nan
        labels[:, close] = np.nan
        labels[:, 0] = 0.2
    found = correlations([compare(predicted, labels) for predicted, labels in takes])
    x = np.concatenate([p[:, jaw] for p, _ in takes])
    y = np.concatenate([labels[:40, jaw] for _, labels in takes])
    seen = np.isfinite(y)
    assert found["jawOpen"].value == pytest.approx(np.corrcoef(x[seen], y[seen])[0, 1], abs=1e-9)
    assert found["jawOpen"].low < found["jawOpen"].value < found["jawOpen"].high
    assert "mouthClose" not in found
    assert MODEL_32.names[0] not in found
    assert correlations([]) == {}


def test_resamples_without_any_label_of_a_curve_do_not_pull_its_interval_to_nothing() -> None:
    rng = np.random.default_rng(3)
    labels = np.full((4, 60, 32), np.nan, np.float32)
    labels[:, :, 3] = rng.uniform(0.0, 0.5, (4, 60))
    labels[0, :, 5] = rng.uniform(0.0, 0.5, 60)  # one take alone has this curve
    takes = [(np.nan_to_num(y) + rng.normal(0.0, 0.05, y.shape).astype(np.float32), y) for y in labels]
    found = correlations([compare(predicted, y) for predicted, y in takes])
    names = list(found)
    assert len(names) == 2
    assert found[names[1]].low > 0.8
