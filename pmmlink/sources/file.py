"""Sound from files: wav, flac, ogg, opus, mp3, aiff through libsndfile, everything else through FFmpeg.

Reading is streaming: memory does not grow with the length of the file. What is wrong with a file is said on
one line; a file is refused rather than read in part.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
import soundfile as sf

from pmmlink.errors import AudioError
from pmmlink.sources.base import SoundBlock
from pmmlink.sources.riff import missing_bytes
from pmmlink.types import FloatArray

# fmt: off
EXTENSIONS = frozenset({
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aifc", ".aiff", ".au", ".caf", ".w64",
    ".aac", ".m4a", ".m4b", ".mka", ".wma",
    ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".ts", ".webm", ".wmv",
})
# fmt: on
"""Endings taken for sound when a folder is searched. A file named outright is tried whatever its name."""

_EXACT_LENGTH = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "FLAC"})
"""Formats of libsndfile whose header counts the samples (an mp3's is an estimate)."""

_RAW = frozenset({".raw", ".pcm"})


class _Decoder(Protocol):
    rate_hz: int
    channels: int
    length: int | None
    exact: bool

    def read(self, count: int) -> FloatArray: ...
    def close(self) -> None: ...


class FileSource:
    """A sound file as an :class:`~pmmlink.sources.base.AudioSource`; use it in a ``with`` statement.

    Raises:
        AudioError: missing, empty, not sound, truncated, of zero length; and from :meth:`read`, damaged, not
            finite, or shorter than its header says.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._decoder = _open(self.path)
        self._position = 0

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def rate_hz(self) -> int:
        return self._decoder.rate_hz

    @property
    def channels(self) -> int:
        return self._decoder.channels

    @property
    def length(self) -> int | None:
        return self._decoder.length

    def read(self, count: int) -> SoundBlock | None:
        """The next ``count`` samples, fewer only at the end, then None."""
        samples = self._decoder.read(count)
        start = self._position
        self._position += len(samples)
        if not len(samples):
            self._check_end()
            return None
        if not np.isfinite(samples).all():
            bad = int(np.argmin(np.isfinite(samples).all(axis=1)))
            value = samples[bad][~np.isfinite(samples[bad])][0]
            raise AudioError(
                f"{self.path}: sample {start + bad} (at {(start + bad) / self.rate_hz:.3f} s) is {value}, "
                "not a number between -1 and 1; export the sound again"
            )
        return SoundBlock(samples, start, self.rate_hz)

    def close(self) -> None:
        self._decoder.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_end(self) -> None:
        if not self._position:
            raise AudioError(f"{self.path}: holds no sound (zero length)")
        if self._decoder.exact and self.length is not None and self._position < self.length:
            raise AudioError(
                f"{self.path}: truncated: ends after {self._position / self.rate_hz:.2f} s of the "
                f"{self.length / self.rate_hz:.2f} s its header promises"
            )


class _SndfileDecoder:
    """libsndfile through soundfile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = sf.SoundFile(path)
        self.rate_hz: int = self._file.samplerate
        self.channels: int = self._file.channels
        # A FLAC that was encoded from a pipe does not know its length and reports the largest number.
        self.length: int | None = self._file.frames if self._file.frames < 2**62 else None
        self.exact = self._file.format in _EXACT_LENGTH

    def read(self, count: int) -> FloatArray:
        try:
            block: FloatArray = self._file.read(count, dtype="float32", always_2d=True)
        except (sf.LibsndfileError, RuntimeError) as fault:
            at = self._file.tell() / self.rate_hz
            raise AudioError(f"{self._path}: the sound is damaged at {at:.2f} s ({fault})") from None
        return block

    def close(self) -> None:
        self._file.close()


def _open(path: Path) -> _Decoder:
    try:
        if path.is_dir():
            raise AudioError(f"{path}: is a folder; name a sound file")
        if path.stat().st_size == 0:
            raise AudioError(f"{path}: the file is empty (0 bytes)")
        missing = missing_bytes(path)
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file") from None
    except OSError as fault:
        raise AudioError(f"{path}: cannot be read: {fault.strerror or fault}") from None
    if missing:
        raise AudioError(f"{path}: truncated: {missing} bytes of the sound its header promises are missing")
    if path.suffix.lower() in _RAW:
        raise AudioError(f"{path}: raw sound has no header that tells its rate; convert it to .wav")
    try:
        decoder: _Decoder = _SndfileDecoder(path)
    except sf.LibsndfileError:
        # FFmpeg takes a second to import and is needed for films only.
        from pmmlink.sources.container import ContainerDecoder

        decoder = ContainerDecoder(path)
    if decoder.exact and decoder.length == 0:
        decoder.close()
        raise AudioError(f"{path}: holds no sound (zero length)")
    return decoder
