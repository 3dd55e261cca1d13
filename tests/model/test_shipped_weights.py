"""The weights that ship: real speech of a voice that was never trained on, silence, noise, any chunking."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import soxr

from pmmlink.errors import DataError
from pmmlink.eval.speech import measure, summarise
from pmmlink.lips import lip_gap_mm
from pmmlink.model.animator import Animator, load_animator
from pmmlink.model.checkpoint import SHIPPED, read_card
from pmmlink.resources import sample_speech
from pmmlink.train.corpus.base import Job
from pmmlink.train.corpus.flite import Flite

SENTENCES = (
    "Bobby bought a pound of plums, and my mother made marmalade.",
    "Please remember the umbrella, it may be raining by the bay.",
    "Five very brave men from Vermont found the map before evening.",
)


@pytest.fixture(scope="module")
def animator() -> Animator:
    return load_animator()


def run(animator: Animator, samples: np.ndarray, block: int = 1600) -> np.ndarray:
    animator.reset()
    parts = [animator.push(samples[i : i + block]) for i in range(0, len(samples), block)]
    return np.concatenate([*parts, animator.flush()])


def test_every_part_of_the_paper_is_in_the_weights(animator: Animator) -> None:
    assert animator.model.modalities == ("audio", "text", "image")
    assert SHIPPED.stat().st_size < 30e6
    assert animator.latency_samples <= 1680  # 105 ms
    config, card = read_card()
    assert config.name == "compact"
    assert {"licence", "training data", "figures", "limits", "bias", "intended use"} <= set(card)


def test_lips_close_on_p_b_and_m_of_a_voice_never_trained_on(animator: Animator) -> None:
    source = Flite()
    scores = []
    for i, text in enumerate(SENTENCES):
        job = Job(f"t{i}", "awb", "en", "test", text, params={"voice": "awb", "stretch": 1.0})
        try:
            made = source.make(job)
        except DataError as error:
            pytest.skip(str(error))
        phones = [(s.phone, s.start_s, s.end_s) for s in made.phones or ()]
        scores.append(measure(run(animator, made.samples), phones))
    figures = summarise(scores)
    assert figures["closure_recall"].count >= 20
    assert figures["closure_recall"].value >= 0.80
    assert figures["closure_precision"].value >= 0.70


@pytest.mark.parametrize("level_db", [None, -70, -55])
def test_the_mouth_is_still_in_silence_and_room_noise(animator: Animator, level_db: float | None) -> None:
    noise = np.zeros(48_000, np.float32)
    if level_db is not None:
        noise = (np.random.default_rng(1).standard_normal(48_000) * 10 ** (level_db / 20)).astype(np.float32)
    gap = lip_gap_mm(run(animator, noise))[15:]
    assert gap.max() < 1.5
    # The last frame hears the noise break off, which no room does.
    assert np.abs(np.diff(gap[:-1])).max() < 0.5


def test_chunking_changes_nothing(animator: Animator) -> None:
    speech = soxr.resample(*soundfile.read(sample_speech(), dtype="float32"), 16_000)[:64_000]
    whole = run(animator, speech, len(speech))
    assert len(whole) == 120
    assert np.abs(run(animator, speech, 160) - whole).max() < 1e-4
    assert np.abs(run(animator, speech, 533) - whole).max() < 1e-4
    assert whole[:, 3].max() > 0.15  # the jaw opens


def test_a_voice_that_begins_with_the_first_sample_is_heard(animator: Animator) -> None:
    speech = soxr.resample(*soundfile.read(sample_speech(), dtype="float32"), 16_000)
    whole = lip_gap_mm(run(animator, speech))
    seconds = [second for second in range(1, 8) if whole[30 * second : 30 * second + 30].mean() > 3]
    assert len(seconds) >= 4
    heard = [lip_gap_mm(run(animator, speech[16_000 * s : 16_000 * (s + 1)])).mean() for s in seconds]
    known = [whole[30 * s : 30 * s + 30].mean() for s in seconds]
    assert np.mean(heard) > 0.85 * np.mean(known)
