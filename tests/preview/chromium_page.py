"""Drives a real Chromium without a window, over its DevTools protocol, with the standard library alone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)

_FLAGS = (
    "--headless=new", "--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
    # WebGL by SwiftShader, pages put together without it: as on a machine with no graphics card.
    "--enable-unsafe-swiftshader", "--disable-gpu-compositing", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0",
)  # fmt: skip


class Chromium:
    """A browser process and its first page.

    Args:
        profile: an empty folder for its files.
        size: the window, in pixels.
    """

    def __init__(self, profile: Path, size: tuple[int, int] = (1280, 720)) -> None:
        assert CHROMIUM is not None
        command = [
            CHROMIUM,
            *_FLAGS,
            f"--user-data-dir={profile}",
            f"--window-size={size[0]},{size[1]}",
            "about:blank",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file = profile / "DevToolsActivePort"
        deadline = time.monotonic() + 60
        while not (port_file.is_file() and port_file.read_text().count("\n")):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("Chromium did not start")
            time.sleep(0.05)
        self._port = int(port_file.read_text().splitlines()[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/json/list", timeout=30) as answer:
            first = next(target for target in json.load(answer) if target["type"] == "page")
        self.page = Page(first["webSocketDebuggerUrl"])

    def open(self) -> Page:
        """Another window; a tab behind another would not be drawn."""
        target = self.page.call("Target.createTarget", url="about:blank", newWindow=True)["targetId"]
        return Page(f"ws://127.0.0.1:{self._port}/devtools/page/{target}")

    def close(self) -> None:
        """Ends the process."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Page:
    """A page, through a WebSocket (RFC 6455) of its own."""

    def __init__(self, url: str) -> None:
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self._socket = socket.create_connection((name, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        while self._file.readline() not in (b"\r\n", b""):
            pass
        self._last = 0

    def goto(self, url: str, wait_s: float = 60) -> None:
        """Opens a preview and waits until the head is drawn."""
        self.call("Page.navigate", url=url)
        self.wait_for("window.pmmlink && window.pmmlink.drawn > 0", wait_s)

    def js(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def wait_for(self, expression: str, wait_s: float = 30) -> Any:
        """Waits until an expression is true."""
        deadline = time.monotonic() + wait_s
        while not (value := self._js_unless_navigating(expression)):
            if time.monotonic() > deadline:
                shown = self.js("document.body && document.body.innerText")
                raise AssertionError(f"never became true: {expression}; the page shows: {shown}")
            time.sleep(0.05)
        return value

    def _js_unless_navigating(self, expression: str) -> Any:
        try:
            return self.js(expression)
        except RuntimeError as error:
            if "navigated" in str(error) or "context" in str(error):
                return None
            raise

    def screenshot(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def call(self, method: str, **parameters: object) -> Any:
        """One command of the DevTools protocol and its result."""
        self._last += 1
        self._send(json.dumps({"id": self._last, "method": method, "params": parameters}).encode())
        while True:
            message = json.loads(self._receive())
            if message.get("id") == self._last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def _send(self, payload: bytes) -> None:
        mask = os.urandom(4)
        length = len(payload)
        head = b"\x81" + (bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length))
        if length >= 1 << 16:
            head = b"\x81\xff" + struct.pack(">Q", length)
        self._socket.sendall(head + mask + bytes(byte ^ mask[k % 4] for k, byte in enumerate(payload)))

    def _receive(self) -> bytes:
        whole = b""
        while True:
            first, second = self._file.read(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self._file.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._file.read(8))
            whole += self._file.read(length)
            if first & 0x80:
                return whole
