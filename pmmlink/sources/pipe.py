"""Raw PCM from standard input: ``tts | pmmlink live --stdin``."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from pmmlink.sources.live import Intake
from pmmlink.sources.push import CAPACITY_S, decode, require_rate

_READ_BYTES = 1 << 16
WIDTHS = {"s16le": 2, "f32le": 4}


class PipeSource:
    """Reads a stream of mono PCM until its end. A full queue stops reading, which makes the writer wait.

    Args:
        stream: where from; its descriptor is read directly, so that what has come is had at once.
        rate_hz: sample rate.
        form: ``s16le`` or ``f32le``.
        paced: False shows sound as it comes, True no faster than it is heard.
        now: host time.

    Raises:
        AudioError: a sample rate that cannot be.
    """

    name = "standard input"

    def __init__(
        self,
        stream: BinaryIO,
        rate_hz: int,
        form: str = "s16le",
        *,
        paced: bool = True,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.intake = Intake(require_rate(rate_hz, "--rate"), 1, CAPACITY_S, now)
        self.paced = paced
        self.finished = False
        self._stream = stream
        self._form = form
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="pmmlink stdin", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        # The thread may hang in a read that only the writer can end; a daemon holds nothing up.
        self._stopped.set()

    def _read(self) -> None:
        width = WIDTHS[self._form]
        rest = b""
        while not self._stopped.is_set():
            data = self._some()
            if not data:
                break
            data = rest + data
            whole = len(data) - len(data) % width
            rest = data[whole:]
            samples = decode(data[:whole], self._form)
            if not self.intake.put(samples[:, None], self._stopped.is_set, time.sleep):
                return
        self.intake.flush()
        self.finished = True
        self.intake.wake()

    def _some(self) -> bytes:
        """What is there, at least one byte; empty at the end."""
        try:
            descriptor = self._stream.fileno()
        except (io.UnsupportedOperation, AttributeError):
            return self._stream.read(_READ_BYTES)
        try:
            return os.read(descriptor, _READ_BYTES)
        except OSError:  # the writer was killed: Windows says "broken pipe" where others say "end"
            return b""
