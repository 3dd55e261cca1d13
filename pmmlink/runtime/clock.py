"""When is the sound of an instant heard?

Every clock answers one question: at which host time is position ``p`` (seconds of the source) heard. Frames
wait for that time. With a sound card the answer comes from the samples that the card has consumed, so that
lips and sound stay together for hours however fast the card's crystal runs; without one, from the host.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from pmmlink.runtime.base import TimeSource

POLL_S = 0.01
"""Longest sleep in one piece: how soon a wait notices a stop or a moved clock."""


class SystemTime:
    """The host's monotonic time at its finest resolution."""

    def now(self) -> float:
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ClockSkew:
    """How far the host's clock is ahead of a driver's, from pairs of readings taken one after the other.

    The reading of the host comes late by as long as the callback waited for the interpreter, never early, so
    the smallest difference is the true one. It may creep up again, in case the two clocks part.
    """

    _CREEP = 1e-3

    def __init__(self) -> None:
        self._skew_s = math.inf
        self._last_s = 0.0

    def update(self, host_s: float, driver_s: float) -> float:
        """Take a pair of readings; the best guess of host minus driver, seconds."""
        allowed = self._skew_s + self._CREEP * (host_s - self._last_s)
        self._skew_s, self._last_s = min(allowed, host_s - driver_s), host_s
        return self._skew_s


class Clock(Protocol):
    """Maps positions in the source to host time."""

    def due_s(self, position_s: float) -> float | None:
        """Host time when the position is heard; None as long as its sound has not been handed out."""
        ...


class FreeRunningClock:
    """Everything is due at once: ``--speed max``."""

    def due_s(self, position_s: float) -> float | None:  # noqa: ARG002 - the protocol's name
        return -math.inf


class MonotonicClock:
    """The host's time, for silent playback: position 0 is heard at ``origin_s``."""

    def __init__(self, origin_s: float) -> None:
        self.origin_s = origin_s

    def due_s(self, position_s: float) -> float | None:
        return self.origin_s + position_s


class DeviceClock:
    """Follows a sound card by its count of consumed samples.

    The card's thread calls :meth:`consumed`; any thread may ask :meth:`due_s`. What is tracked is the host
    time at which position 0 would have been heard. It creeps with the difference between the two crystals
    (200 ppm are 12 ms a minute) and jitters with the timing of the callbacks (milliseconds); a one-pole
    filter takes the jitter out and trails the creep by ``_SMOOTHING_S * 200 ppm`` = 0.1 ms. A jump, as after
    an underrun, is followed at once.
    """

    _SMOOTHING_S = 0.5
    _JUMP_S = 0.03

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        # Replaced as a whole, so that other threads never see one without the other.
        self._state: tuple[float, int] | None = None

    @property
    def consumed_samples(self) -> int:
        """Samples of the source that the card has taken."""
        return self._state[1] if self._state else 0

    def consumed(self, count: int, heard_at_s: float) -> None:
        """The card took ``count`` samples of the source; the first is heard at ``heard_at_s``."""
        before = self.consumed_samples
        measured = heard_at_s - before / self.rate_hz
        if self._state is None or abs(measured - self._state[0]) > self._JUMP_S:
            origin = measured
        else:
            share = -math.expm1(-count / self.rate_hz / self._SMOOTHING_S)
            origin = self._state[0] + share * (measured - self._state[0])
        self._state = (origin, before + count)

    def due_s(self, position_s: float) -> float | None:
        if self._state is None:
            return None
        origin, consumed = self._state
        return origin + position_s if position_s * self.rate_hz <= consumed else None


def wait_until_due(
    position_s: float, clock: Callable[[], Clock], host: TimeSource, stopped: Callable[[], bool]
) -> float | None:
    """Sleep until a position is heard.

    Args:
        position_s: the position.
        clock: gives the clock in force; it may change while waiting (a sound card unplugged).
        host: the time to sleep on.
        stopped: asked every :data:`POLL_S`.

    Returns:
        Lateness in seconds, or None when stopped first.
    """
    while not stopped():
        due = clock().due_s(position_s)
        remaining = POLL_S if due is None else due - host.now()
        if remaining <= 0:
            return -remaining
        host.sleep(min(remaining, POLL_S))
    return None
