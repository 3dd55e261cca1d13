"""``pmmlink train`` as a user meets it: what it prints, what it refuses, what it leaves."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import soundfile
import torch
import typer
from rich.console import Console
from takes import RATE_HZ, make_takes, sound, write_csv
from tiny_training import speakers, start_command, tiny_weights, train_flags
from typer.testing import CliRunner

from pmmlink.cli.app import app
from pmmlink.cli.train import RunView
from pmmlink.errors import CheckpointError, ConfigError, DataError, InputError
from pmmlink.model.animator import load_animator
from pmmlink.model.checkpoint import read_card
from pmmlink.train.recipe import Recipe

runner = CliRunner()


def refused(*arguments: str) -> InputError:
    result = runner.invoke(app, ["train", *arguments])
    assert isinstance(result.exception, InputError), result.output
    assert result.exception.exit_code == 2
    assert "\n" not in str(result.exception)
    return result.exception


def test_a_run_prints_plain_lines_and_its_weights_play(tmp_path: Path) -> None:
    process = start_command(*train_flags(tmp_path, tmp_path / "run"))
    said, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    assert errors == ""
    lines = said.splitlines()
    assert lines[0] == "6 takes read"
    assert lines[1].startswith("epoch 1  train position 0.")
    assert "LVE" in lines[1]
    assert lines[-1].endswith("best.safetensors")
    _, card = read_card(tmp_path / "run" / "best.safetensors")
    assert card["command"].startswith("pmmlink train --fresh --data")
    animator = load_animator(tmp_path / "run" / "best.safetensors")
    assert animator.flush().shape[1] == 32


def test_live_link_takes_train_and_one_that_is_too_short_is_left_out(tmp_path: Path) -> None:
    takes = make_takes(tmp_path / "takes", duration_s=1.0)
    for name in ("anna", "bert"):
        write_csv(takes / name / "take_3.csv", 0.5)
        soundfile.write(takes / name / "take_3.wav", sound(0.5), RATE_HZ)
    weights = tiny_weights(tmp_path / "tiny.safetensors")
    flags = ["--data", str(takes), "--weights", str(weights), "--out", str(tmp_path / "run"), "--epochs", "1"]
    result = runner.invoke(app, ["train", *flags, "--device", "cpu", "--protocol", "cross-gender"])
    assert result.exit_code == 0, result.exception
    (line,) = (line for line in result.output.splitlines() if line.startswith("left out: "))
    assert "take_3.csv: 0.50 s: too short; a take needs 1 s (and 1 more: 'pmmlink data check'" in line
    _, card = read_card(tmp_path / "run" / "best.safetensors")
    assert card["protocol"] == "cross-gender, seed 0"
    assert card["training data"]["train"] == "2 takes of 1 subject"


def test_without_pretrained_parts_it_says_what_to_do(tmp_path: Path) -> None:
    data, out = str(speakers(tmp_path / "data")), str(tmp_path / "run")
    for preset in ([], ["--preset", "paper"]):
        error = refused("--data", data, "--out", out, *preset)
        assert isinstance(error, ConfigError)
        assert "pmmlink model convert" in str(error)
    both = refused("--data", data, "--out", out, "--preset", "compact", "--weights", "w.safetensors")
    assert "one of the two" in str(both)
    assert not (tmp_path / "run").exists()


def test_wrong_names_are_refused_with_the_right_ones(tmp_path: Path) -> None:
    flags = train_flags(tmp_path, tmp_path / "run")[1:]
    assert "cross-subject" in str(refused(*flags, "--protocol", "cross-subjekt"))
    assert isinstance(refused(*flags, "--protocol", "cross-gender"), DataError)
    # Said before hours of takes are read.
    missing = [*flags, "--weights", str(tmp_path / "none.safetensors"), "--data", str(tmp_path / "nowhere")]
    assert isinstance(refused(*missing), CheckpointError)
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "is a file" in str(refused(*flags, "--out", str(tmp_path / "file")))
    nothing = refused("--data", str(tmp_path / "nowhere"), *flags[3:])
    assert isinstance(nothing, DataError)


def test_leaving_everything_out_is_refused(tmp_path: Path) -> None:
    flags = train_flags(tmp_path, tmp_path / "run")[1:]
    # Before anything is read: the folder of takes does not even have to exist.
    flags[flags.index("--data") + 1] = str(tmp_path / "nowhere")
    error = refused(*flags, "--without", "audio", "--without", "text", "--without", "image")
    assert "all left out; keep at least one" in str(error)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(tmp_path: Path) -> None:
    flags = train_flags(tmp_path, tmp_path / "run", device="cuda")[1:]
    assert "use --device cpu" in str(refused(*flags))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_trains_in_mixed_precision(tmp_path: Path) -> None:
    flags = train_flags(tmp_path, tmp_path / "run", device="cuda")[1:]
    assert runner.invoke(app, ["train", *flags]).exit_code == 0
    settings = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert settings["precision"] in ("bfloat16", "float16")


def test_off_a_terminal_the_time_left_is_said_every_half_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with RunView(Recipe(("d",), "cross-take", "w", epochs=4), quiet=False) as view:
        for step in range(1, 17):
            now += 4.0
            view.step(1, step, 100, 0.5)  # going on in the second epoch
    assert capsys.readouterr().out.splitlines() == [
        "epoch 2/4  loss 0.5000  step 8/100  about 19 min left",
        "epoch 2/4  loss 0.5000  step 16/100  about 19 min left",
    ]


def test_on_a_terminal_a_bar_shows_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, now = io.StringIO(), 0.0
    console = Console(file=shown, force_terminal=True, width=110, color_system=None, get_time=lambda: now)
    monkeypatch.setattr("pmmlink.cli.progress.make_console", lambda: console)
    with RunView(Recipe(("d",), "cross-take", "w", epochs=4), quiet=False) as view:
        view.reading(6, 6)
        for step in range(1, 12):
            now += 4.0
            view.step(0, step, 100, 0.5)
    assert "6 takes read" in shown.getvalue()
    (left,) = set(re.findall(r"left (\d:\d\d:\d\d)", shown.getvalue()[-400:]))
    assert left == "0:25:56"  # 389 steps of four seconds


@pytest.mark.parametrize("flag", [["--epochs", "0"], ["--lr", "-1"], ["--without", "sound"]])
def test_values_outside_their_range_are_refused(tmp_path: Path, flag: list[str]) -> None:
    result = runner.invoke(app, ["train", *train_flags(tmp_path, tmp_path / "run")[1:], *flag])
    assert result.exit_code == 2
    assert isinstance(result.exception, (SystemExit, typer.Exit))
