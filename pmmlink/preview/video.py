"""Writes pictures and sound to an MP4 file with PyAV."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import numpy.typing as npt

from pmmlink.errors import ConfigError, RuntimeFault
from pmmlink.sources.base import AudioSource
from pmmlink.types import FloatArray

AUDIO_RATE_HZ = 48_000
"""Rate of the sound track: what every player and browser takes."""

_BLOCK_S = 0.5


class VideoWriter:
    """An MP4 file in the making; it appears whole when closed, or not at all.

    H.264 where FFmpeg was built with x264, else MPEG-4 part 2; the sound is AAC. The sound track is as
    long as the picture: what is longer is cut, what is shorter ends in silence.

    Args:
        path: the finished file.
        size: (width, height), both even.
        fps: frame rate.
        sound: the sound track, read from its beginning; None for a silent film.

    Raises:
        ConfigError: an odd or absurd size, or a folder that does not exist.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: Fraction, sound: AudioSource | None = None
    ) -> None:
        if any(side % 2 or not 16 <= side <= 4096 for side in size):
            raise ConfigError(f"--size {size[0]}x{size[1]}: both sides must be even and from 16 to 4096")
        if not path.parent.is_dir():
            raise ConfigError(f"{path}: the folder {path.parent} does not exist; create it first")
        self.frames = 0
        self._path = path
        self._partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        self._fps = fps
        try:
            self._container = av.open(
                str(self._partial), "w", format="mp4", options={"movflags": "+faststart"}
            )
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
        h264 = "libx264" in av.codecs_available
        self._video = self._container.add_stream("libx264" if h264 else "mpeg4", rate=fps)
        self._video.width, self._video.height = size
        self._video.pix_fmt = "yuv420p"
        self._video.codec_context.time_base = 1 / fps
        self._video.options = {"crf": "18", "preset": "medium"} if h264 else {"qscale": "3"}
        self._sound = _SoundTrack(self._container, sound) if sound is not None else None

    def write(self, picture: npt.NDArray[np.uint8]) -> None:
        """Adds a frame ``[height, width, 3]`` sRGB and the sound up to its end.

        Raises:
            RuntimeFault: the disk is full.
        """
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = self.frames, 1 / self._fps
        try:
            self._container.mux(self._video.encode(frame))
            self.frames += 1
            if self._sound is not None:
                self._sound.write_until(self.frames / self._fps)
        except OSError as error:
            raise RuntimeFault(f"{self._path}: cannot be written ({error.strerror})") from error

    def close(self) -> None:
        """Finishes the file. Raises RuntimeFault when that fails."""
        try:
            self._container.mux(self._video.encode(None))
            if self._sound is not None:
                self._sound.flush()
            self._container.close()
            os.replace(self._partial, self._path)
        except OSError as error:
            raise RuntimeFault(f"{self._path}: cannot be finished ({error.strerror})") from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._container.close()
            self._partial.unlink(missing_ok=True)


class _SoundTrack:
    """The AAC stream, fed in step with the picture so that players need no long buffer."""

    def __init__(self, container: av.container.OutputContainer, source: AudioSource) -> None:
        self._container = container
        self._source = source
        self._layout = "stereo" if source.channels == 2 else "mono"
        self._stream = container.add_stream("aac", rate=AUDIO_RATE_HZ, layout=self._layout)
        self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=AUDIO_RATE_HZ)
        self._pending = np.zeros((2 if self._layout == "stereo" else 1, 0), np.float32)
        self._ended = False
        self._written = 0

    def write_until(self, time_s: Fraction) -> None:
        """Writes the sound up to a time."""
        wanted = int(time_s * AUDIO_RATE_HZ) - self._written
        while self._pending.shape[1] < wanted:
            self._pending = np.concatenate([self._pending, self._next()], axis=1)
        if wanted > 0:
            self._encode(self._pending[:, :wanted])
            self._pending = self._pending[:, wanted:]

    def flush(self) -> None:
        """Writes what the encoder still holds."""
        self._container.mux(self._stream.encode(None))

    def _next(self) -> FloatArray:
        """The next block at the track's rate; silence after the end."""
        if self._ended:
            return np.zeros((len(self._pending), AUDIO_RATE_HZ // 2), np.float32)
        block = self._source.read(max(1, round(_BLOCK_S * self._source.rate_hz)))
        if block is None:
            self._ended = True
            return self._resampled(None)
        samples = block.samples.T
        if self._layout == "mono":
            samples = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate = block.rate_hz
        return self._resampled(frame)

    def _resampled(self, frame: av.AudioFrame | None) -> FloatArray:
        parts = [part.to_ndarray() for part in self._resampler.resample(frame)]
        return np.concatenate([self._pending[:, :0], *parts], axis=1)

    def _encode(self, samples: FloatArray) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate = AUDIO_RATE_HZ
        frame.pts, frame.time_base = self._written, Fraction(1, AUDIO_RATE_HZ)
        self._written += samples.shape[1]
        self._container.mux(self._stream.encode(frame))
