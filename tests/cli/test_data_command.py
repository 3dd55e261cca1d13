"""``pmmlink data``: build, check and show as a user runs them."""

from __future__ import annotations

import ctypes.util
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from pmmlink.cli.data import app
from pmmlink.errors import ConfigError, DataError, InputError
from pmmlink.train.corpus.reader import load_manifest

runner = CliRunner()

needs_flite = pytest.mark.skipif(
    ctypes.util.find_library("flite_cmu_us_slt") is None, reason="the library flite is not installed"
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    out = tmp_path / "corpus"
    result = runner.invoke(app, ["build", "--out", str(out), "--only", "flite", "--limit", "2"])
    assert result.exit_code == 0, result.output
    assert "2 made" in result.output
    return out


@needs_flite
def test_build_then_check_counts_clips_and_finds_no_problem(corpus: Path) -> None:
    again = runner.invoke(app, ["build", "--out", str(corpus), "--only", "flite", "--limit", "2"])
    assert "0 made, 2 already there" in again.output
    result = runner.invoke(app, ["check", str(corpus)])
    assert result.exit_code == 0, result.output
    assert "flite" in result.output
    assert "0 problems" in result.output
    assert "licence flite: BSD-like" in result.output


@needs_flite
def test_check_names_a_clip_whose_sound_is_gone_and_fails(corpus: Path) -> None:
    clip = load_manifest(corpus)[0]
    clip.audio.unlink()
    result = runner.invoke(app, ["check", str(corpus)])
    assert isinstance(result.exception, DataError)
    assert "1 of 2 clips" in str(result.exception)
    assert clip.id in result.output


@needs_flite
def test_show_draws_a_clip_and_a_sound_file(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    clip = load_manifest(corpus)[0]
    picture = tmp_path / "clip.png"
    result = runner.invoke(app, ["show", clip.id, "-o", str(picture), "--corpus", str(corpus)])
    assert result.exit_code == 0, result.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(np.arange(16000) / 9), 16000)
    result = runner.invoke(app, ["show", str(tmp_path / "a.wav"), "-o", str(tmp_path / "a.svg")])
    assert result.exit_code == 0, result.output
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


@needs_flite
def test_show_says_what_is_wrong_with_its_arguments(corpus: Path, tmp_path: Path) -> None:
    where = ["--corpus", str(corpus)]
    wrong = runner.invoke(app, ["show", "no_such_clip", "-o", str(tmp_path / "x.png"), *where])
    assert isinstance(wrong.exception, DataError)
    assert "there is, for example, flite/" in str(wrong.exception)
    wrong = runner.invoke(app, ["show", "any", "-o", str(tmp_path / "x.gif"), *where])
    assert isinstance(wrong.exception, InputError)


def test_an_unknown_source_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    result = runner.invoke(app, ["build", "--out", str(tmp_path), "--only", "grit"])
    assert isinstance(result.exception, ConfigError)
    assert "grid_s1" in str(result.exception)


def test_a_source_without_material_does_not_stop_the_others_and_is_said_at_the_end(tmp_path: Path) -> None:
    arguments = ["build", "--material", str(tmp_path), "--out", str(tmp_path / "out")]
    result = runner.invoke(app, [*arguments, "--only", "grid_s1", "--only", "facegood_zh"])
    assert isinstance(result.exception, DataError)
    assert "2 of the sources could not be built" in str(result.exception)
