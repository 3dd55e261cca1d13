"""Live sound in, frames out as soon as they are final: one turn of the loop behind ``pmmlink live``.

    intake → resampler → gain, voice gate → pipeline → recentre → openness → idle → fan-out

The stream's timeline never stops: where no sound comes, silence is filled in at the host's pace, so that
frames go on and the face rests. What cannot be made up for (sleep, overload) is skipped: frame numbers jump,
and the face is led across softly. Sound is never reordered.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pmmlink.curves import CurveSet
from pmmlink.retarget import Profile
from pmmlink.retarget.openness import EASE_S
from pmmlink.runtime.base import Animator, TimeSource
from pmmlink.runtime.clock import SystemTime
from pmmlink.runtime.lateness import Lateness
from pmmlink.runtime.live_character import LiveCharacter
from pmmlink.runtime.live_face import LiveFace
from pmmlink.runtime.live_options import FrameTarget, LiveOptions
from pmmlink.runtime.live_sound import LiveSound
from pmmlink.runtime.live_stats import LiveStats
from pmmlink.runtime.stats import LatencyBudget
from pmmlink.runtime.timeline import Pace, first_frame_from, position_of
from pmmlink.sources.live import Arrival, Intake, LiveSource
from pmmlink.types import SAMPLE_RATE_HZ, AudioChunk, CurveFrame

DRY_S = 0.15
"""A program that brings nothing for so long is silent."""

GONE_S = 0.2
"""A device that brings nothing for so long is gone."""

BACKLOG_S = 1.0
"""Sound that waits longer than this is skipped."""

LATE_S = 0.25
"""Frames later than the latency budget by this much are dropped."""

PATIENCE_S = 1.0
"""How long sound may have waited longer than that: then it will not be made up for, and is skipped."""

ASLEEP_S = 2.0
"""The loop did not run for so long: the computer slept."""

_HOPS_A_STEP = 8
_AFTER_END_S = EASE_S + 0.35


class LiveLoop:
    """Everything between the intake, which a device or program fills, and the fan-out, turn by turn.

    Args:
        source: the sound.
        animator: the model; it belongs to this object until the end.
        target: gets every frame; opening and closing it is the caller's affair.
        profile: the character; a profile read from a file is read again when that changes.
        options: behaviour.
        host: time, replaceable in tests.
        on_event: told in one line of what happens.

    Attributes:
        stats: figures, for views and reports.
        muted: the sound is replaced by silence; may be set at any time.
        ended: the source has ended and its last frame has been sent.
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
        self.ended = False
        self._orders: deque[Callable[[], None]] = deque()
        self._animator = animator
        self._host = host or SystemTime()
        self._on_event = on_event
        self._character = LiveCharacter(profile, self.options, on_event)

        self._intake: Intake = source.intake
        self._sound = LiveSound(self._intake.rate_hz, self.options)
        self._pipeline = self._character.pipeline(self._animator)
        self._late = Lateness(self.stats, on_event)
        self._face = LiveFace(
            target, self.curves, self._sound, self.options, self.stats, self._late, self._host
        )
        self._face.rest(self._character.rest)
        self._taps = self._face.taps
        self._pace = Pace()
        self._first_frame = 0
        self._hop = round(self.options.hop_s * SAMPLE_RATE_HZ)
        self._started = False
        self._silent = True
        self._last_arrival_s = 0.0
        self._stepped_s: float | None = None
        self._early_s = 0.0
        self._in_time_s = 0.0

    @property
    def curves(self) -> CurveSet:
        """Names and order of the values of every frame."""
        return self._pipeline.curves

    @property
    def budget(self) -> LatencyBudget:
        """Latency by stage as declared, with compute and sending as measured so far."""
        parts = self.stats.parts
        measured = [(name, parts[name].percentile_s(95)) for name in ("compute", "send")]
        return LatencyBudget(
            (
                ("capture block", self._intake.block_s),
                ("resampler", self._sound.latency_s),
                *self._pipeline.budget.stages[1:],
                ("hop", self.options.hop_s),
                *measured,
            )
        )

    @property
    def allowed_s(self) -> float:
        """Oldest that a frame may be to be worth sending."""
        declared = self._sound.latency_s + self._pipeline.budget.total_s + self.options.hop_s
        return declared + LATE_S + (self.options.delay_s or 0.0)

    def nap_s(self) -> float:
        """How long nothing will be due, unless sound comes."""
        frame = self._face.next
        if frame is not None:
            return min(self.options.hop_s, max(0.0, self._due_s(frame) - self._host.now()))
        return self.options.hop_s / 2 if self._silent else self.options.hop_s

    def step(self) -> bool:
        """Do a little of what there is to do now; whether there is more."""
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
            self._face.send_due(self._due_s, self.allowed_s)
            hops += 1
        self._face.send_due(self._due_s, self.allowed_s)
        self._check_end()
        self._stepped_s = self._host.now()
        return hops == _HOPS_A_STEP

    # ---- hop by hop

    def _advance(self, now: float) -> bool:
        """Take the next hop of sound, or of silence; False when it is not time for either."""
        source = self.source
        if source.paced and not self._silent:
            ahead_s = self._pace.due_s(self._sound.position) - now
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
        if not self._silent or self._pace.due_s(self._sound.position + self._hop) > now:
            return False
        self._fill(self._hop)
        self._animate(lambda: self._sound.take(np.zeros(self._hop, np.float32), now), now)
        return True

    def _hear(self, arrival: Arrival) -> None:
        paced, count = self.source.paced, len(arrival.samples)
        rate, position = self._intake.rate_hz, self._sound.position
        if not self._started or (self._silent and self._pace.due_s(position) <= arrival.at_s):
            self._pace.anchor(position, arrival.at_s)
        elif not paced:
            self._pace.anchor(position + round(count * SAMPLE_RATE_HZ / rate), arrival.at_s)
        self.stats.gaps += self._started and self._silent
        self._started, self._silent = True, False
        self._last_arrival_s = max(self._last_arrival_s, arrival.at_s)
        for tap in self._taps:
            tap.sound(arrival.samples, rate, arrival.captured_s)
        self.stats.heard(arrival.samples)
        samples = np.zeros_like(arrival.samples) if self.muted else arrival.samples
        self._animate(lambda: self._sound.hear(samples, arrival.at_s), arrival.at_s)
        if paced:
            waiting = round(self._intake.waiting * SAMPLE_RATE_HZ / rate)
            self._pace.came(self._sound.position + waiting, arrival.at_s)

    def _animate(self, sound: Callable[[], AudioChunk], at_s: float) -> None:
        """Make frames of the sound; what making it costs is counted with them."""
        started = time.perf_counter()
        frames = self._pipeline.push(sound())
        taken_s = time.perf_counter() - started
        if frames:
            self.stats.parts["compute"].add(taken_s / len(frames), len(frames))
            self.stats.parts["early"].add(self._early_s / len(frames), len(frames))
            self._early_s = 0.0
        else:
            self._early_s += taken_s
        for frame in frames:
            self._face.put(replace(frame, index=frame.index + self._first_frame), at_s)
        if self._character.changed():
            self._face.rest(self._character.rest)

    def _fill(self, count: int) -> None:
        """Silence, at 16 kHz, for those that get the stream's sound."""
        for tap in self._taps:
            tap.sound(np.zeros(count, np.float32), SAMPLE_RATE_HZ, self._host.now())

    def _due_s(self, frame: CurveFrame) -> float:
        delay_s = 0.0 if self.source.paced else self.options.delay_s
        if delay_s is None:
            return -math.inf
        return self._pace.due_s(float(frame.index / frame.fps) * SAMPLE_RATE_HZ) + delay_s

    # ---- what goes wrong

    def _catch_up(self, now: float) -> None:
        rate = self._intake.rate_hz
        waiting_s = self._intake.waiting / rate
        behind_s = waiting_s
        if self.source.paced:
            # A queue is what it is for; only what should have been heard by now is late.
            behind_s = min(waiting_s, now - self._pace.due_s(self._sound.position)) if self._started else 0.0
        if not self._started or behind_s <= LATE_S:
            self._in_time_s = now
        if self._started and (behind_s > BACKLOG_S or now - self._in_time_s > PATIENCE_S):
            self._skip_sound(round(behind_s * rate))
            self._in_time_s = now
        else:
            self._late.look(now)

    def _skip_sound(self, count: int) -> None:
        skipped = 0
        while skipped < count and (arrival := self._intake.take(count - skipped)) is not None:
            skipped += len(arrival.samples)
            self._last_arrival_s = arrival.at_s
            for tap in self._taps:
                tap.sound(arrival.samples, self._intake.rate_hz, arrival.captured_s)
        seconds = skipped / self._intake.rate_hz
        self._late.dropped(self._jump(round(seconds * SAMPLE_RATE_HZ)), seconds, self._host.now())

    def _woke(self, seconds: float) -> None:
        self._on_event(f"nothing ran for {seconds:.1f} s (was the computer asleep?); going on from now")
        self._intake.discard(self._intake.waiting)
        gap = round(seconds * SAMPLE_RATE_HZ)
        self._fill(gap)
        self._jump(gap)
        self._silent = True

    def _jump(self, count: int) -> int:
        """Leave out so many samples of the timeline; the number of frames that this costs."""
        wanted = self._sound.position + count
        last = self._face.last
        next_frame = last.index + 1 if last is not None else self._first_frame
        frame = max(next_frame, first_frame_from(wanted, self.options.fps))
        position = position_of(frame, self.options.fps)
        slip = position - wanted
        self._pace.origin_s -= slip / SAMPLE_RATE_HZ
        self._fill(slip)
        self._first_frame = frame
        self._sound.jump(position, self._intake.rate_hz)
        self._pipeline = self._character.pipeline(self._animator)
        self._face.cut()
        return frame - next_frame

    def _interrupted(self, dropped: int) -> None:
        self.stats.interrupts += 1
        self._sound.close()
        self._silent = True
        seconds = dropped / self._intake.rate_hz
        self._on_event(f"interrupted: {seconds:.2f} s of speech dropped")

    def _adopt(self, intake: Intake) -> None:
        """The device came back as another, with sound of its own rate."""
        while (arrival := self._intake.take(self._intake.rate_hz)) is not None:
            self._hear(arrival)
        now = self._host.now()
        self._animate(lambda: self._sound.change_rate(intake.rate_hz, now), now)
        self.stats.lost += self._intake.lost
        self.stats.overflows += self._intake.overflows
        self._intake = intake
        self._silent = True

    def _check_end(self) -> None:
        if not self.source.finished or self._intake.waiting:
            return
        if not self._started:
            self.ended = True
            return
        self._intake.flush()
        over = self._sound.position - self._sound.heard_until
        latency = self._animator.latency_samples
        self.ended = over > latency + _AFTER_END_S * SAMPLE_RATE_HZ and self._face.next is None
