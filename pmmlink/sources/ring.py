"""A ring of sound between a thread and the callback of a sound card."""

from __future__ import annotations

import numpy as np

from pmmlink.types import FloatArray


class SoundRing:
    """Bounded FIFO of ``[N, channels]`` float32 for one writer and one reader.

    Neither side waits or allocates sound. Each side alone advances its own counter, after the samples have
    been copied, so no lock is needed and the card's callback can never be held up.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        self._data = np.zeros((capacity, channels), np.float32)
        self._capacity = capacity
        self._written = 0
        self._read = 0

    @property
    def filled(self) -> int:
        """Samples that can be read."""
        return self._written - self._read

    @property
    def free(self) -> int:
        """Samples that can be written."""
        return self._capacity - self.filled

    def write(self, samples: FloatArray) -> int:
        """Copy in what fits; the number of samples taken."""
        count = min(len(samples), self.free)
        at = self._written % self._capacity
        first = min(count, self._capacity - at)
        self._data[at : at + first] = samples[:first]
        self._data[: count - first] = samples[first:count]
        self._written += count
        return count

    def read_into(self, out: FloatArray) -> int:
        """Copy out what is there, at most ``len(out)``; the number of samples given."""
        count = min(len(out), self.filled)
        at = self._read % self._capacity
        first = min(count, self._capacity - at)
        out[:first] = self._data[at : at + first]
        out[first:count] = self._data[: count - first]
        self._read += count
        return count
