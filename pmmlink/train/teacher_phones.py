"""Which phone it is, read from what the teachers heard of a whole clip.

A small network over the listeners' vectors, far more often right about unseen voices than a streaming
model's own ear. Clips are divided in two: each half is read by a network that was taught on the other, so
that its doubts are those of someone who does not know the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.phones import PHONES
from pmmlink.train.corpus.reader import Clip
from pmmlink.train.phone_tokens import IGNORE, phone_tokens
from pmmlink.types import FloatArray

MINUTES = {"flite": 25.0, "espeak": 35.0, "grid_s1": 12.0, "festival": 10.0}
"""Source → at most so many minutes of each half; of natural and native voices everything."""

LEAST_LOG_P = -12.0

_CROP, _BATCH, _STEPS, _LR = 200, 16, 1000, 2e-3


class PhoneReader(nn.Module):
    """``[B, T, D]`` heard → ``[B, T, len(PHONES)]`` logits; each sees 160 ms around it.

    Args:
        mean: ``[D]`` of the vectors.
        spread: ``[D]`` likewise, their standard deviations.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor, hidden: int = 256) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        self.enter = nn.Linear(len(mean), hidden)
        self.first = nn.Conv1d(hidden, hidden, 5, padding=2)
        self.second = nn.Conv1d(hidden, hidden, 5, padding=2)
        self.leave = nn.Linear(hidden, len(PHONES))
        self.dropout = nn.Dropout(0.3)

    @classmethod
    def of(cls, state: dict[str, Tensor]) -> PhoneReader:
        """The reader with such a ``state_dict``.

        Raises:
            RuntimeError: it is not one's.
        """
        reader = cls(state.get("mean", torch.zeros(1)), state.get("spread", torch.ones(1)))
        reader.load_state_dict(state)
        return reader.eval()

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.enter(self.dropout((x - self.mean) / self.spread))).transpose(1, 2)
        h = h + F.gelu(self.first(h))
        h = h + F.gelu(self.second(h))
        out: Tensor = self.leave(self.dropout(h.transpose(1, 2)))
        return out

    @torch.inference_mode()
    def log_p(self, features: FloatArray) -> FloatArray:
        """``[T, D]`` of a clip → ``[T, len(PHONES)]`` log probabilities."""
        logits = self(torch.from_numpy(features)[None])[0]
        out: FloatArray = logits.log_softmax(-1).clamp_min(LEAST_LOG_P).numpy()
        return out


def fold_of(clip: Clip) -> int:
    """Which half a clip belongs to."""
    return hashlib.md5(f"{clip.source}/{clip.id}".encode(), usedforsecurity=False).digest()[0] & 1


def teach(
    clips: Sequence[Clip], heard: Callable[[Clip], FloatArray], say: Callable[[str], None]
) -> PhoneReader:
    """Teaches a reader the phones of clips.

    Args:
        clips: with phones.
        heard: what the listeners made of one, ``[T, D]``.
        say: takes a line about the progress.
    """
    torch.manual_seed(5)
    rng = np.random.default_rng(5)
    chosen = _at_most(clips, rng)
    # One long track, clips after one another, with enough between them that none hears its neighbour.
    gap = 8
    features, classes = [], []
    for clip in chosen:
        vectors = heard(clip)
        features.append(np.pad(vectors, ((0, gap), (0, 0))).astype(np.float16))
        classes.append(np.pad(phone_tokens(clip, len(vectors)), (0, gap), constant_values=IGNORE))
    track = torch.from_numpy(np.concatenate(features))
    labels = torch.from_numpy(np.concatenate(classes))
    some = track[torch.from_numpy(rng.integers(0, len(track), 20_000))].float()
    reader = PhoneReader(some.mean(0), some.std(0) + 1e-3)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=_LR, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LR, total_steps=_STEPS, pct_start=0.1)
    for step in range(_STEPS):
        at = rng.integers(0, max(1, len(track) - _CROP), _BATCH)
        x = torch.stack([track[i : i + _CROP] for i in at]).float()
        y = torch.stack([labels[i : i + _CROP] for i in at])
        loss = F.cross_entropy(
            reader(x).flatten(0, 1), y.flatten(), ignore_index=IGNORE, label_smoothing=0.02
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if (step + 1) % 250 == 0:
            say(f"reader of phones: step {step + 1}/{_STEPS}, loss {float(loss.detach()):.3f}")
    return reader.eval()


def _at_most(clips: Sequence[Clip], rng: np.random.Generator) -> list[Clip]:
    """Clips in random order, of no source more than :data:`MINUTES`."""
    taken: dict[str, float] = {}
    chosen = []
    for i in rng.permutation(len(clips)):
        clip = clips[int(i)]
        if taken.get(clip.source, 0.0) < 60 * MINUTES.get(clip.source, float("inf")):
            taken[clip.source] = taken.get(clip.source, 0.0) + clip.duration_s
            chosen.append(clip)
    return chosen
