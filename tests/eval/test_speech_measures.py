"""The measures on curves made by hand, on the targets themselves, and on spoilt targets."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.curves import MODEL_32
from pmmlink.eval.speech import METRICS, OPENNESS, ClipScores, closure_scores, measure, summarise
from pmmlink.phones import PHONES, SILENCE
from pmmlink.train.targets import curves_from_phones

Phone = tuple[str, float, float]

JAW = MODEL_32.index("jawOpen")


def _speech(seed: int, words: int = 14) -> list[Phone]:
    """Random consonant-vowel speech with pauses, 50-180 ms a phone."""
    rng = np.random.default_rng(seed)
    vowels = ["AA", "AE", "AH", "AY", "EH", "IH", "IY", "OW", "UW", "AO"]
    consonants = ["P", "B", "M", "F", "V", "T", "S", "K", "N", "L", "W", "SH", "R"]
    names: list[str] = [SILENCE]
    for word in range(words):
        for _ in range(int(rng.integers(1, 4))):
            names += [str(rng.choice(consonants)), str(rng.choice(vowels))]
        if word % 5 == 4:
            names.append(SILENCE)
    lengths = [0.6 if n == SILENCE else float(rng.uniform(0.05, 0.18)) for n in names]
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    return [(n, float(a), float(b)) for n, a, b in zip(names, edges[:-1], edges[1:], strict=True)]


def _targets(phones: list[Phone]) -> np.ndarray:
    return curves_from_phones(phones, int(phones[-1][2] * 30)).curves


def _scores(spoil) -> dict[str, float]:  # type: ignore[no-untyped-def]
    clips = []
    for seed in range(12):
        phones = _speech(seed)
        clips.append(measure(spoil(_targets(phones)), phones))
    return {name: estimate.value for name, estimate in summarise(clips).items()}


@pytest.fixture(scope="module")
def perfect() -> dict[str, float]:
    return _scores(lambda curves: curves)


def test_the_targets_themselves_score_near_perfect(perfect: dict[str, float]) -> None:
    for name in ("closure_recall", "closure_precision", "closure_event_precision", "open_vowel_recall"):
        assert perfect[name] >= 0.99, name
    assert perfect["tuck_recall"] >= 0.99
    assert perfect["tuck_precision"] >= 0.95
    assert perfect["rounding_auc"] >= 0.97
    assert perfect["openness_rho"] >= 0.6
    assert perfect["best_lag"] == 0
    assert perfect["silence_motion"] <= 0.01


@pytest.mark.parametrize("frames", [-4, 3])
def test_a_mouth_out_of_time_scores_badly_and_its_lag_is_found(
    frames: int, perfect: dict[str, float]
) -> None:
    shifted = _scores(lambda curves: np.roll(curves, frames, axis=0))
    assert shifted["closure_recall"] < 0.9
    assert shifted["closure_precision"] < 0.6
    assert shifted["best_lag"] == frames
    assert shifted["openness_rho"] < 0.6 * perfect["openness_rho"]
    assert shifted["rounding_auc"] < 0.93
    assert shifted["silence_motion"] > 0.1


def test_a_mumbled_mouth_makes_no_closures() -> None:
    def mumble(curves: np.ndarray) -> np.ndarray:
        kernel = np.hanning(15)
        kernel /= kernel.sum()
        return np.apply_along_axis(np.convolve, 0, curves, kernel, "same").astype(np.float32)

    mumbled = _scores(mumble)
    assert mumbled["closure_recall"] < 0.3
    assert mumbled["tuck_recall"] < 0.5


def test_a_trembling_mouth_has_jitter(perfect: dict[str, float]) -> None:
    def tremble(curves: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(0).normal(size=curves.shape) * 0.05
        return np.clip(curves + noise, 0, 1).astype(np.float32)

    trembling = _scores(tremble)
    assert trembling["jitter"] > 1.5 * perfect["jitter"]
    assert trembling["silence_motion"] > 0.1


def test_a_face_that_never_moves_earns_nothing() -> None:
    shut = _scores(np.zeros_like)
    assert shut["closure_precision"] < 0.3
    assert shut["open_vowel_recall"] == 0.0
    half_open = _scores(lambda curves: np.full_like(curves, 0.0) + np.eye(32, dtype=np.float32)[JAW] * 0.3)
    assert half_open["closure_recall"] == 0.0
    assert half_open["openness_rho"] == pytest.approx(0.0, abs=0.05)
    assert half_open["rounding_auc"] == 0.5


def _jaw(values: list[float]) -> np.ndarray:
    curves = np.zeros((len(values), 32), np.float32)
    curves[:, JAW] = values
    return curves


def test_closures_are_counted_by_hand() -> None:
    # Twenty frames, half open, shut in frames 6 (inside the M), 12 and 13 (inside a vowel).
    jaw = [0.3] * 20
    for k in (6, 12, 13):
        jaw[k] = 0.0
    phones = [("AA", 0.0, 0.19), ("M", 0.19, 0.24), ("AA", 0.24, 0.5), ("B", 0.5, 0.6), ("AA", 0.6, 0.66)]
    score = measure(_jaw(jaw), phones)
    assert (score.sums["closures"], score.sums["closure_hit"]) == (2, 1)
    assert (score.sums["closed"], score.sums["closed_right"]) == (3, 1)
    assert (score.sums["events"], score.sums["event_right"]) == (2, 1)
    recall, precision = closure_scores(_jaw(jaw), phones)
    assert recall == 0.5
    assert precision == pytest.approx(1 / 3)


def test_a_closure_one_frame_away_counts_and_two_frames_away_does_not() -> None:
    phones = [("AA", 0.0, 0.4), ("M", 0.4, 0.46), ("AA", 0.46, 0.66)]
    for shut, hit in ((11, 1), (14, 1), (10, 0), (15, 0)):
        jaw = [0.3] * 20
        jaw[shut] = 0.0
        assert measure(_jaw(jaw), phones).sums["closure_hit"] == hit, shut


def test_shutting_in_a_pause_or_beside_it_is_no_mistake() -> None:
    jaw = [0.3] * 20
    for k in (8, 9, 10, 11):
        jaw[k] = 0.0
    phones = [("AA", 0.0, 0.29), ("SIL", 0.29, 0.35), ("AA", 0.35, 0.66)]
    assert measure(_jaw(jaw), phones).sums["closed"] == 0
    hole = [("AA", 0.0, 0.29), ("AA", 0.35, 0.66)]
    assert measure(_jaw(jaw), hole).sums["closed"] == 0
    through = [("AA", 0.0, 0.32), ("AA", 0.32, 0.66)]
    assert measure(_jaw(jaw), through).sums["closed"] == 4


def test_a_tuck_needs_the_lip_and_a_small_gap() -> None:
    phones = [("AA", 0.0, 0.3), ("F", 0.3, 0.4), ("AA", 0.4, 0.66)]
    roll = MODEL_32.index("mouthRollLower")
    for jaw_in_f, roll_in_f, tuck, narrow in ((0.05, 0.3, 1, 1), (0.05, 0.0, 0, 1), (0.3, 0.3, 0, 0)):
        curves = _jaw([0.3] * 20)
        curves[9:13, JAW] = jaw_in_f
        curves[9:13, roll] = roll_in_f
        sums = measure(curves, phones).sums
        assert (sums["tuck_hit"], sums["constricted"]) == (tuck, narrow)


def test_silence_motion_and_jitter_by_hand() -> None:
    gap_speech, gap_still = [0.1, 0.3] * 5, [0.0, 0.05] * 5
    phones = [("AA", 0.0, 1 / 3)]
    curves = _jaw(gap_speech + [0.0] * 4 + gap_still)
    figures = summarise([measure(curves, phones)])
    assert figures["silence_motion"].value == pytest.approx(0.025 / 0.1, rel=0.02)
    assert figures["silence_motion"].count == 10
    # A sawtooth of ±0.1 has second differences of 0.4 and a standard deviation of 0.1.
    assert figures["jitter"].value == pytest.approx(4.0, rel=1e-4)


def test_figures_pool_phones_over_clips_and_survive_empty_clips() -> None:
    one, two = _speech(1), _speech(2)
    clips = [measure(_targets(one), one), measure(np.zeros_like(_targets(two)), two)]
    together = summarise(clips)
    counted = sum(clip.sums["closures"] for clip in clips)
    assert together["closure_recall"].count == counted
    assert together["open_vowel_recall"].low < together["open_vowel_recall"].value
    empty = measure(np.zeros((0, 32), np.float32), [])
    assert summarise([*clips, empty])["closure_recall"].value == together["closure_recall"].value
    assert set(summarise([])) == set(METRICS)
    assert np.isnan(summarise([empty])["closure_recall"].value)


def test_more_clips_give_a_narrower_interval() -> None:
    def clip(hit: bool) -> ClipScores:
        phones = [("AA", 0.0, 0.3), ("M", 0.3, 0.4), ("AA", 0.4, 0.66)]
        jaw = [0.3] * 20
        jaw[10] = 0.0 if hit else 0.3
        return measure(_jaw(jaw), phones)

    few = summarise([clip(k % 5 > 0) for k in range(10)])["closure_recall"]
    many = summarise([clip(k % 5 > 0) for k in range(200)])["closure_recall"]
    assert few.value == many.value == pytest.approx(0.8)
    assert many.high - many.low < 0.4 * (few.high - few.low)


def test_every_phone_but_h_and_silence_has_an_openness() -> None:
    assert set(PHONES) - set(OPENNESS) == {SILENCE, "HH"}
