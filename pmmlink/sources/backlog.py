"""Speech of an agent that is far ahead: kept in order, while an interrupt overtakes it."""

from __future__ import annotations

import threading
import time
from collections import deque

from pmmlink.sources.live import Intake
from pmmlink.sources.push import decode

CAPACITY_S = 600.0
"""Speech that waits behind a full intake at most; then the agent is read no more."""


class SpeechBacklog:
    """Feeds one intake with the messages of any number of connections, from a thread of its own.

    Args:
        intake: is filled as fast as it takes, by this object alone.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._most = round(CAPACITY_S * intake.rate_hz) * 2
        self._items: deque[bytes | None] = deque()  # None ends a sentence
        self._bytes = 0
        self._interrupted = False
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._feed, name="pmmlink backlog", daemon=True)

    def start(self) -> None:
        """Begin to feed."""
        self._thread.start()

    def stop(self) -> None:
        """End, whatever waits. Harmless when repeated."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def put(self, pcm: bytes) -> None:
        """Queue whole 16-bit samples; waits only behind ten minutes of speech."""
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < self._most or self._stopped)
            self._items.append(pcm)
            self._bytes += len(pcm)
            self._changed.notify_all()

    def flush(self) -> None:
        """What was queued so far is a sentence."""
        with self._changed:
            self._items.append(None)
            self._changed.notify_all()

    def interrupt(self) -> None:
        """Barge-in: drop everything that has not been shown, at once."""
        with self._changed:
            self._items.clear()
            self._bytes = 0
            self._interrupted = True
            self._changed.notify_all()

    def _feed(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._interrupted or self._stopped)
                if self._stopped:
                    return
                interrupted, self._interrupted = self._interrupted, False
                pcm = None if interrupted else self._items.popleft()
                self._bytes -= len(pcm or b"")
                self._changed.notify_all()
            if interrupted:
                self._intake.interrupt()
            elif pcm is None:
                self._intake.flush()
            else:
                samples = decode(pcm, "s16le")[:, None]
                self._intake.put(samples, lambda: self._stopped or self._interrupted, time.sleep)
