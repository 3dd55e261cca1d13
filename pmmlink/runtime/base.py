"""What the runtime asks of its parts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

from pmmlink.types import FloatArray


class Animator(Protocol):
    """A streaming model: mono sound at 16 kHz in, the model's 32 curves out.

    Row ``k`` describes the mouth at ``k / fps`` seconds of the sound since the last reset; a stream of ``N``
    samples gives ``ceil(N * fps / 16000)`` rows in all.

    Attributes:
        latency_samples: sound awaited beyond a row's instant before the row is final.
        fps: rows per second.
    """

    @property
    def latency_samples(self) -> int: ...
    @property
    def fps(self) -> Fraction: ...

    def push(self, samples: FloatArray) -> FloatArray:
        """Take ``[N]`` samples; give the ``[K, 32]`` rows that are final now."""
        ...

    def flush(self) -> FloatArray:
        """The rows still owed at the end of the sound."""
        ...

    def reset(self) -> None:
        """Forget the sound so far; the next sample is the first."""
        ...


Pull = Callable[[FloatArray, float], None]
"""Fills ``[N, channels]`` with the next sound; its first sample will be heard at this time (host seconds)."""


class OutputDevice(Protocol):
    """A loudspeaker that pulls sound at its own pace.

    Attributes:
        name: for reports.
        rate_hz: sample rate it pulls at.
        channels: channels it pulls.
        latency_s: from pulling a sample to hearing it, as the device states it.
    """

    @property
    def name(self) -> str: ...
    @property
    def rate_hz(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def latency_s(self) -> float: ...

    def start(self, pull: Pull) -> None:
        """Begin to call ``pull`` from the device's own thread.

        Raises:
            RuntimeFault: the device went away.
        """
        ...

    def stop(self) -> None:
        """Silence; ``pull`` is not called afterwards. Harmless when repeated."""
        ...


class TimeSource(Protocol):
    """The host's time. Tests replace it by one that jumps."""

    def now(self) -> float:
        """Seconds that never run backwards."""
        ...

    def sleep(self, seconds: float) -> None: ...
