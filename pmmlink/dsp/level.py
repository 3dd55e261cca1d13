"""Automatic gain for the model's ears: a causal running level in place of utterance normalisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pmmlink.stream.stage import Stage

_DB = 10.0 / math.log(10.0)
_FEW = 8
"""Up to so many frames at once, as in a live stream, plain numbers are faster than tensors."""


@dataclass(slots=True)
class LevelState:
    """Running level of each stream.

    Attributes:
        level_db: ``[B]`` float64, the leaky peak so far.
        powers: ``[B, smooth - 1]`` band-summed powers of the newest frames.
    """

    level_db: Tensor
    powers: Tensor


class RunningLevel(Stage[LevelState]):
    """Mel power ``[B, T, bins]`` → log mel power at a steady level, ``[B, T, bins]``.

    The level is a leaky peak of the frame power averaged over a few frames: it rises at once, falls by
    ``fall_db_per_s``, and only while there is any sound, so that pauses do not pump. A stream starts at the
    most sensitive setting and comes down with the first speech; the gain never exceeds what brings
    ``floor_db`` to ``target_db``, so room noise stays noise.

    Args:
        frame_hz: frames per second.
        target_db: level that speech peaks are brought to (dB of the band-summed mel power).
        floor_db: quietest level that is still brought up to the target.
        gate_db: frames below this power do not let the level fall.
        fall_db_per_s: decay of the peak.
        smooth: frames averaged before peak picking, so that a click is not taken for a voice.
    """

    def __init__(
        self,
        frame_hz: float,
        *,
        target_db: float,
        floor_db: float,
        gate_db: float,
        fall_db_per_s: float = 4.0,
        smooth: int = 5,
    ) -> None:
        super().__init__()
        self.target_db, self.floor_db, self.gate_db = target_db, floor_db, gate_db
        self.fall_db = fall_db_per_s / frame_hz
        self.smooth = smooth
        self.register_buffer("_anchor", torch.zeros(1), persistent=False)
        self._anchor: Tensor

    def init_state(self, batch: int) -> LevelState:
        level = torch.full((batch,), self.floor_db, dtype=torch.float64, device=self._anchor.device)
        return LevelState(level, self._anchor.new_zeros(batch, self.smooth - 1))

    def step(self, x: Tensor, state: LevelState) -> Tensor:
        if not x.shape[1]:
            return x
        powers = torch.cat([state.powers, x.sum(-1)], dim=1)
        state.powers = powers[:, powers.shape[1] - (self.smooth - 1) :]
        mean = F.avg_pool1d(powers[:, None], self.smooth, stride=1)[:, 0]
        follow = self._follow_few if x.shape[1] <= _FEW and x.device.type == "cpu" else self._follow
        level = follow(mean, state.level_db)
        state.level_db = level[:, -1]
        gain = torch.exp((self.target_db - level) / _DB).to(x.dtype)
        return (x * gain[..., None]).clamp_min(1e-6).log()

    def flush(self, state: LevelState) -> Tensor:
        return state.powers.new_zeros(state.powers.shape[0], 0, 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x, self.init_state(x.shape[0]))

    def _follow(self, power: Tensor, level_db: Tensor) -> Tensor:
        """Levels ``[B, T]`` of frames of mean power ``[B, T]``, after a level ``[B]``."""
        here_db = (power.double() + 1e-12).log() * _DB
        fallen = ((here_db > self.gate_db).double() * self.fall_db).cumsum(1)
        # level[t] = max(here[t], level[t-1] - fall[t], floor), unrolled as a running maximum.
        start = level_db[:, None] - fallen
        peak = torch.cummax(here_db.clamp_min(self.floor_db) + fallen, dim=1).values - fallen
        return torch.maximum(torch.maximum(start, peak), torch.full_like(peak, self.floor_db))

    def _follow_few(self, power: Tensor, level_db: Tensor) -> Tensor:
        """The same, frame by frame."""
        levels = []
        for level, powers in zip(level_db.tolist(), power.tolist(), strict=True):
            row = []
            for here in powers:
                here_db = math.log(here + 1e-12) * _DB
                fall_db = self.fall_db if here_db > self.gate_db else 0.0
                level = max(here_db, level - fall_db, self.floor_db)  # noqa: PLW2901 - it runs on
                row.append(level)
            levels.append(row)
        return torch.tensor(levels, dtype=torch.float64)
