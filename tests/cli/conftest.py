"""What tests of commands share: the command run in this process, real speech, and weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr

from pmmlink.resources import default_weights, sample_speech


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def pmmlink(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Ended]:
    """``pmmlink(*args)`` as the console script runs it, in an empty folder."""
    from pmmlink.cli.app import main

    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*args: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["pmmlink", *map(str, args)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped weights; a checkout without them gets the same model with random ones."""
    if default_weights().is_file():
        return default_weights()
    import torch

    from pmmlink.model.checkpoint import save_model
    from pmmlink.model.config import PMMTalkConfig
    from pmmlink.model.pmmtalk import PMMTalk

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_model(PMMTalk(PMMTalkConfig()), path, {"name": "random"})
    return path


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2.2 s of the shipped speech, stereo, 44.1 kHz."""
    rate = 44_100
    sound, own_rate = sf.read(sample_speech(), dtype="float32")
    sound = soxr.resample(sound[2 * own_rate :], own_rate, rate)[: round(2.2 * rate)]
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    sf.write(path, np.stack([sound, 0.5 * sound], 1), rate, subtype="PCM_16")
    return path
