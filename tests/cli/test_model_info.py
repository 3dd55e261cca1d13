"""``pmmlink model info`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pmmlink.cli.app import app
from pmmlink.errors import CheckpointError

RUNNER = CliRunner()


def test_info_shows_parts_latency_and_licence_of_the_shipped_weights() -> None:
    result = RUNNER.invoke(app, ["model", "info"])
    assert result.exit_code == 0
    for text in (
        "ψ_AE",
        "ψ_AD",
        "ψ_TD",
        "ψ_HG",
        "ψ_IE",
        "ψ_PD",
        "Apache-2.0",
        "sha256",
        "102.4",
        "135.7",
        "smoothing",
        "3.3",
    ):
        assert text in result.output, text


def test_info_as_json_adds_up() -> None:
    facts = json.loads(RUNNER.invoke(app, ["model", "info", "--json"]).output)
    assert facts["look_ahead_ms"] + facts["hop_ms"] <= 150
    assert sum(facts["parameters"].values()) <= 6_000_000
    branch = facts["latency_ms"]["audio encoder"] + facts["latency_ms"]["audio decoder"]
    assert facts["look_ahead_ms"] == pytest.approx(
        max(branch, facts["latency_ms"]["talking head's mel window"]), abs=0.1
    )
    assert facts["smoothing_ms"] == pytest.approx(0.1 * 1000 / 30, abs=0.05)
    assert "default" in facts["styles"]


def test_unknown_presets_and_missing_files_are_named(tmp_path: Path) -> None:
    for arguments, text in (
        (["--preset", "huge"], "no preset 'huge'"),
        (["--weights", str(tmp_path / "none.safetensors")], "none.safetensors"),
    ):
        result = RUNNER.invoke(app, ["model", "info", *arguments])
        assert isinstance(result.exception, CheckpointError)
        assert text in str(result.exception)
