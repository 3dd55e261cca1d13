"""Sound in, frames out: resampler → model → frame rate → delay → smoothing → profile. No threads."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from pmmlink.curves import LIVELINK_61, MODEL_32, CurveSet
from pmmlink.dsp.resample import Resampler
from pmmlink.retarget import FrameRateConverter, Profile, ProfileWatcher, Retargeter, TimeShift
from pmmlink.retarget.smooth import OneEuro, Smoother
from pmmlink.runtime.base import Animator
from pmmlink.runtime.stats import ComputeStats, LatencyBudget
from pmmlink.types import MODEL_FPS, SAMPLE_RATE_HZ, AudioChunk, CurveFrame, FloatArray


class Pipeline:
    """One stream of sound through the model.

    However the sound is cut into chunks, the frames are the same; frame ``k`` describes ``k / fps`` seconds
    and there are ``ceil(duration * fps)`` of them after :meth:`flush`.

    Args:
        animator: the model; it is reset, and belongs to this pipeline until the stream ends.
        rate_hz: sample rate of the chunks.
        fps: frame rate of the frames.
        profile: the character.
        curves: the curves of the frames, unless the profile has a rig.
        watcher: gives the character anew when its file changes; its rig and delay stay as they began.
        smoothing: filters by group of curves, where the character has none of its own.

    Attributes:
        budget: latency by stage, between a sample pushed and its frame returned.
        compute: figures of the work done.
    """

    def __init__(
        self,
        animator: Animator,
        rate_hz: int,
        *,
        fps: Fraction = MODEL_FPS,
        profile: Profile | None = None,
        curves: CurveSet = LIVELINK_61,
        watcher: ProfileWatcher | None = None,
        smoothing: Mapping[str, OneEuro] | None = None,
    ) -> None:
        animator.reset()
        self.rate_hz = rate_hz
        self.fps = fps
        self.compute = ComputeStats()
        self._animator = animator
        self._resampler = Resampler(rate_hz)
        self._converter = FrameRateConverter(animator.fps, fps, len(MODEL_32))
        self._retargeter = Retargeter(profile or Profile(), curves)
        self._watcher = watcher
        delay_ms = self._retargeter.profile.delay_ms
        self._smoothing = smoothing or {}
        self._smoother = self._make_smoother()
        self._shift = TimeShift(delay_ms / 1e3, fps, len(MODEL_32))
        self._samples_16k = 0
        self._frames = 0
        self._uncounted_s = 0.0
        self.budget = LatencyBudget(
            (
                ("resampler", self._resampler.latency_s),
                ("model look-ahead", animator.latency_samples / SAMPLE_RATE_HZ),
                ("frame rate", float(self._converter.latency_s)),
                *([("profile's delay", self._shift.latency_s)] if delay_ms < 0 else []),
            )
        )

    @property
    def curves(self) -> CurveSet:
        """Names and order of the values of every frame."""
        return self._retargeter.target

    def push(self, chunk: AudioChunk) -> list[CurveFrame]:
        """Take the next sound at ``rate_hz``; give the frames that are final now."""
        started = time.perf_counter()
        self.compute.sound_s += len(chunk.samples) / self.rate_hz
        frames = self._emit(self._converter.push(self._animate(self._resampler.push(chunk.samples))))
        self._account(started, len(frames))
        return frames

    def flush(self) -> list[CurveFrame]:
        """The frames still owed at the end of the stream. Nothing may be pushed afterwards."""
        started = time.perf_counter()
        frames = self._emit(self._converter.push(self._animate(self._resampler.flush())))
        frames += self._emit(self._converter.push(self._animator.flush()))
        total = math.ceil(self._samples_16k * self.fps / SAMPLE_RATE_HZ)
        frames += self._emit(self._converter.flush(total))
        frames += self._retarget(self._shift.flush())
        self._account(started, len(frames))
        return frames

    def _animate(self, samples: FloatArray) -> FloatArray:
        self._samples_16k += len(samples)
        return self._animator.push(samples)

    def _emit(self, rows: FloatArray) -> list[CurveFrame]:
        # Most small blocks complete no frame; they are to cost next to nothing.
        if not len(rows):
            return []
        return self._retarget(self._shift.push(rows))

    def _retarget(self, rows: FloatArray) -> list[CurveFrame]:
        changed = self._watcher.poll() if self._watcher is not None else None
        if changed is not None:
            before = self._retargeter
            # Receivers were told the curves at the start, so they stay.
            kept = dataclasses.replace(changed, rig=before.profile.rig)
            self._retargeter = Retargeter(kept, before.target)
            if kept.smoothing != before.profile.smoothing:
                self._smoother = self._make_smoother()
        if self._smoother is None or not len(rows):
            values = self._retargeter.apply(rows)
        else:
            smooth = np.stack([self._smoother.apply(row) for row in rows])
            values = self._retargeter.apply(smooth, unsmoothed=rows)
        curves = self._retargeter.target
        frames = [CurveFrame(self._frames + i, self.fps, curves, row) for i, row in enumerate(values)]
        self._frames += len(frames)
        return frames

    def _account(self, started: float, frames: int) -> None:
        spent = time.perf_counter() - started
        self.compute.busy_s += spent
        self._uncounted_s += spent
        if frames:
            self.compute.per_frame.add(self._uncounted_s / frames, frames)
            self._uncounted_s = 0.0

    def _make_smoother(self) -> Smoother | None:
        own = self._retargeter.profile.smoothing
        groups = {group: OneEuro(s.min_cutoff_hz, s.beta) for group, s in own.items()} or self._smoothing
        return Smoother(MODEL_32, float(self.fps), groups) if groups else None
