"""What training tests begin with: a tiny model, and speakers whose jaw is their loudness."""

from __future__ import annotations

import csv
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import torch

from pmmlink.model.checkpoint import save_model
from pmmlink.model.config import (
    MODALITIES,
    AudioEncoderConfig,
    ContextConfig,
    DecoderConfig,
    ImageEncoderConfig,
    PMMTalkConfig,
    TalkingHeadConfig,
)
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.recipe import Recipe

_CONTEXT = ContextConfig(layers=1, dim=8, heads=2, feed_forward=16, kernel=4, left_context=9)
TINY = PMMTalkConfig(
    name="tiny",
    vocabulary=7,
    lip_seal=False,
    audio_encoder=AudioEncoderConfig(dim=8, layers=1, heads=2, kernel=4, left_context=9),
    audio_decoder=_CONTEXT,
    text_decoder=_CONTEXT,
    talking_head=TalkingHeadConfig(
        image_size=12,
        face_widths=(2, 3, 4, 5),
        face_residuals=(0, 1, 1, 0),
        speech_widths=(2, 3, 4, 5, 6),
        decoder_widths=(6, 5, 4, 3),
        decoder_residuals=(0, 1, 1, 1),
        output_width=3,
    ),
    image_encoder=ImageEncoderConfig(
        widths=(2, 4), dim=8, heads=2, feed_forward=16, left_context=9, standardise=False
    ),
    decoder=DecoderConfig(align_dim=6, dim=8, layers=2, heads=2, feed_forward=16, left_context=9),
)


_TRANSFORMER = dataclasses.replace(_CONTEXT, blocks="transformer", groups=2, chunk=4, layers=2)
TINY_PAPER = dataclasses.replace(
    TINY,
    audio_encoder=AudioEncoderConfig(front="wave", dim=8, layers=0),
    audio_decoder=_TRANSFORMER,
    text_decoder=_TRANSFORMER,
)
"""The paper preset's layout, wav2vec 2.0's, in the same size."""


def tiny_weights(path: Path, modalities: tuple[str, ...] = MODALITIES, config: PMMTalkConfig = TINY) -> Path:
    """A weights file with random values, as ``pmmlink model convert`` would leave one."""
    torch.manual_seed(11)
    model = PMMTalk(dataclasses.replace(config, modalities=modalities))
    save_model(model, path, {"licence": "made by a test"}, half=False)
    return path


def speakers(root: Path, names: tuple[str, ...] = ("anna", "bert", "cora"), takes: int = 2) -> Path:
    """Labelled folders: a second of babble for each take, whose jawOpen is how loud it is."""
    for s, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for number in range(takes):
            seconds = 1.0 + 0.1 * number
            t = np.arange(round(seconds * 16_000)) / 16_000
            rate = 2.0 + 0.7 * number + 0.3 * s
            buzz = sum(np.sin(2 * np.pi * (110 + 30 * s) * k * t) / k for k in range(1, 9))
            wave = 0.4 * np.sin(np.pi * rate * t) ** 2 * buzz
            soundfile.write(root / name / f"t{number}.wav", wave.astype(np.float32), 16_000)
            jaw = np.sin(np.pi * rate * np.arange(round(seconds * 30)) / 30) ** 2
            with (root / name / f"t{number}.csv").open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow(["jawOpen", "mouthFunnel", "cheekPuff"])
                # cheekPuff has no label, as in a source that does not measure it.
                table.writerows([f"{0.4 * x:.5f}", f"{0.2 - 0.2 * x:.5f}", ""] for x in jaw)
    return root


def tiny_recipe(folder: Path, **changes: object) -> Recipe:
    """A run of two epochs over what :func:`speakers` makes, set up on the first call for a folder."""
    data, weights = folder / "data", folder / "tiny.safetensors"
    if not weights.exists():
        speakers(data)
        tiny_weights(weights)
    recipe = Recipe(
        data=(str(data),),
        protocol="cross-subject",
        weights=str(weights),
        fresh=True,
        epochs=2,
        lr=1e-2,
    )
    return dataclasses.replace(recipe, **changes)  # type: ignore[arg-type]


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[int, int, float]] = []
        self.lines: list[dict[str, object]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def reading(self, done: int, total: int) -> None:
        self.last_read = (done, total)

    def step(self, epoch: int, done: int, steps: int, loss: float) -> None:  # noqa: ARG002
        self.steps.append((epoch, done, loss))

    def epoch(self, line: dict[str, object]) -> None:
        self.lines.append(line)


def start_command(
    *arguments: str, launcher: tuple[str, ...] = (), **options: object
) -> subprocess.Popen[str]:
    """``pmmlink …`` in a process of its own, on one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    command = [*launcher, "-m", "pmmlink.cli", *arguments] if "-c" not in launcher else [*launcher]
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        **options,  # type: ignore[call-overload]
    )


def train_flags(folder: Path, out: Path, **changes: object) -> list[str]:
    """The same run as :func:`tiny_recipe`, as a command line."""
    tiny_recipe(folder)
    flags = {
        "data": folder / "data",
        "weights": folder / "tiny.safetensors",
        "out": out,
        "epochs": 2,
        "lr": 0.01,
        "device": "cpu",
        **changes,
    }
    words = [
        [f"--{name.replace('_', '-')}", str(value)] for name, value in flags.items() if value is not None
    ]
    return ["train", "--fresh", *(word for pair in words for word in pair)]
