"""Shows in the browser what a receiver would show: the way from the network to the page."""

from __future__ import annotations

from fractions import Fraction

from pmmlink.preview.hub import Hub
from pmmlink.preview.rig_view import RigView
from pmmlink.receiver import Receiver, State, Subject
from pmmlink.types import CurveFrame

FRAME_S = 1 / 60
"""Faces are passed on at most so often: the fastest sender's rate."""

_STATUS_S = 0.5
_ANY_RATE = Fraction(60)


class Relay:
    """Passes the face of the subject heard last to the viewers.

    Args:
        receiver: what has been heard.
        hub: the viewers.
    """

    def __init__(self, receiver: Receiver, hub: Hub) -> None:
        self._receiver = receiver
        self._hub = hub
        self._map = RigView()
        self._frame_due_s = float("-inf")
        self._status_due_s = float("-inf")

    def tick(self, now_s: float) -> None:
        """Called often; publishes when a frame is due and somebody watches.

        Args:
            now_s: on the receiver's clock.
        """
        if now_s < self._frame_due_s or not self._hub.viewers:
            return
        self._frame_due_s = now_s + FRAME_S
        subject = min(self._receiver.subjects.values(), key=lambda one: one.silence_s(now_s), default=None)
        if subject is None:
            return
        face = subject.frame_at(now_s)
        if face.state not in (State.WAITING, State.NEUTRAL):
            self._hub.publish(self._map(CurveFrame(0, _ANY_RATE, face.curves, face.values)))
        if now_s >= self._status_due_s:
            self._status_due_s = now_s + _STATUS_S
            self._hub.announce("status", text=_status(subject, self._map.rig, now_s))


def _status(subject: Subject, rig: str | None, now_s: float) -> str:
    """What the page says below its title."""
    stats = subject.stats
    lost = "" if stats.lost is None else f", lost {stats.lost}"
    shown = "" if rig is None else f"\ncurves of the rig {rig}" if rig else "\ncurves of a rig not known here"
    return f"{subject.label}: {stats.timing.fps(now_s):.0f} received a second{lost}, late {stats.late}{shown}"
