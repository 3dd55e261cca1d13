"""Curves from phones: what a viewer would see go wrong is checked frame by frame."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.lips import lip_gap_mm
from pmmlink.phones import BILABIALS, LABIODENTALS, OPEN_VOWELS, PHONES, SILENCE
from pmmlink.train.targets import Targets, curves_from_phones

_TEXT = (
    "SIL B AA B SIL AE N D M AY M AA M M EY P UH T F AY V P ER P AH L P L AH M Z AH B AH V DH AH F EY M AH S "
    "B IY V ER SIL HH UW W UH D M UW V AH W AY D B OW T SIL"
)
SENTENCE = _TEXT.split()


def _timed(
    names: list[str], seconds: float | list[float], start: float = 0.0
) -> list[tuple[str, float, float]]:
    lengths = seconds if isinstance(seconds, list) else [seconds] * len(names)
    edges = start + np.concatenate([[0.0], np.cumsum(lengths)])
    return [(n, float(a), float(b)) for n, a, b in zip(names, edges[:-1], edges[1:], strict=True)]


def _sentence(seconds: float = 0.08) -> tuple[list[tuple[str, float, float]], Targets]:
    phones = _timed(SENTENCE, [0.4 if n == SILENCE else seconds for n in SENTENCE])
    return phones, curves_from_phones(phones, int(phones[-1][2] * 30), seed=3)


def _near(phone: tuple[str, float, float], frames: int, spare: float = 0.0) -> np.ndarray:
    t = np.arange(frames) / 30
    return (t >= phone[1] - spare) & (t <= phone[2] + spare)


def _curve(targets: Targets, name: str) -> np.ndarray:
    return targets.curves[:, MODEL_32.index(name)]


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.sampled_from([p for p in PHONES]), min_size=1, max_size=40),
    lengths=st.lists(st.floats(0.01, 0.3), min_size=40, max_size=40),
    offset=st.floats(0.0, 0.05),
    seed=st.one_of(st.none(), st.integers(0, 99)),
)
def test_lips_touch_in_every_bilabial_however_the_frames_fall(
    names: list[str], lengths: list[float], offset: float, seed: int | None
) -> None:
    phones = _timed(names, lengths[: len(names)], offset)
    frames = int(phones[-1][2] * 30) + 3
    targets = curves_from_phones(phones, frames, seed=seed)
    assert targets.curves.shape == (frames, 32)
    assert np.isfinite(targets.curves).all()
    assert targets.curves.min() >= 0.0
    assert targets.curves.max() <= 1.0
    assert (_curve(targets, "mouthClose") <= _curve(targets, "jawOpen") + 1e-6).all()
    gap = lip_gap_mm(targets.curves)
    for phone in phones:
        if phone[0] in BILABIALS:
            near = _near(phone, frames, spare=1 / 60 + 1e-6)
            assert gap[near].min() <= 0.5, phone
            assert targets.closure[near].max() == 1.0
        elif phone[0] in LABIODENTALS:
            near = _near(phone, frames, spare=1 / 60 + 1e-6)
            assert _curve(targets, "mouthRollLower")[near].max() >= 0.32


def test_a_long_closure_lasts_from_onset_to_burst_and_m_to_its_end() -> None:
    for name, held in (("P", 0.6), ("B", 0.75), ("M", 1.0)):
        phones = _timed(["AA", name, "AA"], [0.3, 0.2, 0.3], 0.2)
        gap = lip_gap_mm(curves_from_phones(phones, 36).curves)
        t = np.arange(36) / 30
        start = phones[1][1]
        assert (gap[(t >= start) & (t <= start + held * 0.2 - 0.01)] <= 0.5).all()
        assert (gap[(t >= start + held * 0.2 + 0.03) & (t < start + 0.4)] > 2.0).all()
        assert gap[t < start - 0.07].max() > 8.0


def test_open_vowels_open_in_fast_speech_and_labiodentals_stay_between() -> None:
    for seconds in (0.06, 0.08, 0.11):
        phones, targets = _sentence(seconds)
        gap = lip_gap_mm(targets.curves)
        p95 = np.percentile(gap, 95)
        for phone in phones:
            middle = round(30 * (phone[1] + phone[2]) / 2)
            if phone[0] in OPEN_VOWELS:
                assert gap[middle - 1 : middle + 2].max() > 0.5 * p95, (phone, seconds)
        for before, phone, after in zip(phones, phones[1:], phones[2:], strict=False):
            if phone[0] in LABIODENTALS and not {before[0], after[0]} & BILABIALS:
                tucked = gap[targets.tuck == 1.0]
                assert 0.15 * p95 < tucked.max() < 0.35 * p95


def test_rounding_is_under_way_before_the_rounded_vowel() -> None:
    phones = _timed(["SIL", "S", "T", "UW", "T", "SIL"], [0.4, 0.12, 0.08, 0.2, 0.1, 0.4])
    pucker = _curve(curves_from_phones(phones, 39), "mouthPucker")
    onset = round(30 * phones[3][1])
    assert pucker[onset - 2] > 0.08
    assert pucker[onset] > 0.4 * pucker.max()
    spread = _curve(curves_from_phones(_timed(["SIL", "S", "T", "IY", "T", "SIL"], 0.2), 36), "mouthPucker")
    assert spread.max() < 0.02


def test_stress_loudness_and_effort_open_the_jaw() -> None:
    syllables = ["SIL", "T", "AA", "T", "AA", "T", "SIL"]
    phones = _timed(syllables, [0.4, 0.1, 0.15, 0.1, 0.15, 0.1, 0.4])
    frames = 42
    first, second = round(30 * 0.58), round(30 * 0.83)
    stress = [None, None, 1, None, 0, None, None]
    jaw = _curve(curves_from_phones(phones, frames, stress=stress), "jawOpen")
    assert jaw[first] > 1.1 * jaw[second]
    digits = [(n + str(s) if s is not None else n, a, b) for (n, a, b), s in zip(phones, stress, strict=True)]
    np.testing.assert_array_equal(jaw, _curve(curves_from_phones(digits, frames), "jawOpen"))
    loud = np.full(frames, -30.0)
    loud[: round(30 * 0.7)] = -20.0
    jaw = _curve(curves_from_phones(phones, frames, loudness_db=loud), "jawOpen")
    assert jaw[first] > 1.08 * jaw[second]
    gap = lip_gap_mm(curves_from_phones(phones, frames, effort=0.7).curves)
    assert gap.max() < 0.85 * lip_gap_mm(curves_from_phones(phones, frames).curves).max()


def test_the_level_of_the_whole_clip_does_not_matter() -> None:
    phones, _ = _sentence()
    frames = int(phones[-1][2] * 30)
    level = -30.0 + 5.0 * np.sin(np.arange(frames) / 7)
    here = curves_from_phones(phones, frames, loudness_db=level).curves
    np.testing.assert_allclose(
        curves_from_phones(phones, frames, loudness_db=level - 40).curves, here, atol=1e-6
    )


def test_a_pause_rests_shut_and_still_and_a_short_one_does_not() -> None:
    phones = _timed(["AA", "SIL", "AA", "SIL", "AA"], [0.3, 0.6, 0.3, 0.08, 0.3])
    targets = curves_from_phones(phones, 47, seed=1)
    t = np.arange(47) / 30
    still = (t > 0.3 + 0.13) & (t < 0.9 - 0.13)
    assert not targets.curves[still].any()
    assert lip_gap_mm(targets.curves)[(t >= 1.2) & (t <= 1.28)].min() > 2.0
    assert targets.rest[t > 1.0].max() < 0.4


def test_diphthongs_move() -> None:
    for name, curve in (("AY", "jawOpen"), ("OW", "mouthPucker"), ("EY", "mouthSmileLeft")):
        phones = _timed(["SIL", name, "SIL"], [0.4, 0.3, 0.4])
        values = _curve(curves_from_phones(phones, 33), curve)
        assert abs(values[round(30 * 0.46)] - values[round(30 * 0.62)]) > 0.04


@pytest.mark.parametrize(
    ("phone", "curve", "above"),
    [
        ("UE", "mouthPucker", 0.35),
        ("OE", "mouthFunnel", 0.15),
        ("IX", "mouthStretchLeft", 0.08),
        ("KX", "jawOpen", 0.1),
        ("RX", "jawOpen", 0.1),
        ("SH", "mouthFunnel", 0.25),
        ("IY", "mouthSmileRight", 0.08),
    ],
)
def test_phones_show_their_own_pose(phone: str, curve: str, above: float) -> None:
    targets = curves_from_phones(_timed(["SIL", phone, "SIL"], [0.4, 0.3, 0.4]), 33)
    assert _curve(targets, curve)[16] > above


def test_both_lips_part_and_the_sides_differ_a_little() -> None:
    _, targets = _sentence()
    for name in ("mouthUpperUp", "mouthLowerDown"):
        left, right = _curve(targets, name + "Left"), _curve(targets, name + "Right")
        assert left.max() > 0.08
        assert 0.0 < np.abs(left - right).max() < 0.05


def test_variation_is_seeded_small_smooth_and_needs_a_seed() -> None:
    phones, _ = _sentence()
    frames = int(phones[-1][2] * 30)
    plain = curves_from_phones(phones, frames).curves
    np.testing.assert_array_equal(plain, curves_from_phones(phones, frames).curves)
    one, two = (curves_from_phones(phones, frames, seed=s).curves for s in (1, 2))
    np.testing.assert_array_equal(one, curves_from_phones(phones, frames, seed=1).curves)
    assert np.abs(one - two).max() > 0.005
    assert np.abs(one - plain).max() < 0.05
    assert np.abs(np.diff(one - plain, axis=0)).max() < 0.03


def test_frames_sit_on_their_exact_time_at_any_rate() -> None:
    phones, _ = _sentence()
    slow = curves_from_phones(phones, 100, Fraction(30)).curves
    fast = curves_from_phones(phones, 200, Fraction(60)).curves
    jaw = MODEL_32.index("jawOpen")
    assert np.abs(slow[:, jaw] - fast[::2, jaw]).mean() < 0.005


def test_an_unknown_symbol_has_no_weight_and_silence_has() -> None:
    phones = [("SIL", 0.0, 0.5), ("AA", 0.5, 1.0), ("LAUGH", 1.0, 1.5), ("pau", 1.5, 2.0)]
    weight = curves_from_phones(phones, 60).weight
    assert (weight[:30] == 1).all()
    assert (weight[30:45] == 0).all()
    assert (weight[45:] == 1).all()


def test_no_phones_is_a_face_at_rest_and_no_frames_is_empty() -> None:
    assert not curves_from_phones([], 10).curves.any()
    assert curves_from_phones([("AA", 0.0, 1.0)], 0).curves.shape == (0, 32)


@pytest.mark.parametrize(
    ("phones", "kwargs", "says"),
    [
        ([("AA", 0.5, 0.2)], {}, "phone 0"),
        ([("AA", 0.5, 0.8), ("B", 0.1, 0.3)], {}, "phone 1"),
        ([("AA", 0.0, 0.2)], {"stress": [1, 0]}, "2 stresses for 1 phones"),
        ([("AA", 0.0, 0.2)], {"loudness_db": np.zeros(3)}, "10 frames"),
    ],
)
def test_bad_phones_are_named(
    phones: list[tuple[str, float, float]], kwargs: dict[str, object], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        curves_from_phones(phones, 10, **kwargs)  # type: ignore[arg-type]


def test_targets_are_cheap_enough_to_compute_while_training() -> None:
    phones = _timed(SENTENCE * 6, 0.08)
    frames = int(phones[-1][2] * 30)
    best = min(_seconds(phones, frames) for _ in range(5))
    assert best / (frames / 30) < 0.005


def _seconds(phones: list[tuple[str, float, float]], frames: int) -> float:
    begin = time.perf_counter()
    curves_from_phones(phones, frames, seed=1)
    return time.perf_counter() - begin
