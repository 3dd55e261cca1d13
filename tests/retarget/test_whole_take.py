"""A profile over a whole take gives what the stream gives, so that a tuned face is the one that is sent."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pmmlink.curves import LIVELINK_61, MODEL_32
from pmmlink.retarget import Profile, Smoothing, retarget_take
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.types import AudioChunk, FloatArray

ROWS = np.random.default_rng(3).uniform(0, 0.8, (40, 32)).astype(np.float32)


class Recorded:
    """An animator that gives recorded rows, three for each 1600 samples."""

    curves = MODEL_32
    fps = Fraction(30)
    latency_samples = 0

    def reset(self) -> None:
        self.given = self.samples = 0

    def push(self, samples: FloatArray) -> FloatArray:
        self.samples += len(samples)
        due = min(len(ROWS), self.samples * 3 // 1600)
        first, self.given = self.given, due
        return ROWS[first:due]

    def flush(self) -> FloatArray:
        first, self.given = self.given, len(ROWS)
        return ROWS[first:]


@pytest.mark.parametrize("delay_ms", [-70.0, 0.0, 45.0])
def test_a_take_retargeted_at_once_is_what_the_stream_sends(delay_ms: float) -> None:
    profile = Profile(delay_ms=delay_ms, smoothing={"jaw": Smoothing(4.0, 2.0)}).with_changes(
        curves={"jawOpen": {"gain": 1.4}, "mouthFunnel": {"offset": 0.1}}
    )
    pipeline = Pipeline(Recorded(), 16000, profile=profile)
    samples = np.zeros(len(ROWS) * 1600 // 3, np.float32)
    frames = [
        f for at in range(0, len(samples), 700) for f in pipeline.push(AudioChunk(samples[at : at + 700], at))
    ]
    frames += pipeline.flush()
    streamed = np.stack([frame.values for frame in frames])
    whole = retarget_take(profile, ROWS, Fraction(30))
    assert whole.shape == (len(ROWS), len(LIVELINK_61))
    np.testing.assert_allclose(whole[: len(streamed)], streamed, atol=1e-6)
    assert len(streamed) >= len(ROWS) - 1
