"""The sound of films and of compressed audio that libsndfile does not know, decoded with PyAV (FFmpeg)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from pmmlink.errors import AudioError
from pmmlink.types import FloatArray


class ContainerDecoder:
    """The first sound track of a mov, mp4, mkv, webm, m4a ... file.

    Time 0 is the track's first sample.

    Attributes:
        rate_hz: sample rate of the track.
        channels: channels of the track.
        length: samples by the track's stated duration, where there is one.
        exact: False: containers round their durations.
    """

    exact = False

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._container = av.open(str(path))
        except (FFmpegError, OSError, ValueError) as fault:
            raise AudioError(
                f"{path}: not a sound or video file that can be read ({_reason(fault)})"
            ) from None
        try:
            if not self._container.streams.audio:
                raise AudioError(f"{path}: holds no sound track")
            self._blocks = self._decode()
            first = next(self._blocks, None)
            if first is None:
                raise AudioError(f"{path}: holds no sound (zero length)")
            self._ready = deque([first])
        except AudioError:
            self._container.close()
            raise
        self.channels = first.shape[1]
        track = self._container.streams.audio[0]
        self.length: int | None = None
        if track.duration is not None and track.time_base is not None:
            self.length = round(track.duration * track.time_base * self.rate_hz)

    def read(self, count: int) -> FloatArray:
        """The next ``[count, channels]`` samples, fewer at the end."""
        taken: list[FloatArray] = []
        missing = count
        while missing:
            if not self._ready:
                block = next(self._blocks, None)
                if block is None:
                    break
                self._ready.append(block)
            block = self._ready.popleft()
            if len(block) > missing:
                self._ready.appendleft(block[missing:])
                block = block[:missing]
            taken.append(block)
            missing -= len(block)
        return np.concatenate(taken) if taken else np.zeros((0, self.channels), np.float32)

    def close(self) -> None:
        self._container.close()

    def _decode(self) -> Iterator[FloatArray]:
        """Interleaved float32 blocks; the rate is the first frame's: HE-AAC states half of it before."""
        done = 0
        to_planar: av.AudioResampler | None = None
        try:
            for frame in self._container.decode(audio=0):
                if to_planar is None:
                    self.rate_hz = int(frame.sample_rate)
                    to_planar = av.AudioResampler(format="fltp", layout=frame.layout, rate=frame.sample_rate)
                for planar in to_planar.resample(frame):
                    block: FloatArray = np.ascontiguousarray(planar.to_ndarray().T, dtype=np.float32)
                    done += len(block)
                    if len(block):
                        yield block
        except (FFmpegError, OSError, ValueError) as fault:
            at = f" at {done / self.rate_hz:.2f} s" if done else ""
            raise AudioError(f"{self._path}: the sound is damaged{at} ({_reason(fault)})") from None


def _reason(fault: Exception) -> str:
    return str(getattr(fault, "strerror", None) or fault)
