"""Live sound in, frames out as soon as they are final: the loop behind ``pmmlink live`` and ``Session``.

One thread (or a test, step by step) does everything between the intake, which a device or program fills, and
the fan-out, whose sinks have threads of their own:

    intake → resampler → gain, voice gate → pipeline → recentre → openness → smoothing → idle → fan-out

The stream's timeline never stops: where no sound comes, silence is filled in at the host's pace, so that
frames go on and the face rests. What cannot be made up for (sleep, overload) is skipped: frame numbers jump,
and the face is led across softly. Sound is never reordered.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

import numpy as np

from pmmlink.curves import LIVELINK_61, MODEL_32
from pmmlink.dsp.sinc import LiveResampler
from pmmlink.dsp.voice import BLOCK, MicrophoneGain, VoiceGate
from pmmlink.retarget import Profile, Retargeter
from pmmlink.retarget.idle import IdleFace
from pmmlink.retarget.neutral import Recentre
from pmmlink.retarget.openness import EASE_S, Openness
from pmmlink.retarget.smooth import Smoother
from pmmlink.runtime.base import Animator, TimeSource
from pmmlink.runtime.clock import SystemTime
from pmmlink.runtime.ease import ease_to_neutral
from pmmlink.runtime.live_stats import LiveStats
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.runtime.stats import LatencyBudget
from pmmlink.runtime.timeline import Arrivals, Pace, first_frame_from, position_of
from pmmlink.sources.live import Arrival, Intake, LiveSource
from pmmlink.types import MODEL_FPS, SAMPLE_RATE_HZ, AudioChunk, CurveFrame, FloatArray

HOPS_S = {"low": 0.005, "balanced": 0.01, "quality": 0.02}
"""``--latency``: sound taken from the device and given to the model at once."""

MONITOR_DELAY_S = 0.15
"""With a monitor: what face and sound trail the microphone by, the hop apart."""

DRY_S = 0.15
"""A program that brings nothing for so long is silent."""

GONE_S = 0.2
"""A device that brings nothing for so long is gone."""

BACKLOG_S = 1.0
"""Sound that waits longer than this is skipped."""

LATE_S = 0.25
"""Frames later than the latency budget by this much are dropped."""

ASLEEP_S = 2.0
"""The loop did not run for so long: the computer slept."""

_CALM_S = 3.0
_HOPS_A_STEP = 8
_AFTER_END_S = EASE_S + 0.35


class FrameTarget(Protocol):
    """Where frames go: a fan-out of sinks."""

    def send(self, frame: CurveFrame) -> None: ...


class SoundTap(Protocol):
    """Gets the sound of the stream as it is used: a recording, a monitor."""

    def sound(self, samples: FloatArray, rate_hz: int, captured_s: float) -> None:
        """``[N]`` follow on what came before; the last was in the air at ``captured_s``."""
        ...

    def frame(self, frame: CurveFrame) -> None:
        """A frame was sent."""
        ...


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How the live loop behaves.

    Attributes:
        fps: frame rate of the frames.
        hop_s: sound given to the model at once.
        gate: let only voices move the mouth.
        gain_db: microphone gain; None adjusts it.
        smoother: curves are smoothed by this, if given.
        idle: eyes and head are moved by this, if given; frames then flow before the first sound.
        delay_s: frames leave so long after their sound was captured; None: as soon as they are final.
    """

    fps: Fraction = MODEL_FPS
    hop_s: float = HOPS_S["balanced"]
    gate: bool = True
    gain_db: float | None = 0.0
    smoother: Smoother | None = None
    idle: IdleFace | None = None
    delay_s: float | None = None


