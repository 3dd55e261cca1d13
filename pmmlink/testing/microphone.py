"""A microphone that exists only in software: a wrong crystal, dropouts, a loose plug."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from pmmlink.errors import RuntimeFault
from pmmlink.runtime.base import TimeSource
from pmmlink.runtime.clock import SystemTime
from pmmlink.sources.microphone import Take
from pmmlink.testing.time import VirtualTime
from pmmlink.types import FloatArray


class FakeInputDevice:
    """An :class:`~pmmlink.sources.microphone.InputDevice` that delivers at ``rate_hz * (1 + ppm * 1e-6)``.

    On a :class:`VirtualTime` it is driven by that; otherwise by a thread of its own, in real time.

    Args:
        sound: gives ``[N, channels]`` for a first sample and a count; None is silence.
        rate_hz: nominal sample rate.
        channels: channels delivered.
        ppm: error of the crystal, parts per million; positive runs fast.
        block: samples delivered at once.
        host: time.
        name: for messages.

    Attributes:
        plugged: False delivers nothing, as a device that was taken away.
        dropouts: blocks to lose from here on; the device reports it.
    """

    def __init__(
        self,
        sound: Callable[[int, int], FloatArray] | None = None,
        rate_hz: int = 48_000,
        channels: int = 1,
        *,
        ppm: float = 0.0,
        block: int = 480,
        host: TimeSource | None = None,
        name: str = "fake microphone",
    ) -> None:
        self.name = name
        self.rate_hz = rate_hz
        self.channels = channels
        self.block_s = block / rate_hz
        self.plugged = True
        self.dropouts = 0
        self._sound = sound or (lambda _, count: np.zeros((count, channels), np.float32))
        self._true_rate_hz = rate_hz * (1 + ppm * 1e-6)
        self._block = block
        self._host = host or SystemTime()
        self._delivered = 0
        self._start_s = 0.0
        self._take: Take | None = None
        self._stopped = threading.Event()

    def start(self, take: Take) -> None:
        if not self.plugged:
            raise RuntimeFault(f"microphone {self.name!r} does not start (it is not plugged in)")
        self._take = take
        self._start_s = self._host.now()
        if isinstance(self._host, VirtualTime):
            self._host.at(self.due_s(self._delivered + self._block), self._appointment)
        else:
            threading.Thread(target=self._run, name="fake microphone", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def due_s(self, sample: float) -> float:
        """Host time at which a sample is in the air: the truth that clocks are measured against."""
        return self._start_s + sample / self._true_rate_hz

    def _appointment(self) -> None:
        self._deliver()
        if not self._stopped.is_set() and isinstance(self._host, VirtualTime):
            due = self.due_s(self._delivered + self._block)
            self._host.at(max(due, self._host.now()), self._appointment)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._host.sleep(max(0.0, self.due_s(self._delivered + self._block) - self._host.now()))
            self._deliver()

    def _deliver(self) -> None:
        first, self._delivered = self._delivered, self._delivered + self._block
        if self._stopped.is_set() or not self.plugged or self._take is None:
            return
        if self.dropouts:
            self.dropouts -= 1
            self._take(np.zeros((0, self.channels), np.float32), self.due_s(self._delivered), True)
            return
        self._take(self._sound(first, self._block), self.due_s(self._delivered), False)
