"""``preview:``: frames go to a head in the browser."""

from __future__ import annotations

import re

from pmmlink.curves import LIVELINK_61
from pmmlink.errors import TargetError
from pmmlink.preview.server import DEFAULT_HOST, DEFAULT_PORT, PreviewServer
from pmmlink.sinks.base import CurveMap, Sink
from pmmlink.types import CurveFrame

FORM = f"preview: (opens http://{DEFAULT_HOST}:{DEFAULT_PORT}), preview:PORT or preview://HOST:PORT"
"""What a user may write, for messages."""

_URL = re.compile(r"preview:(?://(?P<host>\[[0-9a-fA-F:.]+\]|[^/:@?#\[\]]+))?:?(?P<port>\d{1,5})?/?")


class PreviewSink(Sink):
    """Serves the page while the stream is open. Without a viewer a frame costs a comparison.

    Args:
        url: see :data:`FORM`.

    Raises:
        TargetError: not such a URL.
    """

    network = True

    def __init__(self, url: str) -> None:
        match = _URL.fullmatch(url)
        port = int(match["port"]) if match and match["port"] else DEFAULT_PORT
        if match is None or not 0 < port < 65536:
            raise TargetError(f"target {url!r}: write {FORM}")
        self._host = (match["host"] or DEFAULT_HOST).strip("[]")
        self._port = port
        super().__init__(url)
        self._map = CurveMap(LIVELINK_61)
        self._server: PreviewServer | None = None

    def _open(self) -> None:
        self._server = PreviewServer(self._subject, host=self._host, port=self._port).start()
        self.on_event(f"{self.url}: open {self._server.url} in a browser")

    def _send(self, frame: CurveFrame) -> bool:
        if self._server is None:
            return False
        self._server.hub.publish(self._map(frame))
        return True

    def close(self) -> None:
        """Tells the pages that the stream has ended, and stops serving."""
        server, self._server = self._server, None
        if server is not None:
            server.hub.announce("end")
            server.close()
