"""One stream to several sinks at once, none of which can delay another."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from pmmlink.curves import CurveSet
from pmmlink.errors import PmmlinkError, RuntimeFault, TargetError
from pmmlink.sinks.base import Sink, SinkStats
from pmmlink.types import CurveFrame

NETWORK_QUEUE = 64
"""Frames that wait for a network sink: about a second; older ones are worthless to a live face."""

FILE_QUEUE = 4096
"""Frames that wait for a file: a minute or more of a disk that stalls."""

PATIENCE_S = 3.0
"""How long a stream that may not lose frames waits for a network sink that does not move."""


class Fanout:
    """Gives every frame to every sink, each on a thread of its own behind a bounded queue.

    In real time a full queue drops its oldest frame, and the sender never waits. ``lossless`` streams (as
    fast as possible, nobody is watching) wait for room instead: for files as long as it takes, for a network
    sink that does not move at most :data:`PATIENCE_S`.

    Methods are called from one thread; a fanout carries one stream.

    Example:
        >>> from pmmlink.sinks import Fanout, make_sink
        >>> fanout = Fanout([make_sink("osc://127.0.0.1:8000"), make_sink("livelink://127.0.0.1")])
        >>> sorted(fanout.stats)
        ['livelink://127.0.0.1:11111', 'osc://127.0.0.1:8000']
    """

    def __init__(
        self, sinks: Sequence[Sink], lossless: bool = False, on_event: Callable[[str], None] | None = None
    ) -> None:
        """A fanout that is not open yet.

        Args:
            sinks: where frames go.
            lossless: wait for room rather than drop.
            on_event: called with one line for each change of a sink's state, from any thread.

        Raises:
            TargetError: the same target twice.
        """
        urls = [sink.url for sink in sinks]
        for url in urls:
            if urls.count(url) > 1:
                raise TargetError(f"target {url} is given twice; name it once")
        if on_event is not None:
            for sink in sinks:
                sink.on_event = on_event
        self._workers = [_Worker(sink, lossless) for sink in sinks]
        self._running = False

    def open(self, curves: CurveSet, fps: Fraction, subject: str) -> None:
        """Begins a stream on every sink.

        Raises:
            PmmlinkError: what :meth:`Sink.open` raises; the sinks opened before are then closed again.
        """
        opened: list[Sink] = []
        try:
            for worker in self._workers:
                worker.sink.open(curves, fps, subject)
                opened.append(worker.sink)
        except PmmlinkError:
            for sink in opened:
                sink.abort()
            raise
        for worker in self._workers:
            worker.start()
        self._running = True

    def send(self, frame: CurveFrame) -> None:
        """Queues a frame for every sink. Waits only in a lossless stream."""
        for worker in self._workers:
            worker.offer(frame)

    def close(self, timeout_s: float = 5.0, discard: bool = False) -> None:
        """Sends what is queued, ends every stream, and waits for that.

        Args:
            timeout_s: seconds for all sinks together; a network sink that needs longer is left behind.
            discard: the stream failed: leave no half-made files.

        Raises:
            RuntimeFault: a file could not be finished. Raised after all other sinks have ended.
        """
        if not self._running:
            return
        self._running = False
        deadline = time.monotonic() + timeout_s
        for worker in self._workers:
            worker.stop(discard)
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        faults = [worker.fault for worker in self._workers if worker.fault]
        for worker in self._workers:
            if worker.is_alive():
                worker.sink.on_event(
                    f"{worker.sink.url}: did not end within {timeout_s:g} s; {worker.waiting} frames lost"
                )
                if not worker.sink.network:
                    faults.append(f"{worker.sink.url}: could not be finished within {timeout_s:g} s")
        if faults and not discard:
            raise RuntimeFault("; ".join(faults))

    @property
    def stats(self) -> dict[str, SinkStats]:
        """A snapshot by target, frames dropped from queues included."""
        return {worker.sink.url: worker.stats() for worker in self._workers}


class _Worker(threading.Thread):
    """The thread and the queue of one sink.

    Attributes:
        fault: why a file was given up; empty while all is well.
    """

    def __init__(self, sink: Sink, lossless: bool) -> None:
        super().__init__(name=f"pmmlink {sink.url}", daemon=True)
        self.sink = sink
        self.fault = ""
        self._lossless = lossless
        self._capacity = NETWORK_QUEUE if sink.network else FILE_QUEUE
        self._frames: deque[CurveFrame] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._discard = False
        self._patient = True
        self._behind = False
        self._lost = 0

    @property
    def waiting(self) -> int:
        """Frames in the queue."""
        return len(self._frames)

    def stats(self) -> SinkStats:
        """The sink's, with the frames that never reached it."""
        return replace(self.sink.stats, dropped=self.sink.stats.dropped + self._lost)

    def offer(self, frame: CurveFrame) -> None:
        """Queues a frame."""
        with self._changed:
            if self._lossless and not self._has_room():
                self._await_room()
            if self.fault or self._stopping:
                self._lost += 1
                return
            fell_behind = False
            if len(self._frames) >= self._capacity:
                self._frames.popleft()
                self._lost += 1
                fell_behind, self._behind = not self._behind, True
            self._frames.append(frame)
            self._changed.notify_all()
        if fell_behind:
            self.sink.on_event(f"{self.sink.url}: does not keep up; its oldest frames are dropped")

    def stop(self, discard: bool) -> None:
        """Ends the thread after what is queued."""
        with self._changed:
            self._stopping = True
            self._discard = discard and not self.sink.network
            self._changed.notify_all()

    def run(self) -> None:
        while (frame := self._next()) is not None:
            try:
                self.sink.send(frame)
            except Exception as error:  # one target's fault must neither end the others nor go unnoticed
                self._lost += 1
                self._failed(error)
        try:
            if self._discard:
                self.sink.abort()
            else:
                self.sink.close()
        except Exception as error:
            self._failed(error)

    def _has_room(self) -> bool:
        return len(self._frames) < self._capacity or bool(self.fault)

    def _await_room(self) -> None:
        """Waits in steps, because a wait without an end cannot be interrupted on Windows."""
        if self.sink.network:
            # A sink that did not move all this time is not waited for again until it does.
            self._patient = self._patient and self._changed.wait_for(self._has_room, PATIENCE_S)
            return
        while not self._changed.wait_for(self._has_room, PATIENCE_S):
            pass

    def _next(self) -> CurveFrame | None:
        """The next frame to send, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._stopping)
            if self._discard or not self._frames:
                return None
            frame = self._frames.popleft()
            self._patient = True
            self._behind = self._behind and bool(self._frames)
            self._changed.notify_all()
            return frame

    def _failed(self, error: Exception) -> None:
        known = isinstance(error, PmmlinkError)
        text = str(error) if known else f"{self.sink.url}: {error!r}"
        stats = self.sink.stats
        if not known:
            stats.errors += 1
        if stats.last_error != text or not self.sink.network:
            self.sink.on_event(text)
        stats.last_error = text
        if not self.sink.network:
            with self._changed:
                self.fault = text
                self._lost += len(self._frames)
                self._frames.clear()
                self._changed.notify_all()
