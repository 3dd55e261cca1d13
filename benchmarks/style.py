"""Measures what calibration is worth on speech that it was not fitted to.

    python benchmarks/style.py SHARED/data [--clips 20]

For each measured speaker: profile and style are fitted to some clips as ``pmmlink calibrate`` does, beginning
from the style ``default``, and the mean absolute error of the measured curves is taken on other clips, which
the weights were not trained on either. The stored style is the one that training gave the speaker.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from pmmlink.curves import MODEL_32
from pmmlink.model.checkpoint import load_model
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.model.style_fit import fit_style
from pmmlink.model.styles import style_vector
from pmmlink.retarget import Profile, Retargeter, TimeShift
from pmmlink.retarget.fit import Recording, fit_profile
from pmmlink.runtime.calibrate import profile_of, read_sound
from pmmlink.train.corpus import facegood, grid
from pmmlink.train.corpus.base import split_of
from pmmlink.train.corpus.curve_csv import read_curves
from pmmlink.types import FloatArray

Clip = tuple[FloatArray, FloatArray]
_PIECE_FRAMES = 300


def grid_clips(root: Path, split: str) -> Iterator[Clip]:
    """Three seconds each, one speaker; MediaPipe's mouthClose is not ARKit's and is no label."""
    dead = [i for i, name in enumerate(MODEL_32.names) if name not in grid.LIVE or name == "mouthClose"]
    for sound in sorted((root / "grid_s1" / "audio").glob("*.opus")):
        if split_of(f"grid:{sound.stem}", dev=0.05, test=0.1) == split:
            recorded = read_curves(root / "grid_s1" / "arkit" / f"{sound.stem}.csv")
            recorded[:, dead] = np.nan
            yield read_sound(sound), recorded


def facegood_clips(root: Path, takes: tuple[str, ...]) -> Iterator[Clip]:
    """Ten seconds each, one speaker."""
    for take in takes:
        recorded = read_curves(root / "facegood_zh" / f"{take}.csv")
        recorded[:, MODEL_32.positions(facegood.DEAD)] = np.nan
        sound = read_sound(root / "facegood_zh" / f"{take}.flac")
        for at in range(0, len(recorded) - _PIECE_FRAMES, _PIECE_FRAMES):
            first = at * 1600 // 3
            piece = sound[first : first + _PIECE_FRAMES * 1600 // 3]
            yield piece, recorded[at : at + _PIECE_FRAMES]


def recordings(model: PMMTalk, style: torch.Tensor, clips: list[Clip]) -> list[Recording]:
    """What the model says of each clip, next to what was measured."""
    made = []
    for sound, recorded in clips:
        with torch.inference_mode():
            predicted = model(torch.from_numpy(sound)[None, :, None], style[None])[0].numpy()
        count = min(len(predicted), len(recorded))
        made.append(Recording(predicted[:count], recorded[:count]))
    return made


def error(made: list[Recording], profile: Profile | None = None) -> float:
    """Mean absolute error of what was measured."""
    errors = []
    for recording in made:
        moved = recording.predicted
        if profile is not None:
            shift = TimeShift(profile.delay_ms / 1e3, Fraction(30), len(MODEL_32))
            moved = Retargeter(profile, MODEL_32).apply(np.concatenate([shift.push(moved), shift.flush()]))
        errors.append(np.abs(moved - recording.recorded))
    return float(np.nanmean(np.concatenate(errors)))


def measure(speaker: str, model: PMMTalk, fitted: list[Clip], others: list[Clip]) -> None:
    """Prints one speaker's lines."""
    default = style_vector(model, "default")
    seconds = [sum(len(sound) for sound, _ in clips) / 16000 for clips in (fitted, others)]
    print(
        f"{speaker}: fitted to {seconds[0]:.0f} s, measured on {seconds[1]:.0f} s of other speech", flush=True
    )
    made, held = recordings(model, default, fitted), recordings(model, default, others)
    profile = profile_of(fit_profile(made), speaker)
    print(f"  nothing fitted      {error(held):.4f}")
    print(f"  profile             {error(held, profile):.4f}", flush=True)
    stored = recordings(model, style_vector(model, speaker), others)
    print(f"  stored style        {error(stored):.4f}", flush=True)
    found = fit_style(model, fitted, default)
    held_out = f"its last quarter, held out, {found.held_out_before:.4f} -> {found.held_out_after:.4f}"
    print(f"  style fit: own take {found.error_before:.4f} -> {found.error_after:.4f}; {held_out}")
    if found.kept:
        print(f"  style kept: {found.kept}")
    made, held = recordings(model, found.vector, fitted), recordings(model, found.vector, others)
    print(f"  style               {error(held):.4f}")
    both = profile_of(fit_profile(made), speaker)
    print(f"  style and profile   {error(held, both):.4f}", flush=True)


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description="Measures calibration on held-out speech.")
    parser.add_argument("data", type=Path, help="the folder that holds grid_s1 and facegood_zh")
    parser.add_argument("--clips", type=int, default=20, help="clips of 3 s to fit to, and to measure on")
    arguments = parser.parse_args()
    for folder in ("grid_s1/audio", "grid_s1/arkit", "facegood_zh"):
        if not (arguments.data / folder).is_dir():
            parser.error(
                f"{arguments.data / folder}: no such folder; give the one that holds the takes' folders"
            )
    torch.set_num_threads(1)
    model, _ = load_model()
    pieces = max(1, arguments.clips * 3 // 10)
    train, test = (
        list(islice(grid_clips(arguments.data, split), arguments.clips)) for split in ("train", "test")
    )
    measure("grid_s1", model, train, test)
    takes = [list(facegood_clips(arguments.data, (take,))) for take in ("1114_2_01", "1114_2_04")]
    measure("facegood_zh", model, takes[0][:pieces], takes[1][:pieces])


if __name__ == "__main__":
    main()
