"""``FILE.csv``: a take as the Live Link Face app records it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from pmmlink.curves import LIVELINK_61
from pmmlink.errors import RuntimeFault, TargetError
from pmmlink.sinks.base import CurveMap, Sink
from pmmlink.types import CurveFrame
from pmmlink.wire import csv

FLUSH_EVERY_S = 1.0
"""A crash or power cut costs at most so much of a take."""


class CsvSink(Sink):
    """Writes ``NAME.csv.<pid>.partial`` beside the file and renames it when the take is complete.

    Timecodes count from the start of the sound: row k of a take from frame 0 stands at k / fps. When the disk
    fails, what has been written stays in the partial file, and the error names it.
    """

    network = False

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """A sink that is not open yet.

        Args:
            path: the finished file.
            clock: seconds, monotonic.
        """
        super().__init__(str(path))
        self._path = path
        self._partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        self._clock = clock
        self._map = CurveMap(LIVELINK_61)
        self._file: TextIO | None = None
        self._flush_due = 0.0

    def _open(self) -> None:
        if self._path.is_dir():
            raise TargetError(f"{self._path}: is a folder; name a file in it")
        if not self._path.parent.is_dir():
            raise TargetError(f"{self._path}: the folder {self._path.parent} does not exist; create it first")
        self._map = CurveMap(LIVELINK_61 if self._is_arkit else self._curves)
        try:
            self._file = self._partial.open("w", encoding="utf-8", newline="\n")
            self._file.write(csv.header() if self._is_arkit else csv.header(self._curves))
            self._file.flush()
        except OSError as error:
            self.abort()
            raise TargetError(
                f"{self._path}: cannot be written ({error.strerror}); choose another place"
            ) from None
        self._flush_due = self._clock() + FLUSH_EVERY_S

    def _send(self, frame: CurveFrame) -> bool:
        if self._file is None:
            return False
        try:
            values = self._map(frame)
            self._file.write(csv.row(frame.index / frame.fps, values, in_order=not self._is_arkit))
            now = self._clock()
            if now >= self._flush_due:
                self._file.flush()
                self._flush_due = now + FLUSH_EVERY_S
        except OSError as error:
            self._release()
            raise self._fault(f"cannot be written any more ({error.strerror})") from error
        return True

    def close(self) -> None:
        """Finishes the file. Raises RuntimeFault when that fails; the partial file then stays."""
        if self._file is None:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._fault(f"cannot be finished ({error.strerror})") from error
        finally:
            self._release()
        try:
            os.replace(self._partial, self._path)
        except OSError as error:
            raise self._fault(f"cannot be replaced ({error.strerror}); is it open elsewhere?") from error

    def abort(self) -> None:
        """Throws the take away."""
        self._release()
        try:
            self._partial.unlink(missing_ok=True)
        except OSError as error:
            self.stats.errors += 1
            self.stats.last_error = f"{self._partial}: cannot be removed ({error.strerror})"

    def _release(self) -> None:
        """Closes the file; what could not be flushed is lost, and has been reported."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self.stats.last_error = f"{self._partial}: {error.strerror}"

    def _fault(self, what: str) -> RuntimeFault:
        self.stats.errors += 1
        self.stats.last_error = what
        return RuntimeFault(f"{self._path}: {what}; the take so far is in {self._partial.name} beside it")
