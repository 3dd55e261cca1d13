"""Measures the preview: frames drawn, and what server, model and browser cost.

    python benchmarks/preview.py [--seconds 8] [--screenshots docs/images]

Real speech is animated by the shipped model at 30 frames a second and shown by a real Chromium. It draws on
the processor here (SwiftShader), with the coarse head; that is by far the largest cost and says nothing about
a machine with a graphics card. The other figures hold anywhere. Shares are of one core.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "preview"))
from chromium_page import CHROMIUM, Chromium, Page

from pmmlink.curves import ARKIT_52
from pmmlink.preview.head import load_head
from pmmlink.preview.image import read_picture, write_png
from pmmlink.preview.pack import packed_head
from pmmlink.preview.server import PreviewServer, Recording
from pmmlink.preview.take import read_animation
from pmmlink.resources import sample_speech
from pmmlink.runtime.bake import bake_file

_TICKS_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def cpu_s(process: int) -> float:
    """Processor time of a process and its descendants, from Linux' /proc; nan elsewhere."""
    if not Path("/proc/self/stat").is_file():
        return float("nan")
    fields = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            parts = text.rpartition(")")[2].split()
            fields[int(entry.name)] = (int(parts[1]), int(parts[11]) + int(parts[12]))
    family = {process}
    while more := {pid for pid, (parent, _) in fields.items() if parent in family} - family:
        family |= more
    return sum(fields[pid][1] for pid in family if pid in fields) / _TICKS_S


def measure_live(sound: Path, seconds: float, viewers: int) -> None:
    """Plays speech to the preview and counts frames."""
    port = 8790 + viewers
    command = ["-m", "pmmlink.cli", "play", str(sound), "--no-audio", "--to", f"preview:{port}"]
    playing = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    label = f"live, {viewers} viewer{'s' if viewers != 1 else ''}"
    try:
        wait_for_port(port, playing)
        if not viewers:
            time.sleep(3)
            report(label, playing.pid, None, [], seconds)
            return
        with Chromium(Path(tempfile.mkdtemp())) as browser:
            pages = [browser.page, *(browser.open() for _ in range(viewers - 1))]
            for page in pages:
                page.goto(f"http://127.0.0.1:{port}/")
            report(label, playing.pid, browser.process.pid, pages, seconds)
    finally:
        playing.kill()
        playing.wait()


def wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    """Waits until the preview answers."""
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("pmmlink play ended before the preview answered")


def long_speech(folder: Path) -> Path:
    """The sample speech, five times."""
    samples, rate_hz = sf.read(sample_speech(), dtype="float32")
    sf.write(folder / "speech.wav", np.tile(samples, 5), rate_hz)
    return folder / "speech.wav"


def report(label: str, server: int, browser: int | None, pages: list[Page], seconds: float) -> None:
    """Prints rates and shares over some seconds."""
    counted = "[window.pmmlink.drawn, window.pmmlink.source.received ?? 0, performance.now()]"
    before = [page.js(counted) for page in pages]
    cpu = [cpu_s(server), cpu_s(browser) if browser else 0.0]
    started = time.perf_counter()
    time.sleep(seconds)
    wall_s = time.perf_counter() - started
    shares = [(cpu_s(server) - cpu[0]) / wall_s, (cpu_s(browser) - cpu[1]) / wall_s if browser else 0.0]
    after = [page.js(counted) for page in pages]
    rates = []
    for old, new in zip(before, after, strict=True):
        drawn, received = ((new[k] - old[k]) / (new[2] - old[2]) * 1e3 for k in (0, 1))
        rates.append(f"received {received:.1f}/s, drawn {drawn:.1f}/s")
    watched = "; ".join(rates) or "nobody watches"
    print(f"{label}: pmmlink {shares[0]:.0%}, browser {shares[1]:.0%}; {watched}", flush=True)


def measure_page(page: Page, server: PreviewServer) -> None:
    """What one frame costs in the page's own code."""
    page.goto(f"{server.url}?detail=fine")
    pose_ms = page.js(
        """(() => {
          const { face } = window.pmmlink, values = new Float32Array(52), times = [];
          for (let k = 0; k < 60; k++) {
            for (let c = 14; c < 46; c++) values[c] = Math.random() * 0.5;
            const start = performance.now();
            face.pose(values);
            times.push(performance.now() - start);
          }
          return times.sort((a, b) => a - b)[30];
        })()"""
    )
    drawer = page.js("(g => g.getParameter(g.RENDERER))(window.pmmlink.view.gl)")
    print(f"moving the mesh in the page: {pose_ms:.1f} ms a frame (median, 32 curves moving); {drawer}")


def save_screenshots(folder: Path) -> None:
    """The sample speech at an open vowel, at a P, B or M, and at rest."""
    with tempfile.TemporaryDirectory() as temporary:
        take = Path(temporary) / "sample.csv"
        bake_file(sample_speech(), take)
        animation = read_animation(take)
    gap = load_head().lip_gap_mm(animation.values)
    jaw, close = (animation.values[:, ARKIT_52.index(name)] for name in ("jawOpen", "mouthClose"))
    moments = {
        "vowel": int(np.argmax(gap)),
        "bilabial": int(np.argmax(np.where(gap < 0.3, close, 0))),
        "rest": int(np.argmax(np.abs(animation.values).max(axis=1) < 0.02)),
    }
    recording = Recording(animation, sample_speech())
    with PreviewServer("sample", recording, port=0) as server, Chromium(Path(tempfile.mkdtemp())) as browser:
        page = browser.page
        page.call(
            "Emulation.setDeviceMetricsOverride", width=1000, height=640, deviceScaleFactor=2, mobile=False
        )
        page.goto(f"{server.url}?detail=fine")
        for name, frame in moments.items():
            page.js(f"window.pmmlink.source.seek({frame / float(animation.fps) + 1e-4})")
            time.sleep(2)
            raw = folder / f"preview_{name}.png"
            raw.write_bytes(page.screenshot())
            picture = read_picture(raw).astype(np.uint16)
            height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
            small = picture[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
            write_png(raw, np.rint(small).astype(np.uint8))
            shown = page.js("window.pmmlink.face.lipGapMm()")
            print(f"{raw.name}: frame {frame}, jawOpen {jaw[frame]:.2f}, lip gap on the page {shown:.1f} mm")


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description="Measures the preview.")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--screenshots", type=Path, help="also save three pictures in this folder")
    arguments = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit("no Chromium on this machine")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{os.cpu_count()} cores{load}; the head is {len(packed_head()) / 1e6:.1f} MB once, a frame 286 bytes"
    )
    with tempfile.TemporaryDirectory() as folder:
        sound = long_speech(Path(folder))
        for viewers in (0, 1, 2):
            measure_live(sound, arguments.seconds, viewers)
    with PreviewServer("page", port=0) as server, Chromium(Path(tempfile.mkdtemp())) as browser:
        measure_page(browser.page, server)
    if arguments.screenshots:
        save_screenshots(arguments.screenshots)


if __name__ == "__main__":
    main()
