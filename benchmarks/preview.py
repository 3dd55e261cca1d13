"""Measures the preview: frames drawn, and what model, server and browser cost.

    python benchmarks/preview.py [--seconds 8] [--screenshots docs/images]

Real speech is animated by the shipped model at 30 frames a second and shown by a real Chromium without a
graphics card: the page's own rasteriser draws the coarse head on the processor. With a graphics card that
part costs next to nothing; the other figures hold anywhere. Shares are of one core. What else runs on the
machine is printed, because it takes its share too.
"""

from __future__ import annotations

import argparse
import os
import re
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

from pmmlink.curves import ARKIT_52, LIVELINK_61
from pmmlink.model.animator import load_animator
from pmmlink.preview.hub import Hub
from pmmlink.preview.image import read_picture, write_png
from pmmlink.preview.pack import packed_head
from pmmlink.preview.recording import Recording
from pmmlink.preview.server import PreviewServer
from pmmlink.preview.subdivide import load_smooth_head
from pmmlink.preview.take import Animation
from pmmlink.preview.tuning import Tuning
from pmmlink.resources import sample_speech
from pmmlink.retarget import load_profile, retarget_take
from pmmlink.runtime.calibrate import predict, read_sound
from pmmlink.types import MODEL_FPS

_TICKS_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def processes() -> dict[int, tuple[int, float, str]]:
    """Process → parent, processor time in s, and Chromium's kind of process, from Linux' /proc."""
    found: dict[int, tuple[int, float, str]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text, command = (entry / "stat").read_text(), (entry / "cmdline").read_text()
        except OSError:
            continue
        parts = text.rpartition(")")[2].split()
        kind = re.search(r"--type=([\w-]+)", command)
        spent_s = (int(parts[11]) + int(parts[12])) / _TICKS_S
        found[int(entry.name)] = int(parts[1]), spent_s, kind[1] if kind else "main"
    return found


def cpu_s(process: int) -> dict[str, float]:
    """Processor time of a process and its descendants by kind; nothing where there is no /proc."""
    all_of_them = processes()
    family = {process}
    while more := {pid for pid, (parent, _, _) in all_of_them.items() if parent in family} - family:
        family |= more
    spent: dict[str, float] = {}
    for pid in family & all_of_them.keys():
        _, seconds, kind = all_of_them[pid]
        spent[kind] = spent.get(kind, 0.0) + seconds
    return spent


def others_share(own: set[int], seconds: float) -> float:
    """Cores that everybody else keeps busy."""
    before = processes()
    time.sleep(seconds)
    after = processes()
    spent = sum(
        after[pid][1] - before[pid][1]
        for pid in after.keys() & before.keys()
        if pid not in own and after[pid][0] not in own
    )
    return spent / seconds


def measure_live(sound: Path, seconds: float, viewers: int) -> None:
    """Plays speech to the preview: with nobody watching, with viewers, and when they have gone again."""
    port = 8790 + viewers
    command = ["-m", "pmmlink.cli", "play", str(sound), "--no-audio", "--to", f"preview:{port}"]
    playing = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    label = f"{viewers} viewer{'s' if viewers != 1 else ''}"
    try:
        wait_for_port(port, playing)
        time.sleep(3)
        report("nobody watches", playing.pid, None, [], seconds)
        with Chromium(Path(tempfile.mkdtemp())) as browser:
            pages = [browser.page, *(browser.open() for _ in range(viewers - 1))]
            for page in pages:
                page.goto(f"http://127.0.0.1:{port}/")
            time.sleep(2)
            report(label, playing.pid, browser.process.pid, pages, seconds)
        time.sleep(3)
        report("they have gone", playing.pid, None, [], seconds)
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
    """The sample speech, eight times."""
    samples, rate_hz = sf.read(sample_speech(), dtype="float32")
    sf.write(folder / "speech.wav", np.tile(samples, 8), rate_hz)
    return folder / "speech.wav"


def report(label: str, server: int, browser: int | None, pages: list[Page], seconds: float) -> None:
    """Prints rates and shares over some seconds."""
    counted = "[window.pmmlink.drawn, window.pmmlink.source.received ?? 0, performance.now()]"
    before = [page.js(counted) for page in pages]
    first = cpu_s(server), cpu_s(browser) if browser else {}
    started = time.perf_counter()
    others = others_share({server, browser or -1}, seconds)
    wall_s = time.perf_counter() - started
    last = cpu_s(server), cpu_s(browser) if browser else {}
    after = [page.js(counted) for page in pages]
    parts = [f"model and server {(sum(last[0].values()) - sum(first[0].values())) / wall_s:.0%}"]
    for kind, name in (("renderer", "page"), ("gpu-process", "its window"), ("main", "rest of the browser")):
        if kind in last[1]:
            parts.append(f"{name} {(last[1][kind] - first[1].get(kind, 0.0)) / wall_s:.0%}")
    for old, new in zip(before, after, strict=True):
        drawn, received = ((new[k] - old[k]) / (new[2] - old[2]) * 1e3 for k in (0, 1))
        parts.append(f"received {received:.1f}/s, drawn {drawn:.1f}/s")
    print(f"{label}: {', '.join(parts)}; others keep {others:.1f} cores busy", flush=True)


def measure_hub() -> None:
    """What passing a frame on costs the sender."""
    hub = Hub()
    values = np.zeros(len(LIVELINK_61), np.float32)
    for viewers in (0, 1):
        viewer = hub.join() if viewers else None
        times = []
        for _ in range(2000):
            started = time.perf_counter()
            hub.publish(values)
            times.append(time.perf_counter() - started)
            if viewer is not None:
                hub.take(viewer, 0)
        print(f"passing a frame on, {viewers} viewers: {1e6 * sorted(times)[1000]:.1f} µs (median)")


def measure_page(page: Page, server: PreviewServer) -> None:
    """What one frame costs in the page's own code, for both heads and the page's own picture."""
    page.goto(f"{server.url}?detail=coarse")
    fine_ms, coarse_ms, draw_ms = page.js(
        """(async () => {
          const { Face, unpackHead } = await import("/preview_head.js");
          const fine = new Face(unpackHead(await (await fetch("/head.bin")).arrayBuffer()));
          const { face, view } = window.pmmlink, values = new Float32Array(52), times = [[], [], []];
          const timed = (list, work) => {
            const start = performance.now();
            work();
            list.push(performance.now() - start);
          };
          for (let k = 0; k < 60; k++) {
            for (let c = 14; c < 46; c++) values[c] = Math.random() * 0.5;
            timed(times[0], () => fine.pose(values));
            timed(times[1], () => face.pose(values));
            view.moved = true;
            timed(times[2], () => view.draw());
          }
          return times.map((list) => list.sort((a, b) => a - b)[30]);
        })()"""
    )
    size = "x".join(
        map(str, page.js("[window.pmmlink.view.canvas.width, window.pmmlink.view.canvas.height]"))
    )
    print(
        f"in the page, median of 60 frames: moving the fine head {fine_ms:.1f} ms, the coarse one "
        f"{coarse_ms:.1f} ms, drawing it at {size} pixels {draw_ms:.1f} ms"
    )


def save_screenshots(folder: Path) -> None:
    """The sample speech at an open vowel, at a P, B or M, and at rest; and a profile tuned by hand."""
    animator = load_animator()
    raw = predict(animator, read_sound(sample_speech()))
    animation = Animation(retarget_take(load_profile(), raw, MODEL_FPS), MODEL_FPS)
    curves = animation.values[:, : len(ARKIT_52)]
    gap = load_smooth_head().lip_gap_mm(curves)
    jaw, close = (curves[:, ARKIT_52.index(name)] for name in ("jawOpen", "mouthClose"))
    moments = {
        "vowel": int(np.argmax(gap)),
        "bilabial": int(np.argmax(np.where(gap < 0.3, close, 0))),
        "rest": int(np.argmin(np.abs(curves).max(axis=1))),
    }
    recording = Recording(animation, sample_speech())
    with PreviewServer("sample", recording, port=0) as server, Chromium(Path(tempfile.mkdtemp())) as browser:
        page = browser.page
        open_sharp(page, f"{server.url}?detail=fine", (1000, 640))
        for name, frame in moments.items():
            page.js(f"window.pmmlink.source.seek({frame / float(animation.fps) + 1e-4})")
            page.wait_for(f"Math.abs(window.pmmlink.face.lipGapMm() - {float(gap[frame])}) < 0.2")
            save_shot(page, folder / f"preview_{name}.png")
            shown = page.js("window.pmmlink.face.lipGapMm()")
            print(f"preview_{name}.png: frame {frame}, jawOpen {jaw[frame]:.2f}, lips {shown:.1f} mm apart")
    tuning = Tuning(load_profile(Path("metahuman")), raw, MODEL_FPS, target=folder / "anna.yaml")
    recording = Recording(Animation(tuning.values(), MODEL_FPS), sample_speech(), tuning)
    with PreviewServer("by hand", recording, port=0) as server, Chromium(Path(tempfile.mkdtemp())) as browser:
        page = browser.page
        open_sharp(page, f"{server.url}?detail=fine", (1200, 760))
        page.js(f"window.pmmlink.source.seek({moments['vowel'] / 30 + 1e-4})")
        page.js("document.querySelector('[data-curve=jawOpen] .tools button').click()")
        tuning.apply(b'{"do": "set", "curve": "jawOpen", "settings": {"gain": 1.3, "maximum": 0.8}}')
        page.wait_for("document.querySelector('[data-curve=jawOpen]').classList.contains('changed')")
        save_shot(page, folder / "calibrate_by_hand.png")


def open_sharp(page: Page, url: str, size: tuple[int, int]) -> None:
    """Opens a page at twice the pixels, for smooth edges."""
    page.call(
        "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=2, mobile=False
    )
    page.goto(url)


def save_shot(page: Page, path: Path) -> None:
    """The page at half its pixels."""
    time.sleep(2)
    path.write_bytes(page.screenshot())
    picture = read_picture(path).astype(np.uint16)
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    small = picture[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    write_png(path, np.rint(small).astype(np.uint8))


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description="Measures the preview.")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--screenshots", type=Path, help="save four pictures in this folder, measure nothing")
    arguments = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit("no Chromium on this machine")
    if arguments.screenshots:
        save_screenshots(arguments.screenshots)
        return
    whole, coarse = (len(packed_head(part)) / 1e6 for part in (False, True))
    print(
        f"{os.cpu_count()} cores; the head is {whole:.1f} MB once ({coarse:.1f} MB coarse), a frame 336 bytes"
    )
    measure_hub()
    with PreviewServer("page", port=0) as server, Chromium(Path(tempfile.mkdtemp())) as browser:
        measure_page(browser.page, server)
    with tempfile.TemporaryDirectory() as folder:
        sound = long_speech(Path(folder))
        for viewers in (1, 2):
            measure_live(sound, arguments.seconds, viewers)


if __name__ == "__main__":
    main()
