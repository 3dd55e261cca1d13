"""``pmmlink eval`` from the command line, with real (untrained) weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from pmmlink.model.checkpoint import save_model
from pmmlink.model.config import PMMTalkConfig
from pmmlink.model.pmmtalk import PMMTalk


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    (root / "readers" / "audio").mkdir(parents=True)
    lines = []
    for i in range(2):
        wave = 0.1 * np.random.default_rng(i).standard_normal(16_000).astype(np.float32)
        soundfile.write(root / "readers" / "audio" / f"c{i}.flac", wave, 16_000)
        phones = [["SIL", 0.0, 0.3], ["M", 0.3, 0.4], ["AA", 0.4, 0.7], ["P", 0.7, 0.8], ["SIL", 0.8, 1.0]]
        record = {"id": f"c{i}", "source": "readers", "speaker": "r", "sex": "f", "age": 30, "language": "en"}
        record |= {
            "split": "test",
            "audio": f"audio/c{i}.flac",
            "samples": 16_000,
            "text": "map",
            "labels": None,
        }
        record |= {"phones": phones, "style": "default", "align_score": 1.0, "aligner": "pocketsphinx"}
        lines.append(json.dumps(record | {"licence": "made for this test"}))
    (root / "readers" / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    torch.manual_seed(0)
    save_model(PMMTalk(PMMTalkConfig(modalities=("audio", "text"))), path, {})
    return path


def _eval(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pmmlink.cli", "eval", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def test_both_reports_and_a_picture_come_out(corpus: Path, weights: Path, tmp_path: Path) -> None:
    markdown, values, picture = tmp_path / "r.md", tmp_path / "r.json", tmp_path / "c.png"
    done = _eval(
        "--corpus", corpus, "--weights", weights, "--noisy", 1, "--limit", 2, "-o", markdown, "-o", values
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(values.read_text(encoding="utf-8"))
    assert report["model"].startswith("random.safetensors (SHA-256 ")
    assert report["overall"]["closure_recall"]["count"] == 4
    assert report["clips"] == ["readers/c0", "readers/c1"]
    assert "| P/B/M closure recall, real read English |" in markdown.read_text(encoding="utf-8")
    done = _eval("--corpus", corpus, "--weights", weights, "--plot", "readers/c1", "-o", picture)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.png", "r.json", "r.md"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--split", "dev"], "no clips in split 'dev'"),
        (["-o", "report.txt"], "must end in .md or .json"),
        (["--source", "nobody"], "no source 'nobody'"),
        (["--plot", "c9", "-o", "c.png"], "no such clip"),
        (["--plot", "c0"], "--plot needs -o"),
        (["--weights", "missing.safetensors"], "missing.safetensors: no such weights file"),
    ],
)
def test_wrong_input_is_one_clear_line(corpus: Path, arguments: list[str], says: str) -> None:
    done = _eval("--corpus", corpus, *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_report_that_cannot_be_written_is_a_fault(corpus: Path, weights: Path, tmp_path: Path) -> None:
    done = _eval("--corpus", corpus, "--weights", weights, "--noisy", 0, "-o", tmp_path / "none" / "r.md")
    assert done.returncode == 1
    assert "cannot write the report" in done.stderr
