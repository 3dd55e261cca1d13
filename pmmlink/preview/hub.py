"""Passes frames to however many viewers there are; to none at no cost."""

from __future__ import annotations

import base64
import json
import threading
from collections import deque
from dataclasses import dataclass, field

from pmmlink.types import FloatArray

MAX_VIEWERS = 16
"""Open pages at a time; more are told so."""

QUEUE = 8
"""Messages that wait for a viewer; a page that falls behind loses the oldest, not the newest."""


@dataclass(slots=True, eq=False)
class Viewer:
    """An open page.

    Attributes:
        waiting: messages not yet taken.
        dropped: messages lost because the page did not keep up.
    """

    waiting: deque[bytes] = field(default_factory=deque)
    dropped: int = 0


class Hub:
    """Where frames come in and viewers take them out. Every method may be called from any thread.

    Messages are server-sent events (HTML standard, section 9.2): a frame is an event of 52 float32 in
    base64, everything else has a name and a JSON object.
    """

    def __init__(self) -> None:
        self._viewers: list[Viewer] = []
        self._changed = threading.Condition()
        self._closed = False
        self._dropped = 0
        self._last_status = b""

    @property
    def viewers(self) -> int:
        """Open pages."""
        return len(self._viewers)

    @property
    def dropped(self) -> int:
        """Messages that pages were too slow for, over all pages."""
        return self._dropped + sum(viewer.dropped for viewer in tuple(self._viewers))

    def publish(self, values: FloatArray) -> bool:
        """Shows a frame of 52 ARKit values; False when nobody watches."""
        if not self._viewers:
            return False
        self._send(b"data: " + base64.b64encode(values.astype("<f4").tobytes()) + b"\n\n")
        return True

    def announce(self, event: str, **facts: object) -> None:
        """Tells every page something; the latest ``status`` is also told to pages that open later."""
        message = f"event: {event}\ndata: {json.dumps(facts)}\n\n".encode()
        if event == "status":
            self._last_status = message
        self._send(message)

    def join(self) -> Viewer | None:
        """A new viewer, or None when there are too many or the hub is closed."""
        with self._changed:
            if self._closed or len(self._viewers) >= MAX_VIEWERS:
                return None
            viewer = Viewer()
            if self._last_status:
                viewer.waiting.append(self._last_status)
            self._viewers.append(viewer)
            return viewer

    def leave(self, viewer: Viewer) -> None:
        """The page was closed."""
        with self._changed:
            self._dropped += viewer.dropped
            self._viewers.remove(viewer)

    def take(self, viewer: Viewer, timeout_s: float) -> bytes | None:
        """What waits for a viewer: empty when nothing came in time, None once the hub is closed."""
        with self._changed:
            self._changed.wait_for(lambda: viewer.waiting or self._closed, timeout_s)
            if not viewer.waiting and self._closed:
                return None
            message = b"".join(viewer.waiting)
            viewer.waiting.clear()
            return message

    def close(self) -> None:
        """Lets every viewer go. Closing twice is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _send(self, message: bytes) -> None:
        with self._changed:
            for viewer in self._viewers:
                if len(viewer.waiting) >= QUEUE:
                    viewer.waiting.popleft()
                    viewer.dropped += 1
                viewer.waiting.append(message)
            self._changed.notify_all()
