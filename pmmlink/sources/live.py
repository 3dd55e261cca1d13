"""What live sound offers to the runtime: an intake that a device or a program fills while it is emptied."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pmmlink.sources.ring import SoundRing
from pmmlink.types import FloatArray

_WAIT_S = 0.05
_STAMPS = 16384


@dataclass(frozen=True, slots=True)
class Arrival:
    """A run of live sound.

    Attributes:
        samples: ``[N]`` mono float32.
        at_s: host time at which its last sample was delivered.
        captured_s: host time at which its last sample was in the air, as the device states it.
    """

    samples: FloatArray
    at_s: float
    captured_s: float


class Intake:
    """A bounded, preallocated queue of live sound between one writer and one reader.

    The writer is a sound card's callback (:meth:`offer` copies and never waits) or a thread that reads from a
    program (:meth:`put` waits for room, which slows the program down). The reader is the runtime.

    Args:
        rate_hz: sample rate.
        channels: channels of what is written; the reader gets their mean.
        capacity_s: sound it holds at most.
        now: host time.

    Attributes:
        lost: samples that found no room in :meth:`offer`.
        overflows: times the device itself reported lost sound.
        block_s: sound that the writer delivers at once, where that is known.
    """

    def __init__(self, rate_hz: int, channels: int, capacity_s: float, now: Callable[[], float]) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self.lost = 0
        self.overflows = 0
        self.block_s = 0.0
        self._ring = SoundRing(max(1, round(capacity_s * rate_hz)), channels)
        self._block = np.zeros((rate_hz, channels), np.float32)
        self._now = now
        self._stamps: deque[tuple[int, float, float]] = deque(maxlen=_STAMPS)
        self._written = self._read = self._cut_at = 0
        self._flush_at = -1
        self._wake = threading.Lock()
        self._wake.acquire()

    # ---- the writer

    def offer(self, samples: FloatArray, captured_s: float | None = None, overflow: bool = False) -> None:
        """Copy in ``[N, channels]`` that arrived now; what does not fit is counted and forgotten."""
        now = self._now()
        taken = self._ring.write(samples)
        self.lost += len(samples) - taken
        self.overflows += overflow
        self._written += taken
        self._stamps.append((self._written, now, now if captured_s is None else captured_s))
        self.wake()

    def put(self, samples: FloatArray, stopped: Callable[[], bool], wait: Callable[[float], None]) -> bool:
        """Copy in ``[N, channels]``, waiting for room as long as it takes; False when stopped first."""
        piece = max(1, self.rate_hz // 10)
        for start in range(0, len(samples), piece):
            block = samples[start : start + piece]
            while self._ring.free < len(block):
                if stopped():
                    return False
                wait(0.005)
            self.offer(block)
        return True

    def flush(self) -> None:
        """A sentence ends here: silence follows unless more sound is there already."""
        self._flush_at = self._written
        self.wake()

    def interrupt(self) -> None:
        """Barge-in: what was written so far and has not been read is to be dropped."""
        self._cut_at = self._flush_at = self._written
        self.wake()

    def wake(self) -> None:
        """End the reader's wait; never waits itself."""
        if self._wake.locked():
            try:
                self._wake.release()
            except RuntimeError:  # the reader was faster; it is awake
                return

    # ---- the reader

    @property
    def waiting(self) -> int:
        """Samples per channel that can be read."""
        return self._ring.filled

    @property
    def flushed(self) -> bool:
        """All sound up to the end of a sentence has been read."""
        return self._flush_at == self._read and not self.waiting

    def take_interrupt(self) -> int | None:
        """The number of samples dropped by an interrupt since the last call; None: there was none."""
        cut, self._cut_at = self._cut_at, 0
        return self.discard(max(0, cut - self._read)) if cut else None

    def take(self, count: int) -> Arrival | None:
        """At most ``count`` samples that arrived together; None: nothing there."""
        while self._stamps and self._stamps[0][0] <= self._read:
            self._stamps.popleft()
        if not self._stamps:
            return None
        end, at_s, captured_s = self._stamps[0]
        block = self._block[: min(count, end - self._read, len(self._block))]
        given = self._ring.read_into(block)
        if not given:
            return None
        self._read += given
        mono = block[:given].mean(axis=1, dtype=np.float32)
        return Arrival(mono, at_s, captured_s - (end - self._read) / self.rate_hz)

    def discard(self, count: int) -> int:
        """Forget the oldest samples; how many there were."""
        gone = 0
        while gone < count and (arrival := self.take(count - gone)) is not None:
            gone += len(arrival.samples)
        return gone

    def wait(self, timeout_s: float = _WAIT_S) -> None:
        """Sleep until something is written, at most so long."""
        self._wake.acquire(timeout=timeout_s)


class LiveSource(Protocol):
    """Sound that comes by itself.

    Attributes:
        name: for messages.
        paced: whether sound may come faster than it is to be heard (a speech synthesiser) and waits then.
        intake: the queue in force; a microphone that comes back with another rate brings a new one.
        finished: no more sound will ever come.
    """

    @property
    def name(self) -> str: ...
    @property
    def paced(self) -> bool: ...
    @property
    def intake(self) -> Intake: ...
    @property
    def finished(self) -> bool: ...

    def start(self) -> None:
        """Begin to fill the intake."""
        ...

    def stop(self) -> None:
        """Release the device, pipe or port. Harmless when repeated."""
        ...
