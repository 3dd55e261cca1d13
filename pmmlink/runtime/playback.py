"""A source played: sound to the loudspeaker, and every frame sent when its sound is heard.

Three threads, bounded everywhere:

    render   source → pipeline → queue of frames;  source → ring of sound     (runs ahead up to 2 s)
    card     ring of sound → loudspeaker, and the clock                       (the device's own thread)
    send     queue of frames → wait for the clock → fan-out

Because rendering runs ahead, the model's latency costs nothing here: frame ``k`` leaves when the sound at
``k / fps`` seconds leaves the loudspeaker.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pmmlink.errors import RuntimeFault
from pmmlink.runtime.base import TimeSource
from pmmlink.runtime.clock import (
    POLL_S,
    Clock,
    FreeRunningClock,
    MonotonicClock,
    SystemTime,
    wait_until_due,
)
from pmmlink.runtime.ease import ease_to_neutral
from pmmlink.runtime.output import BUFFER_S, SoundOutput
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.runtime.stats import CurveTrace, Histogram
from pmmlink.sources.base import AudioSource
from pmmlink.types import CurveFrame

PRIME_S = 0.5
"""Frames rendered before the first sound, so that the start is not the hardest moment."""


class FrameTarget(Protocol):
    """Where frames go: a fan-out of sinks."""

    def send(self, frame: CurveFrame) -> None: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a playback stands.

    Attributes:
        position_s: instant of the newest frame sent.
        frames: frames sent.
        lag_s: how late the newest frame was.
        underruns: times the loudspeaker found no sound.
    """

    position_s: float
    frames: int
    lag_s: float
    underruns: int


class Playback:
    """Plays one source once: :meth:`start`, :meth:`wait`, and :meth:`stop` to break off softly.

    Args:
        source: the sound.
        pipeline: the model and what follows it, at the source's rate.
        target: gets every frame, from the sending thread. Opening and closing it is the caller's affair.
        output: the loudspeaker, or None for silence on the host's clock.
        paced: False sends as fast as possible, without sound.
        delay_s: frames leave this much after their sound is heard; negative, before.
        host: time, replaceable in tests.
        on_event: told in one line of what goes wrong but does not end the playback.
    """

    def __init__(
        self,
        source: AudioSource,
        pipeline: Pipeline,
        target: FrameTarget,
        *,
        output: SoundOutput | None = None,
        paced: bool = True,
        delay_s: float = 0.0,
        host: TimeSource | None = None,
        on_event: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.lag = Histogram()
        self.trace = CurveTrace()
        self.interrupted = False
        self._source = source
        self._pipeline = pipeline
        self._target = target
        self._output = output if paced else None
        self._paced = paced
        self._delay_s = delay_s
        self._host = host or SystemTime()
        self._on_event = on_event
        self._clock: Clock = FreeRunningClock()
        # Room for what the ring of sound holds, the delay, and what the model gives at once at the end.
        room = math.ceil((BUFFER_S + max(0.0, delay_s) + 1.0) * pipeline.fps)
        self._frames: queue.Queue[CurveFrame | None] = queue.Queue(room)
        self._rendered = threading.Event()
        self._stop = threading.Event()
        self._finished = threading.Event()
        self._error: Exception | None = None
        self._last: CurveFrame | None = None
        self._last_lag_s = 0.0
        self._duration_s = 0.0
        self._threads = (
            threading.Thread(target=self._guard, args=(self._render,), name="pmmlink render", daemon=True),
            threading.Thread(target=self._guard, args=(self._send_all,), name="pmmlink send", daemon=True),
        )

    def start(self) -> None:
        """Begin; returns at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Break off: silence, then 0.2 s of frames that lead to the neutral face; :meth:`wait` for them."""
        self.interrupted = True
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; False when the time ran out first.

        Raises:
            PmmlinkError: what ended the playback early, e.g. damaged sound.
        """
        if not self._finished.wait(timeout_s):
            return False
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error
        return True

    def progress(self) -> Progress:
        """A snapshot, from any thread."""
        last = self._last
        return Progress(
            position_s=float((last.index + 1) / last.fps) if last else 0.0,
            frames=self.trace.frames,
            lag_s=self._last_lag_s,
            underruns=self._output.underruns if self._output else 0,
        )

    # ---- the rendering thread

    def _render(self) -> None:
        block = max(1, self._source.rate_hz // 30)
        output = self._output
        taken = 0
        while not self._stop.is_set():
            sound = self._source.read(block)
            if sound is None:
                break
            taken += len(sound.samples)
            self._duration_s = taken / self._source.rate_hz
            self._queue(self._pipeline.push(sound.mono()))
            if output is not None:
                output.write(sound.samples, self._stop.is_set)
        else:
            return
        self._queue(self._pipeline.flush())
        if output is not None:
            output.end(self._stop.is_set)
        self._queue([None])
        self._rendered.set()

    def _queue(self, frames: list[CurveFrame] | list[None]) -> None:
        for frame in frames:
            while not self._stop.is_set():
                try:
                    self._frames.put(frame, timeout=0.1)
                    break
                except queue.Full:
                    continue

    # ---- the sending thread

    def _send_all(self) -> None:
        try:
            if self._paced:
                self._prime()
            while (frame := self._next()) is not None:
                late = self._wait_for(float(frame.index / frame.fps))
                if late is None:
                    break
                self._send(frame)
                self._note_lag(late)
            if not self._stop.is_set() and self._paced:
                self._wait_for(self._duration_s)
        finally:
            if self._output is not None:
                self._output.stop()
            if self._stop.is_set() and self._last is not None:
                self._close_mouth(self._last)
            self._finished.set()

    def _prime(self) -> None:
        enough = math.ceil(PRIME_S * self._pipeline.fps)
        while not (self._stop.is_set() or self._rendered.is_set() or self._frames.qsize() >= enough):
            self._host.sleep(POLL_S)
        self._clock = MonotonicClock(self._host.now())
        if self._output is not None:
            try:
                self._output.start()
                self._clock = self._output.clock
            except RuntimeFault as fault:
                self._give_up_output(str(fault))

    def _next(self) -> CurveFrame | None:
        while not self._stop.is_set():
            try:
                return self._frames.get(timeout=0.1)
            except queue.Empty:
                continue
        return None

    def _wait_for(self, position_s: float) -> float | None:
        return wait_until_due(position_s + self._delay_s, self._clock_in_force, self._host, self._stop.is_set)

    def _clock_in_force(self) -> Clock:
        if self._output is not None and self._output.stalled:
            self._give_up_output("the sound output stopped answering")
        return self._clock

    def _give_up_output(self, why: str) -> None:
        """Go on silently from where the sound ended."""
        output, self._output = self._output, None
        if output is not None:
            played_s = output.clock.consumed_samples / output.clock.rate_hz
            self._clock = MonotonicClock(self._host.now() - played_s)
            output.stop()
            self._on_event(f"{why}: going on without sound")

    def _send(self, frame: CurveFrame) -> None:
        self._target.send(frame)
        self.trace.add(frame)
        self._last = frame

    def _note_lag(self, late_s: float) -> None:
        if self._paced:
            self._last_lag_s = late_s
            self.lag.add(late_s)

    def _close_mouth(self, last: CurveFrame) -> None:
        for frame in ease_to_neutral(last):
            if self._paced:
                self._host.sleep(float(1 / frame.fps))
            self._send(frame)

    def _guard(self, work: Callable[[], None]) -> None:
        """Run a thread's work; its error ends the playback and is raised by :meth:`wait`."""
        try:
            work()
        except Exception as fault:
            self._error = self._error or fault
            self._stop.set()
