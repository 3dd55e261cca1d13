"""Loudness of the waveform for wav2vec 2.0: a causal running level, or the whole utterance's.

XLSR-53 was trained on utterances brought to zero mean and unit variance. A stream has no whole utterance:
:class:`RunningWaveLevel` follows the level of what was heard so far, :class:`UtteranceLevel` is the original.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pmmlink.errors import CheckpointError
from pmmlink.stream.stage import WHOLE_CLIP, NoState, Stage
from pmmlink.types import SAMPLE_RATE_HZ

_DB = 10.0 / math.log(10.0)


@dataclass(slots=True)
class WaveLevelState:
    """Running level of each stream.

    Attributes:
        level_db: ``[B]`` float64, the leaky peak so far.
        squares: ``[B, window - 1]`` float64, squares of the newest samples.
    """

    level_db: Tensor
    squares: Tensor


class RunningWaveLevel(Stage[WaveLevelState]):
    """Samples ``[B, N, 1]`` → samples at a steady level, ``[B, N, 1]``; causal, no look-ahead.

    The level is a leaky peak of the mean square over ``window`` samples: it rises at once, falls by
    ``fall_db_per_s``, and only while there is sound, so that pauses do not pump. The peaks of speech lie
    above its mean over an utterance by about ``target_db``, so that the result has about unit variance.

    Args:
        target_db: mean square that peaks are brought to, dB over 1.
        floor_db: quietest level that is still brought up to the target, dB of full scale.
        gate_db: below this the level does not fall.
        fall_db_per_s: decay of the peak.
        window: samples averaged.
    """

    def __init__(
        self,
        *,
        target_db: float = 7.0,
        floor_db: float = -50.0,
        gate_db: float = -60.0,
        fall_db_per_s: float = 2.0,
        window: int = 800,
    ) -> None:
        super().__init__()
        self.target_db, self.floor_db, self.gate_db = target_db, floor_db, gate_db
        self.fall_db = fall_db_per_s / SAMPLE_RATE_HZ
        self.window = window
        self.register_buffer("_anchor", torch.zeros(1), persistent=False)
        self._anchor: Tensor

    def init_state(self, batch: int) -> WaveLevelState:
        device = self._anchor.device
        level = torch.full((batch,), self.floor_db, dtype=torch.float64, device=device)
        return WaveLevelState(level, level.new_zeros(batch, self.window - 1))

    def step(self, x: Tensor, state: WaveLevelState) -> Tensor:
        if not x.shape[1]:
            return x
        squares = torch.cat([state.squares, x[..., 0].double().square()], dim=1)
        state.squares = squares[:, squares.shape[1] - (self.window - 1) :]
        sums = torch.cat([squares.new_zeros(squares.shape[0], 1), squares.cumsum(1)], dim=1)
        mean = (sums[:, self.window :] - sums[:, : -self.window]) / self.window
        here_db = mean.clamp_min(1e-12).log() * _DB
        fallen = ((here_db > self.gate_db).double() * self.fall_db).cumsum(1)
        # level[t] = max(here[t], level[t-1] - fall[t], floor), unrolled as a running maximum.
        start = state.level_db[:, None] - fallen
        peak = torch.cummax(here_db.clamp_min(self.floor_db) + fallen, dim=1).values - fallen
        level = torch.maximum(start, peak).clamp_min(self.floor_db)
        state.level_db = level[:, -1]
        gain = torch.exp((self.target_db - level) / (2 * _DB)).to(x.dtype)
        return x * gain[..., None]

    def flush(self, state: WaveLevelState) -> Tensor:
        return self._anchor.new_zeros(state.level_db.shape[0], 0, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x, self.init_state(x.shape[0]))


class UtteranceLevel(Stage[NoState]):
    """Zero mean and unit variance over the whole clip, as wav2vec 2.0 was trained. Not streamable."""

    latency = WHOLE_CLIP

    def init_state(self, batch: int) -> NoState:  # noqa: ARG002 - the law's signature
        raise self._refusal()

    def step(self, x: Tensor, state: NoState) -> Tensor:  # noqa: ARG002
        raise self._refusal()

    def flush(self, state: NoState) -> Tensor:  # noqa: ARG002
        raise self._refusal()

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        return (x - mean) / (x.var(1, keepdim=True, unbiased=False) + 1e-7).sqrt()

    @staticmethod
    def _refusal() -> CheckpointError:
        return CheckpointError(
            "audio_encoder.level = 'utterance' needs the whole clip and cannot stream; use 'running'"
        )
