"""``pmmlink eval --data`` from raw takes to the reports, with the shipped weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from takes import LIPS, MESH_VERTICES, make_takes, make_vocaset

from pmmlink.model.checkpoint import save_model
from pmmlink.model.config import PMMTalkConfig
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.datasets.vocaset import PUBLIC_SPLIT

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_takes(tmp_path_factory.mktemp("sets") / "takes", 1.2)


def test_takes_are_measured_with_the_shipped_weights(
    made: Path, weights: Path, tmp_path: Path, pmmlink: Run
) -> None:
    reports = [tmp_path / f"report{ending}" for ending in (".md", ".html", ".json")]
    outputs = [word for path in reports for word in ("-o", path)]
    done = pmmlink("eval", "--data", made, "--protocol", "cross-gender", "--weights", weights, *outputs)
    assert done.code == 0, done.err
    assert done.out.count("wrote ") == 3
    values = json.loads(reports[2].read_text(encoding="utf-8"))
    assert values["about"] == {
        "data": "takes (Live Link Face takes)",
        "protocol": "cross-gender",
        "seed": "0",
        "part": "test",
    }
    assert values["parts"]["train"] == {"takes": 2, "subjects": 1}
    assert len(values["takes"]) == 2
    assert 0.0 < values["overall"]["ale"]["value"] < values["overall"]["lve"]["value"] < 1.0
    assert "None of the training styles is stored" in values["remarks"][-1]
    assert "| the model |" in reports[0].read_text(encoding="utf-8")
    assert reports[1].read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(path.name for path in tmp_path.glob("report*")) == [
        "report.html",
        "report.json",
        "report.md",
    ]


def test_meshes_are_measured_with_a_model_of_vertices(tmp_path: Path, pmmlink: Run) -> None:
    root = make_vocaset(tmp_path / "vocaset", [names[0] for names in PUBLIC_SPLIT.values()], 1.2)
    config = PMMTalkConfig(modalities=("audio",), lip_seal=False, styles=(PUBLIC_SPLIT["train"][0],))
    config = replace(config, decoder=replace(config.decoder, outputs=3 * MESH_VERTICES))
    torch.manual_seed(0)
    save_model(PMMTalk(config), tmp_path / "mesh.safetensors", {"protocol": "public, seed 1"})
    lips = tmp_path / "lips.txt"
    lips.write_text(" ".join(map(str, LIPS[:5])), encoding="utf-8")
    arguments = ("eval", "--data", root, "--protocol", "public", "--weights", tmp_path / "mesh.safetensors")
    done = pmmlink(*arguments)
    assert done.code == 0, done.err
    assert "- lips: 20 of 40 vertices, derived from where the mesh parts in speech" in done.out
    assert "trained under public, seed 1: they may have seen subjects" in done.out
    done = pmmlink(*arguments, "--lip-vertices", lips)
    assert "- lips: 5 of 40 vertices, given in lips.txt" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--protocol", "cross-gendre"], "--protocol cross-gendre: no such protocol; did you mean"),
        (["--protocol", "cross-take"], "2 takes of anna; cross-take needs three or more"),
        (["--protocol", "public"], "come without a split of their own"),
        (["--split", "tset"], "--split tset: no such part"),
        (["--corpus", "x"], "--data is measured by itself"),
        (["-o", "report.pdf"], "must end in .md or .json or .html"),
        (["--lip-vertices", "lips.txt"], "--lip-vertices is for meshes"),
        (["--weights", "none.safetensors"], "none.safetensors: no such weights file"),
    ],
)
def test_flags_that_do_not_fit_are_one_clear_line(
    made: Path, arguments: list[str], said: str, pmmlink: Run
) -> None:
    done = pmmlink("eval", "--data", made, *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.err.strip().count("\n") == 0


def test_without_anything_to_measure_on_it_says_what_to_give(pmmlink: Run) -> None:
    assert "Give --corpus FOLDER or --data FOLDER" in pmmlink("eval").err
    assert "are for takes: give --data" in pmmlink("eval", "--corpus", "x", "--protocol", "public").err


def test_a_broken_data_set_ends_in_one_line_and_exit_2(tmp_path: Path, pmmlink: Run) -> None:
    takes = make_takes(tmp_path / "takes", 1.2)
    (takes / "bert" / "take_1.mov").unlink()
    done = pmmlink("eval", "--data", takes)
    assert done.code == 2
    assert "take_1.csv: no sound beside it" in done.err
    assert done.err.count("\n") == 1
