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

_KEPT = ("status", "profile")
"""Events that say how things stand, not what happens."""


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

    Messages are server-sent events (HTML standard, section 9.2): a frame is an event of 52 or 61 float32 in
    base64, everything else has a name and a JSON object.
    """

    def __init__(self) -> None:
        self._viewers: list[Viewer] = []
        self._changed = threading.Condition()
        self._closed = False
        self._dropped = 0
        self._latest: dict[str, bytes] = {}

    @property
    def viewers(self) -> int:
        """Open pages."""
        return len(self._viewers)

    @property
    def dropped(self) -> int:
        """Messages that pages were too slow for, over all pages."""
        return self._dropped + sum(viewer.dropped for viewer in tuple(self._viewers))

    def publish(self, values: FloatArray) -> bool:
        """Shows a frame of 52 ARKit values, or of 61 with angles; False when nobody watches."""
        if not self._viewers:
            return False
        self._send(b"data: " + base64.b64encode(values.astype("<f4").tobytes()) + b"\n\n")
        return True

    def announce(self, event: str, **facts: object) -> None:
        """Tells every page something; the latest ``status`` and ``profile`` also pages that open later."""
        message = f"event: {event}\ndata: {json.dumps(facts)}\n\n".encode()
        if event in _KEPT:
            self._latest[event] = message
        self._send(message)

    def join(self) -> Viewer | None:
        """A new viewer, or None when there are too many or the hub is closed."""
        with self._changed:
            if self._closed or len(self._viewers) >= MAX_VIEWERS:
                return None
            viewer = Viewer()
            viewer.waiting.extend(self._latest.values())
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
