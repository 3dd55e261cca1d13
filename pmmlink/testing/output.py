"""A loudspeaker that exists only in software, with a crystal as wrong as wanted."""

from __future__ import annotations

import threading

import numpy as np

from pmmlink.errors import RuntimeFault
from pmmlink.runtime.base import Pull, TimeSource
from pmmlink.runtime.clock import SystemTime
from pmmlink.testing.time import VirtualTime
from pmmlink.types import FloatArray


class FakeOutputDevice:
    """An :class:`~pmmlink.runtime.base.OutputDevice` that pulls blocks at ``rate_hz * (1 + ppm * 1e-6)``.

    On a :class:`VirtualTime` it is driven by that; otherwise by a thread of its own, in real time.

    Args:
        rate_hz: nominal sample rate.
        channels: channels pulled.
        ppm: error of the crystal, parts per million; positive runs fast.
        block: samples pulled at once.
        latency_s: from pulling a sample to hearing it.
        jitter_s: each callback is late by up to this much, from a fixed seed; the sound is not.
        unplugged_after_s: stop pulling after so much sound, as a device does that was taken away.
        host: time.
        record: keep what was played in :attr:`played`.

    Attributes:
        played: blocks pulled, if recorded.
    """

    name = "fake loudspeaker"

    def __init__(
        self,
        rate_hz: int = 48_000,
        channels: int = 2,
        *,
        ppm: float = 0.0,
        block: int = 480,
        latency_s: float = 0.05,
        jitter_s: float = 0.0,
        unplugged_after_s: float = float("inf"),
        host: TimeSource | None = None,
        record: bool = False,
    ) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self.latency_s = latency_s
        self.played: list[FloatArray] = []
        self._true_rate_hz = rate_hz * (1 + ppm * 1e-6)
        self._jitter_s = jitter_s
        self._random = np.random.default_rng(0)
        self._limit = unplugged_after_s * rate_hz
        self._host = host or SystemTime()
        self._record = record
        self._out = np.zeros((block, channels), np.float32)
        self._pulled = 0
        self._start_s = 0.0
        self._pull: Pull | None = None
        self._stopped = threading.Event()

    def start(self, pull: Pull) -> None:
        if self._stopped.is_set():
            raise RuntimeFault("the fake loudspeaker was stopped before")
        self._pull = pull
        self._start_s = self._host.now()
        if isinstance(self._host, VirtualTime):
            self._host.at(self._start_s, self._appointment)
        else:
            threading.Thread(target=self._run, name="fake loudspeaker", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def heard_sample(self, at_s: float) -> float:
        """Which of the pulled samples is heard at a host time: the truth that clocks are measured against."""
        return (at_s - self._start_s - self.latency_s) * self._true_rate_hz

    @property
    def _next_s(self) -> float:
        """When the next block is due by the device's crystal."""
        return self._start_s + self._pulled / self._true_rate_hz

    def _appointment(self) -> None:
        if self._callback() and isinstance(self._host, VirtualTime):
            late = self._random.uniform(0.0, self._jitter_s) if self._jitter_s else 0.0
            self._host.at(max(self._next_s + late, self._host.now()), self._appointment)

    def _run(self) -> None:
        while self._callback():
            self._host.sleep(max(0.0, self._next_s - self._host.now()))

    def _callback(self) -> bool:
        if self._stopped.is_set() or self._pulled >= self._limit or self._pull is None:
            return False
        # As drivers do, the device reports its latency from now, so a late callback is a wrong report.
        self._pull(self._out, self._host.now() + self.latency_s)
        if self._record:
            self.played.append(self._out.copy())
        self._pulled += len(self._out)
        return True
