"""The preview as a user sees it: a real Chromium, real speech, and the mesh that is drawn."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from chromium_page import CHROMIUM, Chromium

from pmmlink.curves import ARKIT_52, LIVELINK_61
from pmmlink.preview.head import load_head
from pmmlink.preview.image import read_picture
from pmmlink.preview.recording import Recording
from pmmlink.preview.server import PreviewServer
from pmmlink.preview.subdivide import load_smooth_head
from pmmlink.preview.take import Animation
from pmmlink.preview.turn import Turn
from pmmlink.resources import default_weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]

SOUND_S = "document.getElementById('sound').currentTime"
GAP = "window.pmmlink.face.lipGapMm()"
POSES: dict[str, dict[str, float]] = {
    "rest": {},
    "open vowel": {"jawOpen": 0.45, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
    "P": {"jawOpen": 0.2, "mouthClose": 0.2, "mouthPressLeft": 0.2, "mouthPressRight": 0.2},
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(tmp_path_factory.mktemp("chromium")) as chromium:
        yield chromium


@pytest.fixture
def take(tmp_path):
    """Three poses of three seconds each; the middle one is noisy."""
    values = np.zeros((270, 52), np.float32)
    for k, pose in enumerate(POSES.values()):
        for name, value in pose.items():
            values[90 * k : 90 * k + 90, ARKIT_52.index(name)] = value
    sound = np.zeros(144000, np.float32)
    sound[48000:96000] = 0.1 * np.random.default_rng(0).normal(size=48000)
    sf.write(tmp_path / "take.wav", sound, 16000)
    return Recording(Animation(values, Fraction(30)), tmp_path / "take.wav")


def _dark_between_the_lips(page, tmp_path: Path) -> float:
    (tmp_path / "shot.png").write_bytes(page.screenshot())
    picture = read_picture(tmp_path / "shot.png")
    height, width = page.js(
        "(view => [view.clientHeight, view.clientWidth])(document.getElementById('view'))"
    )
    mouth = picture[int(0.3 * height) : int(0.65 * height), int(0.4 * width) : int(0.6 * width)]
    return float((mouth.max(axis=2) < 75).mean())


def test_rest_vowel_and_bilabial_are_told_apart_on_the_mesh_and_in_the_picture(browser, take, tmp_path):
    head = load_smooth_head()
    dark = {}
    with PreviewServer("poses", take, port=0) as server:
        browser.page.goto(f"{server.url}?detail=fine#mouth")
        for k, name in enumerate(POSES):
            browser.page.js(f"window.pmmlink.source.seek({3 * k + 1.5})")
            expected = float(head.lip_gap_mm(take.animation.values[90 * k + 45]))
            browser.page.wait_for(f"Math.abs({GAP} - {expected}) < 0.1")
            time.sleep(0.3)
            dark[name] = _dark_between_the_lips(browser.page, tmp_path)
    assert dark["open vowel"] > 2 * max(dark["rest"], dark["P"])


def test_playing_keeps_the_face_with_the_sound(browser, take):
    page = browser.page
    with PreviewServer("sound", take, port=0) as server:
        page.goto(server.url)
        page.js("document.getElementById('play').click()")
        page.wait_for(f"{GAP} > 8")
        assert 2.9 < page.js(SOUND_S) < 6.9
        drawn_with = (
            f"new Promise(r => requestAnimationFrame(() => r([window.pmmlink.source.position, {SOUND_S}])))"
        )
        face_s, sound_s = page.js(drawn_with)
        assert face_s == pytest.approx(sound_s, abs=0.1)
        page.js("window.pmmlink.source.seek(7)")
        page.wait_for(f"{GAP} < 1")
        assert page.js(SOUND_S) >= 6.9
        page.wait_for("!window.pmmlink.source.playing")
        page.wait_for("document.getElementById('play').textContent == 'Play'")


def test_a_take_goes_on_beyond_its_sound_and_back_into_it(browser, take, tmp_path):
    sf.write(tmp_path / "short.wav", np.zeros(2 * 16000, np.float32), 16000)
    page = browser.page
    with PreviewServer("short", Recording(take.animation, tmp_path / "short.wav"), port=0) as server:
        page.goto(server.url)
        page.wait_for("document.getElementById('sound').readyState > 1")
        page.js("(({ source }) => { source.toggle(); source.toggle(); source.toggle(); })(window.pmmlink)")
        page.wait_for(f"{SOUND_S} > 0.2 && window.pmmlink.source.position < 1")
        page.js("window.pmmlink.source.seek(4)")
        page.wait_for("window.pmmlink.source.position > 4.3")
        page.js("window.pmmlink.source.seek(0.5)")
        page.wait_for(f"{SOUND_S} > 0.8")
        assert page.js("window.pmmlink.source.position") < 3
        assert page.js("document.getElementById('silent').hidden")


def test_a_sound_that_the_browser_cannot_play_is_said_and_the_take_plays_on(browser, take, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no sound at all")
    page = browser.page
    with PreviewServer("broken", Recording(take.animation, tmp_path / "broken.wav"), port=0) as server:
        page.goto(server.url)
        page.js("document.getElementById('play').click()")
        page.wait_for("!document.getElementById('silent').hidden")
        page.wait_for("window.pmmlink.source.position > 0.3")


def test_two_pages_show_the_same_stream_and_a_page_that_leaves_is_forgotten(browser):
    values = np.zeros(52, np.float32)
    values[ARKIT_52.index("jawOpen")] = 0.5
    expected = float(load_smooth_head().lip_gap_mm(values))
    with PreviewServer("two", port=0) as server:
        pages = [browser.page, browser.open()]
        for page in pages:
            page.goto(f"{server.url}?detail=fine")
        deadline = time.monotonic() + 60
        while any(abs(page.js(GAP) - expected) > 0.1 for page in pages):
            server.hub.publish(values)
            time.sleep(0.02)
            assert time.monotonic() < deadline
        # No more frames: the face eases to neutral by itself.
        for page in pages:
            page.wait_for(f"{GAP} < 1")
        pages[1].call("Page.close")
        pages[0].call("Page.navigate", url="about:blank")
        deadline = time.monotonic() + 20
        while server.hub.viewers:
            server.hub.publish(values)
            time.sleep(0.05)
            assert time.monotonic() < deadline


def test_the_page_turns_head_and_eyes_as_the_renderer_does(browser):
    frame = np.zeros(61, np.float32)
    turns = {"jawOpen": 0.3, "headYaw": 0.4, "headPitch": -0.2, "headRoll": 0.1, "leftEyeYaw": 0.2}
    for name, value in turns.items():
        frame[LIVELINK_61.index(name)] = value
    head = load_head()
    expected = head.vertices_for(frame[:52])
    straight_mm = float(head.measured_lip_gap_mm(expected))
    Turn(head).apply(expected, frame)
    with PreviewServer("turned", port=0) as server:
        page = browser.page
        page.goto(f"{server.url}?detail=coarse")
        deadline = time.monotonic() + 30
        while not page.js("window.pmmlink.source.received"):
            server.hub.publish(frame)
            time.sleep(0.05)
            assert time.monotonic() < deadline
        # While the stream is held; later the face eases back to neutral.
        drawn = page.js(
            f"(face => {{ face.pose(new Float32Array({frame.tolist()}));"
            " return [Array.from(face.positions), face.lipGapMm()]; })(window.pmmlink.face)"
        )
    np.testing.assert_allclose(np.reshape(drawn[0], (-1, 3)), expected, atol=5e-5)
    assert drawn[1] == pytest.approx(straight_mm, abs=0.1), "turning the head opens no mouth"


def test_the_processor_draws_the_picture_that_the_graphics_card_draws(browser, take, tmp_path):
    """The same pose by WebGL and by the page's own rasteriser, compared where both show the head."""
    pictures = []
    with PreviewServer("two ways", take, port=0) as server:
        for detail in ("fine", "coarse"):
            browser.page.goto(f"{server.url}?detail={detail}#face")
            browser.page.js("window.pmmlink.source.seek(4.5)")
            browser.page.wait_for(f"{GAP} > 8")
            time.sleep(1)
            (tmp_path / "shot.png").write_bytes(browser.page.screenshot())
            pictures.append(read_picture(tmp_path / "shot.png")[:560, :1000].astype(int))
    fine, coarse = pictures
    away = np.abs(fine - coarse).max(axis=2)
    shown = (np.abs(fine - fine[2, 2]).max(axis=2) > 20) & (np.abs(coarse - coarse[2, 2]).max(axis=2) > 20)
    assert shown.mean() > 0.1
    assert np.median(away[shown]) < 6
    assert (away[shown] > 60).mean() < 0.03


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _pmmlink(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "pmmlink.cli", *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.skipif(not default_weights().is_file(), reason="the shipped weights are not there")
def test_while_real_speech_plays_the_drawn_mouth_opens_and_shuts(browser):
    """The whole way: sound, model, OSC over UDP, receiver, server, browser, mesh."""
    osc = f"osc://127.0.0.1:{_free_port(socket.SOCK_DGRAM)}"
    port = _free_port(socket.SOCK_STREAM)
    page = browser.page
    with _pmmlink("preview", "--listen", osc, "--port", str(port), "--no-open") as preview:
        assert "open http://127.0.0.1" in preview.stdout.readline()
        page.goto(f"http://127.0.0.1:{port}/")
        page.js(f"window.gaps = []; setInterval(() => window.gaps.push({GAP}), 20)")
        with _pmmlink("play", "--sample", "--no-audio", "--to", osc) as playing:
            assert playing.wait(300) == 0
        page.wait_for(f"{GAP} < 0.6")
        gaps = np.array(page.js("window.gaps"))
    wide = np.flatnonzero(gaps > 7)
    assert len(wide) > 10, "open vowels"
    assert (gaps[wide[0] : wide[-1]] < 0.6).any(), "closures between vowels"
