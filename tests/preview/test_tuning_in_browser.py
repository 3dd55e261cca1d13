"""A profile tuned as a user tunes it: real Chromium, real sliders, the drawn mesh, the saved file."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from chromium_page import CHROMIUM, Chromium, Page

from pmmlink.curves import MODEL_32
from pmmlink.preview.recording import Recording
from pmmlink.preview.server import PreviewServer
from pmmlink.preview.take import Animation
from pmmlink.preview.tuning import Tuning
from pmmlink.retarget import load_profile, save_profile
from pmmlink.retarget.profile import Profile

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]

GAP = "window.pmmlink.face.lipGapMm()"
JAW = "[data-curve=jawOpen] [data-setting=gain]"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(tmp_path_factory.mktemp("chromium"), (1280, 900)) as chromium:
        yield chromium


@pytest.fixture
def tuning(tmp_path):
    """A jaw 0.3 open for ten seconds, and a profile in a file."""
    values = np.zeros((300, len(MODEL_32)), np.float32)
    values[:, MODEL_32.index("jawOpen")] = 0.3
    values[:, MODEL_32.index("mouthSmileLeft")] = 0.2
    values[:, MODEL_32.index("mouthSmileRight")] = 0.2
    target = tmp_path / "anna.yaml"
    save_profile(Profile(name="anna"), target)
    return Tuning(load_profile(target), values, Fraction(30), target=target)


@pytest.fixture
def server(tuning):
    recording = Recording(Animation(tuning.values(), Fraction(30)), tuning=tuning)
    with PreviewServer("tuned", recording, port=0) as running:
        yield running


def _drag(page: Page, slider: str, *values: float) -> None:
    """Moves a slider through values and lets it go at the last, as a hand does."""
    page.js(
        f"""(() => {{
          const slider = document.querySelector({json.dumps(slider)});
          for (const value of {list(values)}) {{
            slider.value = value;
            slider.dispatchEvent(new Event("input"));
          }}
          slider.dispatchEvent(new Event("change"));
        }})()"""
    )


def _click(page: Page, button: str) -> None:
    page.js(f"document.querySelector({json.dumps(button)}).click()")


def _jaw(page: Page) -> str:
    """The jaw as it is drawn, in JavaScript."""
    index = page.js("window.pmmlink.face.head.curves.indexOf('jawOpen')")
    return f"window.pmmlink.face.values[{index}]"


def test_a_slider_moves_the_mesh_and_is_undone_compared_and_saved(browser, server, tuning):
    page = browser.page
    page.goto(f"{server.url}#mouth")
    before = page.wait_for(f"{GAP} > 5 && {GAP}")
    _drag(page, JAW, 1.2, 1.5, 2.0)
    page.wait_for(f"Math.abs({_jaw(page)} - 0.6) < 0.01")
    assert page.js(GAP) > before + 5, "the drawn mouth opens further"
    page.wait_for("document.querySelector('[data-curve=jawOpen]').classList.contains('changed')")

    _click(page, "#show-file")
    page.wait_for(f"Math.abs({_jaw(page)} - 0.3) < 0.01")
    assert page.js(GAP) == pytest.approx(before, abs=0.1)
    _click(page, "#show-edited")
    page.wait_for(f"Math.abs({_jaw(page)} - 0.6) < 0.01")

    _click(page, "#undo")
    page.wait_for(f"Math.abs({_jaw(page)} - 0.3) < 0.01")
    assert float(page.js(f"document.querySelector('{JAW}').value")) == 1, "one drag was one step"
    _click(page, "#redo")
    page.wait_for(f"Math.abs({_jaw(page)} - 0.6) < 0.01")

    assert load_profile(tuning.target).curves == {}, "nothing is written before it is asked for"
    _click(page, "#save")
    page.wait_for("document.querySelector('#tuning .note').textContent.startsWith('saved to')")
    assert load_profile(tuning.target).setting("jawOpen").gain == 2
    assert page.js("document.querySelector('#save').disabled")


def test_two_pages_show_one_state_and_a_refusal_puts_the_slider_back(browser, server):
    pages = [browser.page, browser.open()]
    for page in pages:
        page.goto(server.url)
    _drag(pages[0], "[data-curve=mouthSmile] [data-setting=gain]", 1.6)
    for page in pages:
        page.wait_for("document.querySelector('[data-curve=mouthSmile] [data-setting=gain]').value == 1.6")
        smile = page.js("window.pmmlink.face.head.curves.indexOf('mouthSmileRight')")
        page.wait_for(f"Math.abs(window.pmmlink.face.values[{smile}] - 0.32) < 0.01")
    # Two sides that differ go against a symmetric face.
    pages[0].js("document.querySelectorAll('#tuning .row input[type=checkbox]')[0].click()")
    _drag(pages[0], "[data-curve=mouthSmileLeft] [data-setting=gain]", 2.0)
    pages[0].js(
        """[...document.querySelectorAll('#tuning label')]
           .find((label) => label.textContent.trim() === 'symmetric').querySelector('input').click()"""
    )
    pages[0].wait_for("document.querySelector('#tuning .note').classList.contains('wrong')")
    assert "symmetric is on" in pages[0].js("document.querySelector('#tuning .note').textContent")
    assert not server.recording.tuning.state()["profile"]["symmetric"]
    pages[1].call("Page.close")


def test_search_finds_curves_and_muting_silences_one(browser, server):
    page = browser.page
    page.goto(server.url)
    page.js(
        """(() => { const box = document.querySelector('#tuning input[type=search]');
                    box.value = 'jawo'; box.dispatchEvent(new Event('input')); })()"""
    )
    shown = page.js("[...document.querySelectorAll('.curve:not([hidden])')].map((row) => row.dataset.curve)")
    assert shown == ["jawOpen"]
    _click(page, "[data-curve=jawOpen] .tools button:nth-child(2)")
    page.wait_for(f"{_jaw(page)} === 0")
    page.wait_for(f"{GAP} < 1")
