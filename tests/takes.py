"""Makes data sets for tests: takes as the Live Link Face app leaves them, and VOCASET's layout."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

from pmmlink.curves import LIVELINK_61, LIVELINK_61_CSV, wire_name
from pmmlink.types import FloatArray
from pmmlink.wire.csv import timecode

RATE_HZ = 48_000


def jaw(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far the jaw of these speakers is open: syllables of uneven length, with closed lips in between."""
    phase = 2 * np.pi * (1.9 * seconds + 0.2 * np.sin(2 * np.pi * 0.37 * seconds))
    return np.asarray(0.35 * np.clip(1.3 * np.sin(phase) ** 2 - 0.3, 0.0, 1.0))


def sound(duration_s: float, rate_hz: int = RATE_HZ, pitch_hz: float = 120.0) -> FloatArray:
    """A buzz as loud as the jaw is open."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    buzz = sum(np.sin(2 * np.pi * pitch_hz * k * t) / k for k in range(1, 12))
    noise = 0.002 * np.random.default_rng(1).standard_normal(len(t))
    wave: FloatArray = (0.4 * jaw(t) * buzz + noise).astype(np.float32)
    return wave


def write_csv(
    path: Path,
    duration_s: float,
    *,
    fps: Fraction = Fraction(60),
    start_s: int = 36_000,
    order: Sequence[str] = LIVELINK_61_CSV.names,
    skip: Sequence[int] = (),
) -> None:
    """A take of this speaker; rows whose number is in ``skip`` are left out."""
    seconds = np.arange(round(duration_s * fps)) / float(fps)
    values = np.zeros((len(seconds), len(LIVELINK_61)))
    values[:, LIVELINK_61.index("jawOpen")] = jaw(seconds)
    values[:, LIVELINK_61.index("jawLeft")] = 0.05
    values[:, LIVELINK_61.index("mouthPucker")] = 0.3 - 0.5 * jaw(seconds)
    values[:, LIVELINK_61.index("headYaw")] = -0.2
    lines = [",".join(("Timecode", "BlendshapeCount", *map(wire_name, order)))]
    for i, row in enumerate(values):
        if i not in skip:
            cells = (f"{row[LIVELINK_61.index(name)]:.10f}" for name in order)
            lines.append(",".join((timecode(start_s + i / fps), str(len(order)), *cells)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_mov(path: Path, samples: FloatArray, rate_hz: int = RATE_HZ) -> None:
    """A film with sound, as a phone records it: video and AAC in QuickTime."""
    with av.open(str(path), "w") as film:
        video = film.add_stream("mpeg4", rate=30)
        video.width = video.height = 32
        track = film.add_stream("aac", rate=rate_hz, layout="mono")
        for _ in range(round(len(samples) / rate_hz * 30)):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
            film.mux(video.encode(picture))
        film.mux(video.encode())
        for first in range(0, len(samples), 1024):
            block = av.AudioFrame.from_ndarray(samples[None, first : first + 1024], "fltp", "mono")
            block.sample_rate, block.pts = rate_hz, first
            film.mux(track.encode(block))
        film.mux(track.encode())


def make_takes(root: Path, duration_s: float = 2.0) -> Path:
    """Three subjects with two takes each: wav; mov with lost frames; flac with columns in another order.

    Anna and Cora are women, Bert is a man; Bert's second take lost three frames and then half a second.
    """
    for name in ("anna", "bert", "cora"):
        (root / name).mkdir(parents=True)
    for number in (1, 2):
        write_csv(root / "anna" / f"take_{number}.csv", duration_s)
        soundfile.write(root / "anna" / f"take_{number}.wav", sound(duration_s, pitch_hz=190.0), RATE_HZ)
        write_csv(root / "cora" / f"take_{number}.csv", duration_s, order=sorted(LIVELINK_61.names))
        soundfile.write(root / "cora" / f"take_{number}.flac", sound(duration_s, 44_100, 210.0), 44_100)
    write_csv(root / "bert" / "take_1.csv", duration_s)
    write_mov(root / "bert" / "take_1.mov", sound(duration_s))
    write_csv(root / "bert" / "take_2.csv", duration_s, skip=(20, 21, 22, *range(60, 75)))
    write_mov(root / "bert" / "take_2.mov", sound(duration_s))
    (root / "subjects.yaml").write_text(
        "anna: {gender: female, language: zh}\n"
        "bert: {gender: male, language: zh}\n"
        "cora: {gender: female, language: en}\n",
        encoding="utf-8",
    )
    return root


MESH_VERTICES = 40
LIPS = tuple(range(20))
"""Of the test's mesh: 10 of the upper lip at rest on 10 of the lower; the others are skull."""


def template() -> FloatArray:
    """``[40, 3]`` in metres: lips 50 mm wide that touch, and a skull 60 mm and more away."""
    x = np.linspace(-0.025, 0.025, 10)
    upper, lower = (np.stack([x, np.full(10, y), np.zeros(10)], 1) for y in (0.0005, -0.0005))
    skull = np.stack([np.linspace(-0.06, 0.06, 20), np.full(20, 0.09), np.full(20, -0.02)], 1)
    return np.concatenate([upper, lower, skull]).astype(np.float32)


def meshes(duration_s: float) -> FloatArray:
    """``[T, 40, 3]`` in metres at 60 fps: the lower lip falls with the jaw by up to 12 mm."""
    opening = jaw(np.arange(round(duration_s * 60)) / 60.0) / 0.35
    frames = np.repeat(template()[None], len(opening), axis=0)
    frames[:, 10:20, 1] -= (0.012 * opening[:, None]).astype(np.float32)
    return frames


def make_vocaset(root: Path, subjects: Sequence[str], duration_s: float = 1.5) -> Path:
    """Two sentences of each subject; every second file is flat, as both layouts are about."""
    (root / "audio").mkdir(parents=True)
    (root / "vertices_npy").mkdir()
    for subject in subjects:
        for number in (1, 2):
            name = f"{subject}_sentence{number:02d}"
            frames = meshes(duration_s)
            np.save(
                root / "vertices_npy" / f"{name}.npy",
                frames.reshape(len(frames), -1) if number == 1 else frames,
            )
            soundfile.write(root / "audio" / f"{name}.wav", sound(duration_s, 22_050), 22_050)
    with (root / "templates.pkl").open("wb") as file:
        pickle.dump({subject: template() for subject in subjects}, file, protocol=2)
    return root
