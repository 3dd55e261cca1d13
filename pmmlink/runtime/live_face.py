"""From a model's frame to the targets: when it leaves, and what is laid over it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from pmmlink.curves import CurveSet
from pmmlink.retarget.neutral import Recentre
from pmmlink.retarget.openness import Openness
from pmmlink.runtime.base import TimeSource
from pmmlink.runtime.ease import ease_to_neutral
from pmmlink.runtime.lateness import Lateness
from pmmlink.runtime.live_options import FrameTarget, LiveOptions, SoundTap
from pmmlink.runtime.live_sound import LiveSound
from pmmlink.runtime.live_stats import LiveStats
from pmmlink.runtime.timeline import position_of
from pmmlink.types import CurveFrame, FloatArray


class LiveFace:
    """Frames that wait for their time, and the face that is shown: recentred, closed in silence, idling.

    Args:
        target: gets every frame.
        curves: the curves of the frames.
        sound: tells when sound arrived and whether the mouth may be open.
        options: frame rate and idle layer.
        stats: where latencies are noted.
        lateness: told of frames that come too late to be shown.
        host: time.

    Attributes:
        last: the newest frame sent; None before the first and after the end.
        taps: get every frame sent.
    """

    def __init__(
        self,
        target: FrameTarget,
        curves: CurveSet,
        sound: LiveSound,
        options: LiveOptions,
        stats: LiveStats,
        lateness: Lateness,
        host: TimeSource,
    ) -> None:
        self.last: CurveFrame | None = None
        self.taps: list[SoundTap] = []
        self._target = target
        self._sound = sound
        self._stats = stats
        self._lateness = lateness
        self._host = host
        self._fps = float(options.fps)
        self._idle = options.idle
        self._recentre = Recentre(curves, self._fps)
        self._openness: Openness
        self._ready: deque[tuple[CurveFrame, float]] = deque()

    @property
    def closed(self) -> bool:
        """The face at rest is shown."""
        return self._openness.closed

    def rest(self, neutral: FloatArray) -> None:
        """The face at rest is ``[C]``: at the start, and when the profile has changed."""
        self._openness = Openness(neutral, self._fps)

    def recentre(self) -> None:
        """The face of the last second is the neutral one from now on."""
        self._recentre.recentre()

    def put(self, frame: CurveFrame, final_s: float) -> None:
        """Take a frame whose last sound arrived at a host time."""
        self._ready.append((frame, final_s))

    @property
    def next(self) -> CurveFrame | None:
        """The frame that leaves next."""
        return self._ready[0][0] if self._ready else None

    def cut(self) -> None:
        """Forget the frames that wait, and lead softly from what was shown to what comes."""
        self._ready.clear()
        self._openness.seam()

    def send_due(self, due_s: Callable[[CurveFrame], float], allowed_s: float) -> None:
        """Send what is due; frames older than ``allowed_s`` are dropped."""
        while self._ready and (due := due_s(self._ready[0][0])) <= self._host.now():
            frame, final_s = self._ready.popleft()
            self._send(frame, final_s, due, allowed_s)

    def _send(self, frame: CurveFrame, final_s: float, due_s: float, allowed_s: float) -> None:
        position = position_of(frame.index, frame.fps)
        values = self._openness.apply(self._recentre.apply(frame.values), self._sound.is_open(position))
        if self._idle is not None:
            values = self._idle.apply(values)
        shown = replace(frame, values=values)
        now = self._host.now()
        arrived_s = self._sound.arrivals.of(position)
        # Speech that waits in the queue is not late.
        wanted_s = max(arrived_s, due_s) if arrived_s is not None else now
        if now - wanted_s > allowed_s:
            self._lateness.dropped(1, now - wanted_s, now)
            return
        self._target.send(shown)
        self.last = shown
        sent_s = self._host.now()
        if arrived_s is not None:
            awaited_s = max(0.0, final_s - wanted_s)
            self._stats.sent(shown, awaited_s, now - max(final_s, wanted_s), sent_s - now, sent_s - wanted_s)
        for tap in self.taps:
            tap.frame(shown)

    def close_mouth(self) -> None:
        """Lead the face to neutral, in real time, and end there."""
        if self.last is None or not self.last.values.any():
            return
        for frame in ease_to_neutral(self.last):
            self._host.sleep(float(1 / frame.fps))
            self._target.send(frame)
        self.last = None
