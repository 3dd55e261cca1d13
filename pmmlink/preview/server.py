"""Serves the preview page: the head, the frames, a take and its sound. Standard library only.

A page draws the head itself (WebGL) from curve values, so the server sends those, not meshes; takes are sent
whole and played by the page in step with its own sound. Everything is read-only but for a profile that is
being tuned (:mod:`pmmlink.preview.tuning`): its sliders come by POST, one after another, and only from a page
that was served here. Unless told otherwise only this machine can reach the server.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO
from urllib.parse import urlsplit

from pmmlink.errors import ProfileError, TargetError
from pmmlink.preview.camera import CAMERAS
from pmmlink.preview.hub import Hub
from pmmlink.preview.origin import is_addressed, is_own_page
from pmmlink.preview.pack import packed_head
from pmmlink.preview.recording import SOUND_TYPES, Recording
from pmmlink.preview.tuning_message import MAX_MESSAGE_BYTES
from pmmlink.resources import ASSETS

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8765

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_PAGE = {
    f"/{name.removesuffix('preview.html')}": (name, f"{_KINDS[Path(name).suffix]}; charset=utf-8")
    for name in (
        *("preview.html", "preview.css", "preview.js", "preview_head.js", "preview_view.js"),
        *("preview_webgl.js", "preview_raster.js"),
        *("preview_source.js", "preview_tuning.js", "preview_curve.js", "preview_controls.js"),
    )
}
"""Path → file and type; anything else is refused."""

_BYTES = "application/octet-stream"
_HEARTBEAT_S = 2.0
_FAREWELL_S = 0.5
_CHUNK = 1 << 16


class PreviewServer:
    """The page on a port, from :meth:`start` to :meth:`close`.

    Args:
        title: what the page shows in its corner.
        recording: a take; without one the page shows what :attr:`hub` publishes.
        host: address to listen on.
        port: TCP port; 0 takes any free one.

    Raises:
        TargetError: the port is taken or the address is not this machine's.
    """

    def __init__(
        self,
        title: str,
        recording: Recording | None = None,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
    ) -> None:
        self.hub = Hub()
        self.title = title
        self.recording = recording
        self.host = host
        try:
            self._http = _Server((host, port), self)
        except OSError as error:
            raise TargetError(
                f"preview://{host}:{port}: cannot listen there ({error.strerror or error}); "
                f"is another preview open? Try preview://{host}:{port + 1}"
            ) from None
        if recording is not None and (tuning := recording.tuning) is not None:
            tuning.on_change = lambda state: self.hub.announce("profile", **state)
            self.hub.announce("profile", **tuning.state())
        self._thread = threading.Thread(target=self._http.serve_forever, name="pmmlink preview", daemon=True)

    @property
    def url(self) -> str:
        """Where to point a browser."""
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self._http.server_address[1]}/"

    def start(self) -> PreviewServer:
        """Begins to answer; returns at once."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Lets the viewers go and releases the port. Closing twice is harmless."""
        self.hub.close()
        deadline_s = time.monotonic() + _FAREWELL_S
        while self.hub.viewers and time.monotonic() < deadline_s:
            time.sleep(0.01)  # what was announced last is still on its way
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def session(self) -> dict[str, object]:
        """What the page asks first."""
        take = self.recording
        return {
            "title": self.title,
            "cameras": {name: asdict(camera()) for name, camera in CAMERAS.items()},
            "take": None
            if take is None
            else {
                "frames": len(take.animation.values),
                "fps": float(take.animation.fps),
                "sound": take.sound is not None,
            },
            "tuning": None if take is None or take.tuning is None else take.tuning.facts(),
        }

    def __enter__(self) -> PreviewServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Elsewhere it only skips the minute's wait after a close; on Windows it would let a second program
    # take the same port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: tuple[str, int], preview: PreviewServer) -> None:
        self.preview = preview
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A page that goes away in the middle of an answer is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        if not self._addressed_to_us():
            self.send_error(HTTPStatus.FORBIDDEN, "open the preview by its own address")
            return
        path, query = urlsplit(self.path)[2:4]
        preview = self.server.preview
        take = preview.recording
        answers: dict[str, Callable[[], None]] = {
            "/session.json": lambda: self._reply(json.dumps(preview.session()).encode(), "application/json"),
            "/head.bin": lambda: self._reply(packed_head(query == "detail=coarse"), _BYTES),
            "/stream": self._stream,
        }
        if take is not None:
            answers["/take.bin"] = lambda: self._reply(take.values.astype("<f4").tobytes(), _BYTES)
            if take.sound is not None:
                sound = take.sound
                answers["/sound"] = lambda: self._send_file(sound, SOUND_TYPES[sound.suffix.lower()])
        if path in _PAGE:
            name, kind = _PAGE[path]
            self._reply((ASSETS / name).read_bytes(), kind)
        elif path in answers:
            answers[path]()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """A slider of the page was moved."""
        take = self.server.preview.recording
        length = self.headers.get("Content-Length", "")
        self.close_connection = True  # whatever is refused is not read
        if not (
            self._addressed_to_us() and is_own_page(self.headers.get("Host", ""), self.headers.get("Origin"))
        ):
            self._answer(HTTPStatus.FORBIDDEN, error="only the preview's own page may do this")
        elif take is None or take.tuning is None or self.path != "/edit":
            self._answer(HTTPStatus.NOT_FOUND, error="there is nothing to be tuned here")
        elif self.headers.get("Content-Type") != "application/json":
            self._answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, error="send application/json")
        elif not length.isdecimal() or len(length) > 9:
            self._answer(HTTPStatus.LENGTH_REQUIRED, error="send a Content-Length")
        elif int(length) > MAX_MESSAGE_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error=f"at most {MAX_MESSAGE_BYTES} bytes")
        else:
            body = self.rfile.read(int(length))
            self.close_connection = len(body) < int(length)
            try:
                self._answer(HTTPStatus.OK, **take.tuning.apply(body))
            except ProfileError as error:
                self._answer(HTTPStatus.BAD_REQUEST, error=str(error))

    def _answer(self, status: HTTPStatus, **facts: object) -> None:
        body = json.dumps(facts).encode()
        self._head(status, "application/json", Content_Length=str(len(body)))
        self.wfile.write(body)

    def _addressed_to_us(self) -> bool:
        return is_addressed(self.headers.get("Host", ""), self.server.preview.host)

    def _head(self, status: HTTPStatus, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header(
            "Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"
        )
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _reply(self, body: bytes, kind: str) -> None:
        self._head(HTTPStatus.OK, kind, Content_Length=str(len(body)))
        self.wfile.write(body)

    def _stream(self) -> None:
        hub = self.server.preview.hub
        viewer = hub.join()
        if viewer is None:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers")
            return
        self.close_connection = True
        try:
            self._head(HTTPStatus.OK, "text/event-stream", Connection="close")
            while (message := hub.take(viewer, _HEARTBEAT_S)) is not None:
                # A comment line when nothing came: how else would a closed page be noticed?
                self.wfile.write(message or b":\n\n")
                self.wfile.flush()
        finally:
            hub.leave(viewer)

    def _send_file(self, path: Path, kind: str) -> None:
        """Sends a file or the part of it that the browser asks for when its user scrubs."""
        try:
            file = path.open("rb")
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            size = path.stat().st_size
            wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
            if wanted is None or not any(wanted.groups()):
                self._head(HTTPStatus.OK, kind, Content_Length=str(size), Accept_Ranges="bytes")
                self._copy(file, size)
                return
            first, last = wanted.groups()
            start = int(first) if first else max(0, size - int(last))
            stop = min(size, int(last) + 1) if first and last else size
            if start >= stop:
                self._head(
                    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                    kind,
                    Content_Length="0",
                    Content_Range=f"bytes */{size}",
                )
                return
            span = f"bytes {start}-{stop - 1}/{size}"
            self._head(HTTPStatus.PARTIAL_CONTENT, kind, Content_Length=str(stop - start), Content_Range=span)
            file.seek(start)
            self._copy(file, stop - start)

    def _copy(self, file: BinaryIO, count: int) -> None:
        while count > 0 and (block := file.read(min(count, _CHUNK))):
            self.wfile.write(block)
            count -= len(block)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are nobody's business; only the command line prints."""
