"""What every source of sound offers to the runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pmmlink.types import AudioChunk, FloatArray


@dataclass(frozen=True, slots=True)
class SoundBlock:
    """A run of sound as it was recorded: what the loudspeaker gets, and what :meth:`mono` gives the model.

    Attributes:
        samples: ``[N, channels]`` float32 in [-1, 1].
        start: index of the first sample, counted from the start of the source.
        rate_hz: sample rate.
    """

    samples: FloatArray
    start: int
    rate_hz: int

    def mono(self) -> AudioChunk:
        """The mean of the channels."""
        mixed = self.samples.mean(axis=1, dtype=np.float32)
        return AudioChunk(mixed, self.start, self.rate_hz)


class AudioSource(Protocol):
    """Sound that is read block by block; nothing is kept.

    Attributes:
        name: for messages, e.g. the file's path.
        rate_hz: sample rate of the blocks.
        channels: channels of the blocks.
        length: samples per channel as the header states them, None where it does not; some formats estimate.
    """

    @property
    def name(self) -> str: ...
    @property
    def rate_hz(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def length(self) -> int | None: ...

    def read(self, count: int) -> SoundBlock | None:
        """The next ``count`` samples, fewer only at the end, then None.

        Raises:
            AudioError: the sound cannot be decoded or is not finite.
        """
        ...

    def close(self) -> None:
        """Release the file or device; harmless when repeated."""
        ...
