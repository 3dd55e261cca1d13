"""One subject from messages to a face: the receiver rules of ``tests/golden/README.md``.

Time is an argument everywhere, in seconds of any monotonic clock, so that the rules can be tested without
waiting. The plugin's C++ core follows the same rules.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from pmmlink.curves import ARKIT_52, LIVELINK_61, MODEL_32, CurveSet, data_name
from pmmlink.receiver.jitter_buffer import JitterBuffer, ReceivedFrame
from pmmlink.receiver.sequence import Order, SequenceWindow
from pmmlink.receiver.stats import SubjectStats
from pmmlink.types import FloatArray
from pmmlink.wire.osc import Bye, Frame, Message, Names
from pmmlink.wire.values import clamp

HOLD_S = 0.25
"""After so long without a frame the face begins to relax."""

EASE_S = 0.5
"""And so much later it is neutral."""

_REMEMBERED = 64
_MAX_CURVE_SETS = 16


class State(Enum):
    """What a face is doing."""

    WAITING = "waiting"
    LIVE = "live"
    EASING = "easing"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Face:
    """What is shown at one time.

    Attributes:
        state: waiting (nothing shown yet), live, easing to neutral, or neutral.
        curves: names of ``values``.
        values: ``[len(curves)]`` float32.
    """

    state: State
    curves: CurveSet
    values: FloatArray


class Subject:
    """Sessions, order, jitter buffer, hold and ease of one subject.

    Attributes:
        label: what messages call it.
        stats: counts and timing.
        session: the current session; None before the first frame.
        sender: where the current session comes from, as given to :meth:`push`.
    """

    def __init__(
        self,
        label: str,
        *,
        buffer_s: float = 0.0,
        numbered: bool = True,
        on_event: Callable[[str], None] | None = None,
        on_frame: Callable[[ReceivedFrame], None] | None = None,
    ) -> None:
        """A subject of which nothing is known yet.

        Args:
            label: what messages call it.
            buffer_s: depth of the jitter buffer; 0 shows frames as they arrive. Less than ``HOLD_S``, or a
                stream's last frames would come after the face has begun to relax.
            numbered: whether consecutive frames have consecutive ``seq``, so that gaps are losses.
            on_event: called with one line when a session starts, ends or is replaced.
            on_frame: called with every frame when it is shown, or passed over for a later one; in order.
        """
        self.label = label
        self.stats = SubjectStats(lost=0 if numbered else None)
        self.session: int | None = None
        self.sender = ""
        self._numbered = numbered
        self._on_event = on_event
        self._on_frame = on_frame
        self._curves_by_count = {len(known): known for known in (MODEL_32, ARKIT_52, LIVELINK_61)}
        self._buffer = JitterBuffer(buffer_s)
        self._window = SequenceWindow()
        self._lost_before = 0
        self._replaced: deque[int] = deque(maxlen=_REMEMBERED)
        self._ended: deque[int] = deque(maxlen=_REMEMBERED)
        self._arrival_s = float("-inf")
        self._bye_s: float | None = None
        self._shown_seq: int | None = None
        self._face = Face(State.WAITING, LIVELINK_61, np.zeros(len(LIVELINK_61), dtype=np.float32))

    def push(self, message: Message, now_s: float, sender: str = "") -> None:
        """Takes a message of this subject that arrived at ``now_s``."""
        match message:
            case Names(_, names):
                self._learn(names)
            case Frame():
                self._take(message, now_s, sender)
            case Bye(_, session):
                self._end(session, now_s)

    def frame_at(self, now_s: float) -> Face:
        """The face to show at ``now_s``."""
        self._play(self._buffer.pop_due(now_s))
        state = self._state(now_s)
        if state in (State.WAITING, State.LIVE):
            return Face(state, self._face.curves, self._face.values)
        return Face(state, self._face.curves, self._face.values * np.float32(1.0 - self._relaxed(now_s)))

    def silence_s(self, now_s: float) -> float:
        """Time since the last frame arrived; infinite before the first."""
        return now_s - self._arrival_s

    def flush(self) -> None:
        """Passes what is still buffered to ``on_frame``: nothing more will be shown."""
        self._play(self._buffer.clear())

    def _learn(self, names: tuple[str, ...]) -> None:
        """Frames find their names by count, so that two senders with different sets do not mix them up."""
        curves = CurveSet(f"{self.label} {len(names)}", tuple(data_name(name) for name in names))
        known = self._curves_by_count.pop(len(names), curves)
        if known.names != curves.names:
            self._report(f"the names of its {len(names)} curves changed")
        else:
            curves = known
        self._curves_by_count[len(names)] = curves
        if len(self._curves_by_count) > _MAX_CURVE_SETS:
            del self._curves_by_count[next(iter(self._curves_by_count))]

    def _take(self, frame: Frame, now_s: float, sender: str) -> None:
        curves = self._curves_by_count.get(len(frame.values))
        if curves is None:
            self.stats.unnamed += 1
            return
        if frame.session in self._ended:
            self.stats.late += 1
            return
        if frame.session != self.session:
            if frame.session in self._replaced and self._alive(now_s):
                self.stats.foreign += 1
                return
            self._start(frame.session, now_s, sender)
        if not self._in_order(frame.seq, now_s):
            return
        self._hear(now_s)
        values = clamp(np.array(frame.values, dtype=np.float32), curves)
        received = ReceivedFrame(frame.session, frame.seq, frame.time_us, frame.fps, curves, values, now_s)
        self._buffer.push(received)
        self.stats.received += 1
        self.stats.timing.add(now_s, frame.time_us * 1e-6)
        self._play(self._buffer.pop_due(now_s))

    def _in_order(self, seq: int, now_s: float) -> bool:
        """Whether a frame of the current session is new and still in time; counts it."""
        late = self._shown_seq is not None and seq <= self._shown_seq
        if late and seq not in self._window and self._state(now_s) is State.NEUTRAL:
            # Nothing is shown any more that this frame could be older than: its sender has started over.
            self._forget_sequence()
            late = False
        order = self._window.record(seq)
        if order is Order.DUPLICATE:
            self.stats.duplicates += 1
            return False
        self.stats.reordered += order is Order.REORDERED
        self.stats.late += late
        if self._numbered:
            self.stats.lost = self._lost_before + self._window.lost
        return not late

    def _hear(self, now_s: float) -> None:
        """A frame has come: the face stops relaxing, and goes on from where that has brought it."""
        self._face = self.frame_at(now_s)
        if self.silence_s(now_s) > HOLD_S:
            self._buffer.remeasure()
        self._arrival_s, self._bye_s = now_s, None

    def _start(self, session: int, now_s: float, sender: str) -> None:
        """Makes another session the current one."""
        came = f"session {_label(session)} from {sender or 'unknown'}"
        if self.session is None:
            self._report(came)
        elif self._alive(now_s):
            current = f"session {_label(self.session)} from {self.sender or 'unknown'}"
            self._report(f"two senders: {came} replaces {current}, which was still sending")
        else:
            self._report(f"new {came}")
        if self.session is not None and self.session not in self._ended:
            self._replaced.append(self.session)
        self._play(self._buffer.pop_due(now_s))
        self._play(self._buffer.clear(), show=False)
        self._forget_sequence()
        self.stats.timing.restart()
        self.stats.sessions += 1
        self.session, self.sender = session, sender

    def _forget_sequence(self) -> None:
        self._lost_before += self._window.lost
        self._window = SequenceWindow()
        self._shown_seq = None

    def _end(self, session: int, now_s: float) -> None:
        if session in self._ended:
            return
        if session == self.session or session in self._replaced:
            self._ended.append(session)
        if session == self.session:
            self._bye_s = now_s
            self._report(f"session {_label(session)} said bye")

    def _play(self, frames: list[ReceivedFrame], show: bool = True) -> None:
        for frame in frames:
            if self._on_frame is not None:
                self._on_frame(frame)
        if frames and show:
            self._face = Face(State.LIVE, frames[-1].curves, frames[-1].values)
            self._shown_seq = frames[-1].seq

    def _alive(self, now_s: float) -> bool:
        """Whether the current session still holds the face."""
        return self.session is not None and self._bye_s is None and self._relaxed(now_s) < 1.0

    def _state(self, now_s: float) -> State:
        if self._face.state is State.WAITING:
            return State.WAITING
        relaxed = self._relaxed(now_s)
        return State.LIVE if relaxed <= 0.0 else State.EASING if relaxed < 1.0 else State.NEUTRAL

    def _relaxed(self, now_s: float) -> float:
        """How far the face has gone to neutral, 0 to 1, smooth at both ends."""
        gone_s = now_s - self._arrival_s - HOLD_S
        if self._bye_s is not None:
            gone_s = max(gone_s, now_s - self._bye_s)
        x = min(max(gone_s / EASE_S, 0.0), 1.0)
        return x * x * (3.0 - 2.0 * x)

    def _report(self, text: str) -> None:
        if self._on_event is not None:
            self._on_event(f"{self.label}: {text}")


def _label(session: int) -> str:
    return f"{session & 0xFFFFFFFF:08x}"
