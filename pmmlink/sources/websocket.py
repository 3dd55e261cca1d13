"""Speech over a WebSocket on loopback, for talking agents.

Binary messages are mono 16-bit PCM, little-endian, in pieces of any length; text messages are JSON:
``{"event": "flush"}`` at the end of a sentence, ``{"event": "interrupt"}`` for barge-in. The server answers
what it cannot use with ``{"event": "error", "message": ...}`` and goes on. An agent may be ten minutes
ahead of what is heard; an interrupt is obeyed at once all the same. Of pages in a browser only this
machine's own may connect.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from pmmlink.errors import ConfigError, RuntimeFault
from pmmlink.sources.backlog import SpeechBacklog
from pmmlink.sources.live import Intake
from pmmlink.sources.push import CAPACITY_S, require_rate

HOST = "127.0.0.1"
_MOST_BYTES = 1 << 22
"""Largest message: two minutes of 16 kHz speech."""

_OWN_PAGES = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
"""Browsers name the page that connects: any site that the user looks at could, but for this."""


class WebSocketSource:
    """A :class:`~pmmlink.sources.live.LiveSource` that agents connect to, one or several in turn.

    Args:
        port: where to listen; 0 takes any free one.
        rate_hz: sample rate of the binary messages.
        now: host time.
        on_event: told in one line who comes and goes.

    Attributes:
        port: the port in use, once started.

    Raises:
        AudioError: a sample rate that cannot be.
        RuntimeFault: the package ``websockets`` is missing.
    """

    paced = True
    finished = False

    def __init__(
        self,
        port: int,
        rate_hz: int,
        *,
        now: Callable[[], float] = time.perf_counter,
        on_event: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.intake = Intake(require_rate(rate_hz, "--rate"), 1, CAPACITY_S, now)
        self.port = port
        self._on_event = on_event
        self._backlog = SpeechBacklog(self.intake)
        self._server: Any = None
        try:
            import websockets.sync.server  # noqa: F401
        except ImportError:
            raise RuntimeFault("--ws needs the package websockets: pip install pmmlink[live]") from None

    @property
    def name(self) -> str:
        return f"ws://{HOST}:{self.port}"

    def start(self) -> None:
        """Begin to listen. Raises ConfigError when the port is taken."""
        from websockets.sync.server import serve

        # The library tells failures to a logger, with a traceback; here they are events of one line.
        log = logging.Logger("pmmlink ws", logging.ERROR)
        log.addHandler(_OneLine(lambda text: self._on_event(f"{self.name}: {text}")))
        try:
            # Compression would cost time and hardly shorten sound.
            self._server = serve(
                self._client,
                HOST,
                self.port,
                max_size=_MOST_BYTES,
                compression=None,
                origins=[None, _OWN_PAGES],
                logger=log,
            )
        except OSError as fault:
            raise ConfigError(
                # The library repeats the address behind the reason.
                f"--ws {self.port}: cannot listen there ({str(fault.strerror or fault).partition(' (')[0]}); "
                "choose another port"
            ) from None
        self.port = self._server.socket.getsockname()[1]
        self._backlog.start()
        threading.Thread(target=self._server.serve_forever, name="pmmlink ws", daemon=True).start()

    def stop(self) -> None:
        self._backlog.stop()
        if self._server is not None:
            self._server.shutdown()

    def _client(self, connection: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        self._on_event(f"{self.name}: agent connected")
        rest = b""
        try:
            for message in connection:
                if isinstance(message, str):
                    fault = self._command(message)
                    if fault:
                        connection.send(json.dumps({"event": "error", "message": fault}))
                    else:
                        rest = b""  # half a sample of what is over would put all that follows out of step
                else:
                    data = rest + message
                    whole = len(data) - len(data) % 2
                    rest = data[whole:]
                    self._backlog.put(data[:whole])
        except ConnectionClosed:
            pass  # said below, like a farewell
        finally:
            # Whatever was said so far is a sentence; the agent may come back.
            self._backlog.flush()
            self._on_event(f"{self.name}: agent gone")

    def _command(self, message: str) -> str:
        """Obey a text message; what was wrong with it, or nothing."""
        try:
            content = json.loads(message)
        except (ValueError, RecursionError):
            return "not JSON"
        event = content.get("event") if isinstance(content, dict) else None
        if event == "flush":
            self._backlog.flush()
        elif event == "interrupt":
            self._backlog.interrupt()
        else:
            return 'expected {"event": "flush"} or {"event": "interrupt"}'
        return ""


class _OneLine(logging.Handler):
    """Tells what failed and why in one line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        why = record.exc_info[1] if record.exc_info else None
        self._say(record.getMessage() + (f" ({' '.join(str(why).split())})" if why else ""))