class Live:
    """A live source shown until it ends or is stopped.

    Args:
        source: the sound; started and stopped here.
        animator: the model; it belongs to this object until the end.
        target: gets every frame; opening and closing it is the caller's affair.
        profile: the character.
        options: behaviour.
        host: time, replaceable in tests.
        on_event: told in one line of what happens.

    Attributes:
        stats: figures, for views and reports.
        muted: the sound is replaced by silence; may be set at any time.
        taps: get sound and frames.
    """

    def __init__(
        self,
        source: LiveSource,
        animator: Animator,
        target: FrameTarget,
        *,
        profile: Profile | None = None,
        options: LiveOptions | None = None,
        host: TimeSource | None = None,
        on_event: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.source = source
        self.options = options or LiveOptions()
        self.stats = LiveStats()
        self.muted = False
        self.taps: list[SoundTap] = []
        self._orders: deque[Callable[[], None]] = deque()
        self._animator = animator
        self._target = target
        self._profile = profile or Profile()
        self._host = host or SystemTime()
        self._on_event = on_event

        fps = float(self.options.fps)
        self._gate = VoiceGate()
        self._gain = MicrophoneGain(self.options.gain_db)
        self._recentre = Recentre(LIVELINK_61, fps)
        rest = Retargeter(self._profile).apply(np.zeros((1, len(MODEL_32)), np.float32))[0]
        self._openness = Openness(rest, fps)

        self._intake: Intake = source.intake
        self._resampler = LiveResampler(self._intake.rate_hz)
        self._pipeline = self._new_pipeline()
        self._first_frame = 0
        self._position = 0
        self._hop = round(self.options.hop_s * SAMPLE_RATE_HZ)
        self._pace = Pace()
        self._arrivals = Arrivals()
        self._ready: deque[tuple[CurveFrame, float]] = deque()
        self._started = False
        self._silent = True
        self._heard_until = 0
        self._closed_until = 0
        self._last_arrival_s = 0.0
        self._stepped_s: float | None = None
        self._behind_s: float | None = None
        self._missed = 0
        self._last: CurveFrame | None = None
        self._ended = False
        self._stop = threading.Event()
        self._finished = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="pmmlink live", daemon=True)

    # ---- for the owner, from any thread

    @property
    def budget(self) -> LatencyBudget:
        """Latency by stage as declared, with compute and sending as measured so far."""
        parts = self.stats.parts
        measured = [(name, parts[name].percentile_s(95)) for name in ("compute", "send")]
        return LatencyBudget(
            (
                ("capture block", self._intake.block_s),
                ("resampler", self._resampler.latency_s),
                *self._pipeline.budget.stages[1:],
                ("hop", self.options.hop_s),
                *measured,
            )
        )

    def start(self) -> None:
        """Begin; returns at once.

        Raises:
            PmmlinkError: the source cannot be had.
        """
        self.source.start()
        self._thread.start()

    def stop(self) -> None:
        """Break off: the mouth closes softly; :meth:`wait` for it."""
        self._stop.set()
        self._intake.wake()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; False when the time ran out first.

        Raises:
            PmmlinkError: what ended the stream.
        """
        if not self._finished.wait(timeout_s):
            return False
        self._thread.join()
        if self._error is not None:
            raise self._error
        return True

    def recentre(self) -> None:
        """The face of the last second is the neutral one from now on."""
        self._recentre.recentre()

    def attach(self, make: Callable[[int, int], SoundTap]) -> None:
        """Let a tap be made between two steps of the loop, from the stream's position and its sample rate."""
        self._orders.append(lambda: self.taps.append(make(self._position, self._intake.rate_hz)))

    def detach(self, tap: SoundTap) -> None:
        """Let a tap go, between two steps of the loop."""
        self._orders.append(lambda: self.taps.remove(tap))

    @property
    def idle_now(self) -> bool:
        """Everything that came has been shown."""
        return not self._intake.waiting and self._silent and self._openness.closed

    @property
    def position_s(self) -> float:
        """How far the stream has come."""
        return self._position / SAMPLE_RATE_HZ

    @property
    def ended(self) -> bool:
        """The source has ended and its last frame has been sent."""
        return self._ended

    # ---- the loop

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self._ended:
                if not self.step() and not self._ended:
                    self._intake.wait(self._nap_s())
        except Exception as fault:
            self._error = fault
        finally:
            self.source.stop()
            self.close_mouth()
            self._finished.set()

    def _nap_s(self) -> float:
        if self._ready:
            return min(self.options.hop_s, max(0.0, self._due_s(self._ready[0][0]) - self._host.now()))
        return self.options.hop_s / 2 if self._silent else self.options.hop_s

    def step(self) -> bool:
        """Do a little of what there is to do now; whether there is more.

        The loop's thread calls it, or a test in its place.
        """
        now = self._host.now()
        while self._orders:
            self._orders.popleft()()
        asleep_s = now - self._stepped_s if self._stepped_s is not None else 0.0
        if asleep_s > ASLEEP_S and self._started:
            self._woke(asleep_s)
        if self.source.intake is not self._intake:
            self._adopt(self.source.intake)
        dropped = self._intake.take_interrupt()
        if dropped is not None:
            self._interrupted(dropped)
        self._catch_up(now)
        hops = 0
        # In pieces, so that a loop that cannot keep up still hears orders, interrupts and its backlog.
        while hops < _HOPS_A_STEP and self._advance(self._host.now()):
            self._send_due()
            hops += 1
        self._send_due()
        self._check_end()
        self._stepped_s = self._host.now()
        return hops == _HOPS_A_STEP

    def _advance(self, now: float) -> bool:
        """Take the next hop of sound, or of silence; False when it is not time for either."""
        source = self.source
        if source.paced and not self._silent:
            ahead_s = self._pace.due_s(self._position) - now
            if ahead_s > self._animator.latency_samples / SAMPLE_RATE_HZ + 2 * self.options.hop_s:
                return False
        arrival = self._intake.take(max(1, round(self.options.hop_s * self._intake.rate_hz)))
        if arrival is not None:
            self._hear(arrival)
            return True
        if not self._started:
            if self.options.idle is None:
                return False
            self._pace.anchor(0, now)
            self._started = True
        quiet_s = now - self._last_arrival_s
        self._silent = self._silent or self._intake.flushed or quiet_s > (DRY_S if source.paced else GONE_S)
        if not self._silent or self._pace.due_s(self._position + self._hop) > now:
            return False
        self._feed(np.zeros(self._hop, np.float32), now)
        for tap in self.taps:
            tap.sound(np.zeros(self._hop, np.float32), SAMPLE_RATE_HZ, now)
        return True

    def _hear(self, arrival: Arrival) -> None:
        paced, count = self.source.paced, len(arrival.samples)
        rate = self._intake.rate_hz
        if not self._started or (self._silent and self._pace.due_s(self._position) <= arrival.at_s):
            self._pace.anchor(self._position, arrival.at_s)
        elif not paced:
            self._pace.anchor(self._position + round(count * SAMPLE_RATE_HZ / rate), arrival.at_s)
        self.stats.gaps += self._started and self._silent
        self._started, self._silent = True, False
        self._last_arrival_s = max(self._last_arrival_s, arrival.at_s)
        for tap in self.taps:
            tap.sound(arrival.samples, rate, arrival.captured_s)
        self.stats.heard(arrival.samples)
        samples = np.zeros_like(arrival.samples) if self.muted else arrival.samples
        self._feed(self._resampler.push(samples), arrival.at_s)
        self._heard_until = self._position
        if paced:
            waiting = round(self._intake.waiting * SAMPLE_RATE_HZ / rate)
            self._pace.came(self._position + waiting, arrival.at_s)

    def _feed(self, samples: FloatArray, at_s: float) -> None:
        started = time.perf_counter()
        before_db = self._gain.gain_db
        self._gate.push(self._gain.apply(samples))
        self._gain.heard(self._gate.level_db - before_db, self._gate.voiced, len(samples) / SAMPLE_RATE_HZ)
        start, self._position = self._position, self._position + len(samples)
        self._arrivals.add(self._position, at_s)
        frames = self._pipeline.push(AudioChunk(self._gain.apply(samples), start))
        taken_s = time.perf_counter() - started
        if frames:
            self.stats.parts["compute"].add(taken_s / len(frames), len(frames))
        for frame in frames:
            self._ready.append((replace(frame, index=frame.index + self._first_frame), at_s))

    # ---- sending

    def _due_s(self, frame: CurveFrame) -> float:
        delay_s = 0.0 if self.source.paced else self.options.delay_s
        if delay_s is None:
            return -math.inf
        return self._pace.due_s(float(frame.index / frame.fps) * SAMPLE_RATE_HZ) + delay_s

    def _send_due(self) -> None:
        while self._ready and self._due_s(self._ready[0][0]) <= self._host.now():
            frame, final_s = self._ready.popleft()
            self._send(frame, final_s)

    def _send(self, frame: CurveFrame, final_s: float) -> None:
        position = position_of(frame.index, frame.fps)
        values = self._openness.apply(self._recentre.apply(frame.values), self._is_open(position))
        for layer in (self.options.smoother, self.options.idle):
            if layer is not None:
                values = layer.apply(values)
        shown = replace(frame, values=values)
        now = self._host.now()
        arrived_s = self._arrivals.of(position)
        # Speech that waits in the queue is not late.
        wanted_s = max(arrived_s, self._due_s(frame)) if arrived_s is not None else now
        age_s = now - wanted_s
        if age_s > self.allowed_s:
            self._late(age_s, now)
            return
        self._target.send(shown)
        self._last = shown
        sent_s = self._host.now()
        if arrived_s is not None:
            awaited_s = max(0.0, final_s - wanted_s)
            self.stats.sent(shown, awaited_s, now - max(final_s, wanted_s), sent_s - now, sent_s - wanted_s)
        for tap in self.taps:
            tap.frame(shown)

    @property
    def allowed_s(self) -> float:
        """Oldest that a frame may be to be worth sending."""
        declared = self._resampler.latency_s + self._pipeline.budget.total_s + self.options.hop_s
        return declared + LATE_S + (self.options.delay_s or 0.0)

    def _is_open(self, position: int) -> bool:
        if position < self._closed_until or position > self._heard_until + 0.3 * SAMPLE_RATE_HZ:
            return False
        return not self.options.gate or self._gate.is_open(position / SAMPLE_RATE_HZ)

    def close_mouth(self) -> None:
        """Lead the face to neutral, in real time, and end there."""
        if self._last is None or not self._last.values.any():
            return
        for frame in ease_to_neutral(self._last):
            self._host.sleep(float(1 / frame.fps))
            self._target.send(frame)
        self._last = None

    # ---- what goes wrong

    def _late(self, age_s: float, now: float) -> None:
        self.stats.dropped += 1
        self._missed += 1
        if self._behind_s is None:
            self._on_event(f"{age_s:.2f} s behind: this computer does not keep up; frames are dropped")
        self._behind_s = now

    def _catch_up(self, now: float) -> None:
        rate = self._intake.rate_hz
        waiting_s = self._intake.waiting / rate
        behind_s = waiting_s
        if self.source.paced:
            # A queue is what it is for; only what should have been heard by now is late.
            behind_s = min(waiting_s, now - self._pace.due_s(self._position)) if self._started else 0.0
        if self._started and behind_s > BACKLOG_S:
            self._skip_sound(round(behind_s * rate))
        elif self._behind_s is not None and now - self._behind_s > _CALM_S:
            self._on_event(f"in time again; {self._missed} frames were dropped")
            self._behind_s, self._missed = None, 0

    def _skip_sound(self, count: int) -> None:
        skipped = 0
        while skipped < count and (arrival := self._intake.take(count - skipped)) is not None:
            skipped += len(arrival.samples)
            self._last_arrival_s = arrival.at_s
            for tap in self.taps:
                tap.sound(arrival.samples, self._intake.rate_hz, arrival.captured_s)
        seconds = skipped / self._intake.rate_hz
        frames = self._jump(round(seconds * SAMPLE_RATE_HZ))
        self.stats.dropped += frames
        self._missed += frames
        if self._behind_s is None:
            self._on_event(f"{seconds:.2f} s behind: this computer does not keep up; frames are dropped")
        self._behind_s = self._host.now()

    def _woke(self, seconds: float) -> None:
        self._on_event(f"nothing ran for {seconds:.1f} s (was the computer asleep?); going on from now")
        self._intake.discard(self._intake.waiting)
        gap = round(seconds * SAMPLE_RATE_HZ)
        for tap in self.taps:
            tap.sound(np.zeros(gap, np.float32), SAMPLE_RATE_HZ, self._host.now())
        self._jump(gap)
        self._silent = True

    def _jump(self, count: int) -> int:
        """Leave out so many samples of the timeline; the number of frames that this costs."""
        wanted = self._position + count
        next_frame = self._first_frame_due()
        frame = max(next_frame, first_frame_from(wanted, self.options.fps))
        self._position = position_of(frame, self.options.fps)
        slip = self._position - wanted
        self._pace.origin_s -= slip / SAMPLE_RATE_HZ
        for tap in self.taps:
            tap.sound(np.zeros(slip, np.float32), SAMPLE_RATE_HZ, self._host.now())
        self._first_frame = frame
        self._ready.clear()
        self._pipeline = self._new_pipeline()
        self._resampler = LiveResampler(self._intake.rate_hz)
        self._gate.seek(self._position // BLOCK)
        self._openness.seam()
        return frame - next_frame

    def _first_frame_due(self) -> int:
        return self._last.index + 1 if self._last is not None else self._first_frame

    def _interrupted(self, dropped: int) -> None:
        self.stats.interrupts += 1
        self._closed_until = self._position
        self._heard_until = min(self._heard_until, self._position)
        self._silent = True
        seconds = dropped / self._intake.rate_hz
        self._on_event(f"interrupted: {seconds:.2f} s of speech dropped")

    def _adopt(self, intake: Intake) -> None:
        """The device came back as another, with sound of its own rate."""
        while (arrival := self._intake.take(self._intake.rate_hz)) is not None:
            self._hear(arrival)
        self._feed(self._resampler.flush(), self._host.now())
        self.stats.lost += self._intake.lost
        self.stats.overflows += self._intake.overflows
        self._intake = intake
        self._resampler = LiveResampler(intake.rate_hz)
        self._silent = True

    def _check_end(self) -> None:
        if not self.source.finished or self._intake.waiting:
            return
        if not self._started:
            self._ended = True
            return
        self._intake.flush()
        over = self._position - self._heard_until
        latency = self._animator.latency_samples
        self._ended = over > latency + _AFTER_END_S * SAMPLE_RATE_HZ and not self._ready

    def _new_pipeline(self) -> Pipeline:
        return Pipeline(self._animator, SAMPLE_RATE_HZ, fps=self.options.fps, profile=self._profile)
