"""Speech that a program hands over piece by piece: mono numbers or raw PCM."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pmmlink.errors import AudioError
from pmmlink.sources.live import Intake
from pmmlink.types import FloatArray

CAPACITY_S = 60.0
"""Speech that waits to be shown at most; whoever brings more is made to wait."""

RATES_HZ = (8000, 192_000)


def to_samples(pcm: npt.ArrayLike | bytes) -> FloatArray:
    """Mono float32 ``[N]`` from float numbers in [-1, 1], 16-bit numbers, or bytes of s16le.

    Raises:
        AudioError: another type or shape, half a sample, or values that are not finite.
    """
    if isinstance(pcm, (bytes, bytearray, memoryview)):
        if len(pcm) % 2:
            raise AudioError(f"{len(pcm)} bytes are not whole 16-bit samples")
        return decode(bytes(pcm), "s16le")
    array = np.asarray(pcm)
    if array.ndim != 1:
        raise AudioError(f"sound of shape {array.shape} cannot be pushed; give mono, shape (N,)")
    if array.dtype == np.int16:
        return np.asarray(array / np.float32(32768), np.float32)
    if array.size and not np.issubdtype(array.dtype, np.floating):
        raise AudioError(f"sound of type {array.dtype} cannot be pushed; give float32 in [-1, 1] or int16")
    if not np.isfinite(array).all():
        raise AudioError("the sound holds values that are not numbers (NaN or infinity)")
    return np.asarray(array, np.float32)


def decode(data: bytes, form: str) -> FloatArray:
    """Raw PCM to float32 ``[N]``; numbers that are not finite become silence.

    Args:
        data: whole samples.
        form: ``s16le`` or ``f32le``.
    """
    if form == "s16le":
        return np.asarray(np.frombuffer(data, "<i2") / np.float32(32768), np.float32)
    floats = np.nan_to_num(np.frombuffer(data, "<f4"), nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(floats, np.float32)


def require_rate(rate_hz: int, what: str) -> int:
    """The rate, if sound can have it. Raises AudioError naming ``what``."""
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise AudioError(f"{what} {rate_hz}: expected a sample rate from {RATES_HZ[0]} to {RATES_HZ[1]} Hz")
    return rate_hz


class PushSource:
    """A :class:`~pmmlink.sources.live.LiveSource` filled by calls, for any thread, one at a time.

    Args:
        rate_hz: sample rate of what is pushed.
        now: host time.
        capacity_s: speech that waits at most.

    Raises:
        AudioError: a sample rate that cannot be.
    """

    name = "program"
    paced = True

    def __init__(
        self, rate_hz: int, now: Callable[[], float] = time.perf_counter, capacity_s: float = CAPACITY_S
    ) -> None:
        self.intake = Intake(require_rate(rate_hz, "rate_hz"), 1, capacity_s, now)
        self.finished = False
        self._stopped = threading.Event()

    def start(self) -> None:
        """Nothing to begin: the calls come by themselves."""

    def stop(self) -> None:
        self._stopped.set()

    def push(self, pcm: npt.ArrayLike | bytes) -> None:
        """Queue mono speech; waits while a minute of it is queued already.

        Raises:
            AudioError: see :func:`to_samples`.
        """
        self.intake.put(to_samples(pcm)[:, None], self._stopped.is_set, time.sleep)

    def flush(self) -> None:
        """The sentence is complete."""
        self.intake.flush()

    def interrupt(self) -> None:
        """Drop what has not been shown yet."""
        self.intake.interrupt()

    def finish(self) -> None:
        """No more speech will come."""
        self.flush()
        self.finished = True
        self.intake.wake()
