"""A take: the sound and the face of a live session, side by side on disk, whatever happens."""

from __future__ import annotations

import queue
import struct
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pmmlink.curves import LIVELINK_61, CurveSet
from pmmlink.dsp.sinc import LiveResampler
from pmmlink.errors import TargetError
from pmmlink.runtime.timeline import first_frame_from, position_of
from pmmlink.sinks.base import CurveMap
from pmmlink.types import SAMPLE_RATE_HZ, CurveFrame, FloatArray
from pmmlink.wire import csv

FLUSH_EVERY_S = 1.0
_QUEUE = 8192
_HEADER_BYTES = 44
_MOST_BYTES = 2**32 - 1 - _HEADER_BYTES


class TakeRecorder:
    """Writes ``NAME.wav`` and ``NAME.csv`` as a session goes on; a tap of the live loop.

    Row k of the recording stands at k / fps of the sound: both begin at the same frame. Each second
    everything is flushed and the header of the sound brought up to date, so both files are whole at any
    moment and a crash costs a second at most. They bear their final names from the start, or with -2, -3
    ... where those exist.

    Args:
        name: the take, with or without an ending.
        position: the stream's position at 16 kHz, now.
        rate_hz: sample rate of the recorded sound.
        fps: frame rate.
        on_event: told in one line when the disk fails.
        curves: the curves of the frames; those of another rig are written as they are.

    Attributes:
        wav: the sound file.
        csv: the recording of the face.
        lost: pieces that a stalling disk could not take.

    Raises:
        TargetError: the files cannot be made.
    """

    def __init__(
        self,
        name: Path,
        position: int,
        rate_hz: int,
        fps: Fraction,
        on_event: Callable[[str], None],
        curves: CurveSet = LIVELINK_61,
    ) -> None:
        self.wav, self.csv = _free_names(name)
        self.lost = 0
        self._rate_hz = rate_hz
        self._on_event = on_event
        self._first_frame = first_frame_from(position, fps)
        # Sound in front of the first frame's instant is left out.
        self._skip_s = Fraction(position_of(self._first_frame, fps) - position, SAMPLE_RATE_HZ)
        self._taken_s = Fraction(0)
        self._due = 0
        self._resampler = LiveResampler(rate_hz, rate_hz)
        self._as_is = "jawOpen" not in curves
        self._map = CurveMap(curves if self._as_is else LIVELINK_61)
        self._bytes = 0
        self._queue: queue.Queue[bytes | str | None] = queue.Queue(_QUEUE)
        try:
            self._sound_file: BinaryIO = self.wav.open("xb")
            self._face_file: BinaryIO = self.csv.open("xb", buffering=0)
            self._sound_file.write(self._header())
            self._face_file.write((csv.header(curves) if self._as_is else csv.header()).encode())
        except OSError as fault:
            raise TargetError(
                f"--record {name}: cannot be written ({fault.strerror}); choose another place"
            ) from None
        self._thread = threading.Thread(target=self._write, name="pmmlink record", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Length of the take so far."""
        return self._due / self._rate_hz

    def sound(self, samples: FloatArray, rate_hz: int, captured_s: float) -> None:  # noqa: ARG002
        """Take ``[N]`` that follow on what came before; a :class:`~pmmlink.runtime.live_options.SoundTap`."""
        self._taken_s += Fraction(len(samples), rate_hz)
        if self._taken_s <= self._skip_s:
            return
        if rate_hz != self._resampler.rate_in_hz:
            self._resampler = LiveResampler(rate_hz, self._rate_hz)
        own = self._resampler.push(samples)
        # Counted by time, so that changes of rate and rounding never part sound and face.
        until = round((self._taken_s - self._skip_s) * self._rate_hz)
        missing = until - self._due
        own = own[-missing:] if len(own) > missing else np.pad(own, (missing - len(own), 0))
        self._due = until
        self._put(np.asarray(np.clip(own, -1.0, 1.0) * 32767.0, "<i2").tobytes())

    def frame(self, frame: CurveFrame) -> None:
        """Take a frame."""
        if frame.index >= self._first_frame:
            at = Fraction(frame.index - self._first_frame) / frame.fps
            self._put(csv.row(at, self._map(frame), in_order=self._as_is))

    def close(self) -> None:
        """Finish both files. Harmless when repeated."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _put(self, item: bytes | str) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self.lost += 1

    def _write(self) -> None:
        flush_at = time.monotonic() + FLUSH_EVERY_S
        rows: list[str] = []
        try:
            going = True
            while going:
                try:
                    item = self._queue.get(timeout=0.1)
                except queue.Empty:
                    item = b""
                going = item is not None
                if isinstance(item, bytes):
                    self._sound_file.write(item)
                    self._bytes += len(item)
                elif isinstance(item, str):
                    rows.append(item)
                if not going or time.monotonic() >= flush_at:
                    self._flush()
                    # Whole rows in one piece: a crash leaves none in half.
                    self._face_file.write("".join(rows).encode())
                    rows.clear()
                    flush_at = time.monotonic() + FLUSH_EVERY_S
        except OSError as fault:
            self._on_event(
                f"recording stopped: {self.wav} cannot be written ({fault.strerror}); the rest is kept"
            )
        finally:
            for file in (self._sound_file, self._face_file):
                _close(file)

    def _flush(self) -> None:
        self._sound_file.seek(0)
        self._sound_file.write(self._header())
        self._sound_file.seek(0, 2)
        self._sound_file.flush()

    def _header(self) -> bytes:
        """RIFF header, 16-bit mono PCM; beyond 4 GB the sizes stay at their limit."""
        size = min(self._bytes, _MOST_BYTES)
        form = struct.pack("<HHIIHH", 1, 1, self._rate_hz, self._rate_hz * 2, 2, 16)
        return (
            struct.pack("<4sI4s4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16)
            + form
            + struct.pack("<4sI", b"data", size)
        )


def _close(file: BinaryIO) -> None:
    try:
        file.close()
    except OSError:  # told before, by the write that failed
        return


def _free_names(name: Path) -> tuple[Path, Path]:
    stem = name.with_suffix("") if name.suffix.lower() in (".wav", ".csv") else name
    number = 1
    while True:
        base = stem if number == 1 else stem.with_name(f"{stem.name}-{number}")
        wav, face = base.with_name(f"{base.name}.wav"), base.with_name(f"{base.name}.csv")
        if not wav.exists() and not face.exists():
            return wav, face
        number += 1
