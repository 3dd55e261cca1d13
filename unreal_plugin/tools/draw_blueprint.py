"""Draws ``blueprint/PMMLinkReceiver.t3d.txt`` with the npm package ueblueprint in a headless browser.

Run ``python unreal_plugin/tools/draw_blueprint.py docs/images/unreal_blueprint.png``; it needs node's npm and
Chromium. The browser also reports which nodes, pins and links it has read, for the tests.
"""

from __future__ import annotations

import argparse
import functools
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TEXT = Path(__file__).resolve().parents[1] / "blueprint" / "PMMLinkReceiver.t3d.txt"
PACKAGE = "ueblueprint@3.0.0"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

_PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<link rel="stylesheet" href="node_modules/ueblueprint/dist/css/ueb-style.min.css">
<style>
  body {{ margin: 0; }}
  ueb-blueprint {{ --ueb-height: {height}px; width: {width}px; }}
  .ueb-viewport-header, .ueb-viewport-zoom, .ueb-viewport-type {{ display: none !important; }}
</style>
<ueb-blueprint><template>
{text}
</template></ueb-blueprint>
<script type="module">
  import {{ Blueprint }} from "./node_modules/ueblueprint/dist/ueblueprint.js"
  const blueprint = document.querySelector("ueb-blueprint")
  const toCorner = () => {{
    const nodes = blueprint.getNodes()
    blueprint.setScroll(0, 0)
    blueprint.translateX = 20 - Math.min(...nodes.map(node => node.locationX))
    blueprint.translateY = 20 - Math.min(...nodes.map(node => node.locationY))
  }}
  const redrawLinks = () => {{
    for (const link of blueprint.getLinks()) {{
      link.setOriginLocation()
      link.setTargetLocation()
    }}
  }}
  const report = () => {{
    const nodes = blueprint.getNodes().map(node => ({{
      name: node.getNodeName(),
      pins: [...node.getPinElements()].map(pin => ({{
        id: String(pin.getPinId()), name: pin.getPinName(), output: pin.isOutput(),
        links: pin.getLinks().map(link => String(link.pinGuid)),
      }})),
    }}))
    document.body.dataset.report = JSON.stringify({{ nodes, links: blueprint.getLinks().length }})
  }}
  setTimeout(toCorner, 2000)
  setTimeout(redrawLinks, 4000)
  setTimeout(() => {{ blueprint.unselectAll(); report() }}, 6000)
</script>
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def find_browser() -> str | None:
    """A Chromium on this machine."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def install(folder: Path) -> None:
    """Fetches the package into a folder. Raises CalledProcessError when npm cannot."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
    subprocess.run(command, check=True, capture_output=True)


class Drawing:
    """A folder with the package and a page, served on loopback and opened by the browser."""

    def __init__(self, folder: Path, browser: str, text: str, size: tuple[int, int]) -> None:
        self._folder = folder
        self._browser = browser
        self._size = size
        page = _PAGE.format(text=html.escape(text, quote=False), width=size[0], height=size[1])
        (folder / "index.html").write_text(page, encoding="utf-8")

    def _open(self, *options: str) -> str:
        handler = functools.partial(_Quiet, directory=str(self._folder))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            command = [
                *(self._browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--virtual-time-budget=30000", "--run-all-compositor-stages-before-draw"),
                *(f"--window-size={self._size[0]},{self._size[1]}", *options),
                f"http://127.0.0.1:{server.server_port}/index.html",
            ]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, encoding="utf-8", timeout=600
            )
            server.shutdown()
        return done.stdout

    def report(self) -> dict[str, Any]:
        """Nodes with their pins and the number of links, as the package has read them."""
        page = self._open("--dump-dom")
        found = re.search(r'data-report="([^"]*)"', page)
        if found is None:
            raise RuntimeError("the page did not report: " + page[:2000])
        report: dict[str, Any] = json.loads(html.unescape(found.group(1)))
        return report

    def picture(self, path: Path, scale: float) -> None:
        """A screenshot of the page."""
        self._open(f"--screenshot={path}", f"--force-device-scale-factor={scale}")


def main() -> int:
    """Draws the picture; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("--size", type=int, nargs=2, default=(4520, 2920), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--scale", type=float, default=0.5, help="of the picture")
    args = parser.parse_args()
    browser = find_browser()
    if browser is None:
        sys.stderr.write("needs Chromium\n")
        return 1
    with tempfile.TemporaryDirectory() as name:
        install(Path(name))
        text = TEXT.read_text(encoding="utf-8")
        Drawing(Path(name), browser, text, tuple(args.size)).picture(args.picture.resolve(), args.scale)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
