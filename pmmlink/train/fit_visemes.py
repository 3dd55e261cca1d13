"""Fits how fast and how hard phones move the jaw to measured takes: ``python -m pmmlink.train.fit_visemes``.

What :mod:`pmmlink.train.visemes` holds for the jaw was rounded from the output of this script on GRID: the
time constants of the flanks, the dominances, and the poses of the consonants. The poses of the vowels stay
as they are: the takes come from one man before one camera, who opens as wide for IY as for AA; free vowels
would raise the correlation by 0.02 and lose the phonetic order of openness. A pull towards the starting
values keeps rare phones where they were.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pmmlink.curves import MODEL_32
from pmmlink.phones import PHONE_INDEX, PHONES, SILENCE, is_vowel
from pmmlink.train.batches import loudness_db
from pmmlink.train.corpus.reader import Clip, load_manifest
from pmmlink.train.spans import monophthongs, segments_of
from pmmlink.train.targets import constraints, loudness_gain
from pmmlink.train.visemes import GROUPS, viseme_table

FPS = 30
_JAW = MODEL_32.index("jawOpen")


class Takes:
    """Measured clips of one length as padded tensors.

    Args:
        clips: with phones and labels.
        frames: length that all clips are cut to; shorter ones are left out.
    """

    def __init__(self, clips: Sequence[Clip], frames: int) -> None:
        phones, labels, gains, awake = [], [], [], []
        time = np.arange(frames) / FPS
        for clip in clips:
            measured = clip.load_labels()
            if measured is None or clip.phones is None or len(measured) < frames:
                continue
            named = [(s.phone, s.start_s, s.end_s) for s in clip.phones]
            spans = segments_of(named, [s.stress for s in clip.phones], frames / FPS)
            phones.append([pose for span in spans for pose in monophthongs(span)])
            labels.append(measured[:frames, _JAW])
            gains.append(loudness_gain(loudness_db(clip.load_audio(), frames), spans, time, FPS))
            awake.append(1.0 - constraints(spans, frames, FPS)[2])
        most = max(len(p) for p in phones)
        # Padding lies far behind the clip, where it weighs nothing.
        padded = [p + [(SILENCE, 1e3, 1e3 + 1)] * (most - len(p)) for p in phones]
        self.phone = torch.tensor([[PHONE_INDEX[name] for name, _, _ in p] for p in padded])
        self.start = torch.tensor([[start for _, start, _ in p] for p in padded])
        self.end = torch.tensor([[end for _, _, end in p] for p in padded])
        self.label = torch.from_numpy(np.stack(labels)).float()
        self.gain = torch.from_numpy(np.stack(gains)).float()
        self.awake = torch.from_numpy(np.stack(awake)).float()
        self.time = torch.from_numpy(time).float()


class JawModel(torch.nn.Module):
    """The dominance model of the jaw, as in the targets, with its constants free."""

    def __init__(self) -> None:
        super().__init__()
        table = viseme_table()
        jaw = GROUPS.index("jaw")
        self.vowel = torch.tensor([is_vowel(p) for p in PHONES])
        self.pose0 = torch.from_numpy(table.pose[:, 0]).float()
        self.log_dominance0 = torch.from_numpy(table.dominance[:, jaw]).float().log()
        self.pose = torch.nn.Parameter(self.pose0.clone())
        self.log_dominance = torch.nn.Parameter(self.log_dominance0.clone())
        flanks = torch.tensor([table.rise_s[jaw], table.fall_s[jaw]]).float()
        self.log_flanks = torch.nn.Parameter(flanks.log())
        self.core = torch.nn.Parameter(torch.tensor(float(table.core_share[jaw])))
        self.loudness = torch.nn.Parameter(torch.tensor(1.0))
        self.scale = torch.nn.Parameter(torch.tensor([1.0, 0.0]))

    def forward(self, takes: Takes) -> Tensor:
        """``[clips, frames]`` jaw on the scale of the labels."""
        pose = torch.where(self.vowel, self.pose0, self.pose.clamp(min=0.0))[takes.phone]
        rise, fall = self.log_flanks.exp()
        core = self.core.clamp(0.0, 0.45) * (takes.end - takes.start)
        time = takes.time[None, :, None]
        distance = torch.relu((takes.start + core)[:, None] - time) / rise
        distance = distance + torch.relu(time - (takes.end - core)[:, None]) / fall
        weight = self.log_dominance.exp()[takes.phone][:, None] * torch.exp(
            0.7 - torch.sqrt(0.49 + distance**2)
        )
        jaw = (weight * pose[:, None]).sum(2) / (weight.sum(2) + 1e-9)
        return self.scale[1] + self.scale[0] * jaw * takes.gain**self.loudness * takes.awake

    def pull(self) -> Tensor:
        """Penalty on leaving the starting values."""
        return (
            0.3 * ((self.pose - self.pose0) ** 2).sum()
            + 0.002 * ((self.log_dominance - self.log_dominance0) ** 2).sum()
        )


def correlation(model: JawModel, takes: Takes) -> float:
    """Pearson's r over all frames."""
    with torch.no_grad():
        predicted = model(takes).flatten()
    return float(torch.corrcoef(torch.stack([predicted, takes.label.flatten()]))[0, 1])


def fit(train: Takes, steps: int) -> JawModel:
    """A model fitted by gradient descent on the squared error."""
    model = JawModel()
    slow = [model.pose, model.scale, model.core]
    optimiser = torch.optim.Adam([{"params": slow, "lr": 0.01}, {"params": _fast(model), "lr": 0.03}])
    for _ in range(steps):
        optimiser.zero_grad()
        error = ((model(train) - train.label) ** 2).mean() / train.label.var()
        (error + model.pull()).backward()
        optimiser.step()
    return model


def _fast(model: JawModel) -> list[torch.nn.Parameter]:
    return [model.log_dominance, model.log_flanks, model.loudness]


def main() -> None:
    """Fits on the training part, prints the constants and the correlation on the rest."""
    parser = argparse.ArgumentParser(description="Fit the jaw of the targets to measured takes.")
    parser.add_argument("--corpus", type=Path, required=True, help="folder made by 'pmmlink data build'")
    parser.add_argument("--source", default="grid_s1")
    parser.add_argument("--frames", type=int, default=85)
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    clips = load_manifest(arguments.corpus, [arguments.source])
    train = Takes([c for c in clips if c.split == "train"], arguments.frames)
    unseen = Takes([c for c in clips if c.split == "dev"], arguments.frames)
    before, model = correlation(JawModel(), unseen), fit(train, arguments.steps)
    rise, fall = model.log_flanks.exp().tolist()
    core, loudness = model.core.item(), model.loudness.item()
    print(f"r of jawOpen on unseen clips: {before:.3f} -> {correlation(model, unseen):.3f}")
    print(f"rise {rise:.3f} s, fall {fall:.3f} s, core {core:.2f}, loudness {loudness:.2f}")
    counts = torch.bincount(train.phone[train.start < arguments.frames / FPS], minlength=len(PHONES))
    for i, phone in enumerate(PHONES):
        if counts[i]:
            pose, dominance = model.pose[i].item(), model.log_dominance[i].exp().item()
            held = " (held)" if is_vowel(phone) else ""
            print(f"{phone:3} n {int(counts[i]):5} pose {pose:.2f}{held} dominance {dominance:.2f}")


if __name__ == "__main__":
    main()
