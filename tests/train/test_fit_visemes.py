"""The fit finds back what takes were made with."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from pmmlink.phones import PHONE_INDEX
from pmmlink.train.corpus.reader import load_manifest
from pmmlink.train.fit_visemes import Takes, correlation, fit, main
from pmmlink.train.targets import curves_from_phones
from pmmlink.train.visemes import viseme_table

FRAMES = 85


@pytest.fixture(scope="module")
def slow_jaw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes of a face whose jaw moves at half the speed and stays open in S."""
    root = tmp_path_factory.mktemp("corpus")
    (root / "grid_s1" / "audio").mkdir(parents=True)
    table = viseme_table()
    table = replace(table, rise_s=2.0 * table.rise_s, fall_s=2.0 * table.fall_s, pose=table.pose.copy())
    table.pose[PHONE_INDEX["S"], 0] = 0.35
    rng = np.random.default_rng(0)
    lines = []
    for i in range(16):
        names = ["SIL", *rng.choice(["S", "T", "L", "K", "AA", "IY", "EH", "UW"], 18), "SIL"]
        lengths = [0.4, *rng.uniform(0.07, 0.16, 18), 1.5]
        edges = np.concatenate([[0.0], np.cumsum(lengths)]).round(4)
        phones = [[str(n), float(a), float(b)] for n, a, b in zip(names, edges, edges[1:], strict=False)]
        labels = curves_from_phones([tuple(p) for p in phones], FRAMES, table=table).curves  # type: ignore[misc]
        np.save(root / "grid_s1" / f"c{i}.npy", labels)
        soundfile.write(root / "grid_s1" / "audio" / f"c{i}.flac", np.full(48_000, 0.1), 16_000)
        record = {
            "id": f"c{i}",
            "source": "grid_s1",
            "speaker": "s",
            "sex": "m",
            "age": None,
            "language": "en",
        }
        record |= {"split": "dev" if i % 4 == 3 else "train", "audio": f"audio/c{i}.flac", "samples": 48_000}
        record |= {
            "text": "",
            "phones": phones,
            "labels": f"c{i}.npy",
            "style": "grid_s1",
            "align_score": None,
        }
        lines.append(json.dumps(record | {"licence": "made for this test"}))
    (root / "grid_s1" / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def test_timing_and_a_pose_move_towards_the_truth(slow_jaw: Path) -> None:
    torch.manual_seed(0)
    train = Takes(load_manifest(slow_jaw, split="train"), FRAMES)
    unseen = Takes(load_manifest(slow_jaw, split="dev"), FRAMES)
    before, after = fit(train, 0), fit(train, 120)
    assert correlation(after, unseen) > correlation(before, unseen) + 0.02
    assert correlation(after, unseen) > 0.95
    assert (after.log_flanks.exp() > 1.4 * before.log_flanks.exp()).all()
    s = PHONE_INDEX["S"]
    assert after.pose[s] > before.pose[s] + 0.05


def test_the_command_reports_what_it_found(
    slow_jaw: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fit", "--corpus", str(slow_jaw), "--steps", "5"])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("r of jawOpen on unseen clips: 0.")
    assert any(line.startswith("AA ") and "(held)" in line for line in lines)
