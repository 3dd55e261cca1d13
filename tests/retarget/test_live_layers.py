"""Layers of live frames: openness, recentring, smoothing, idle motion."""

from __future__ import annotations

import numpy as np

from pmmlink.curves import LIVELINK_61, MODEL_32
from pmmlink.retarget.idle import IdleFace
from pmmlink.retarget.neutral import Recentre
from pmmlink.retarget.openness import Openness
from pmmlink.retarget.smooth import PRESET, Smoother

JAW = LIVELINK_61.index("jawOpen")


def test_a_closing_face_eases_to_neutral_without_a_jump() -> None:
    neutral = np.full(61, 0.1, np.float32)
    openness = Openness(neutral, 30)
    speech = np.full(61, 0.9, np.float32)
    shown = [openness.apply(speech, k < 10)[JAW] for k in range(30)]
    assert shown[9] == np.float32(0.9)
    np.testing.assert_allclose(shown[20:], 0.1, atol=1e-6)
    assert np.abs(np.diff(shown[9:])).max() < 0.25


def test_a_seam_leads_from_what_was_shown_to_what_comes() -> None:
    openness = Openness(np.zeros(61, np.float32), 30)
    for _ in range(10):
        openness.apply(np.full(61, 0.8, np.float32), True)
    openness.seam()
    shown = [0.8, *(openness.apply(np.zeros(61, np.float32), True)[JAW] for _ in range(12))]
    assert np.abs(np.diff(shown)).max() < 0.25
    assert shown[-1] == 0.0


def test_recentring_makes_the_present_face_the_neutral_one() -> None:
    layer = Recentre(LIVELINK_61, 30)
    rest = np.zeros(61, np.float32)
    rest[JAW], rest[LIVELINK_61.index("headYaw")] = 0.2, -0.3
    for _ in range(300):
        layer.apply(rest)
    layer.recentre()
    np.testing.assert_allclose(layer.apply(rest), 0.0, atol=1e-3)
    assert abs(layer.apply(np.ones(61, np.float32))[JAW] - 1.0) < 1e-6


def test_smoothing_calms_a_trembling_curve_and_keeps_a_fast_one() -> None:
    random = np.random.default_rng(0)
    trembling = 0.3 + 0.01 * random.standard_normal(300)
    smoother = Smoother(LIVELINK_61, 30, PRESET)
    out = np.array([smoother.apply(np.full(61, v, np.float32)) for v in trembling])
    assert out[50:, JAW].std() < 0.6 * trembling[50:].std()
    np.testing.assert_allclose(out[:, LIVELINK_61.index("eyeBlinkLeft")], trembling, atol=1e-6)
    step = Smoother(LIVELINK_61, 30, PRESET)
    jump = [step.apply(np.full(61, float(k >= 5), np.float32))[JAW] for k in range(12)]
    assert jump[8] > 0.85


def test_idle_motion_blinks_like_people_and_leaves_the_mouth_alone() -> None:
    idle = IdleFace(LIVELINK_61, 30, seed=1)
    still = np.zeros(61, np.float32)
    face = np.array([idle.apply(still) for _ in range(30 * 600)])
    lids = face[:, LIVELINK_61.index("eyeBlinkLeft")] > 0.5
    blinks = int(np.sum(lids[1:] & ~lids[:-1]))
    assert 8 * 10 < blinks < 25 * 10
    assert not face[:, LIVELINK_61.positions(MODEL_32.names)].any()
    assert np.abs(face[:, LIVELINK_61.index("headYaw")]).max() <= 0.08


def test_the_same_seed_gives_the_same_motion() -> None:
    still = np.zeros(61, np.float32)
    runs = []
    for seed in (4, 4, 5):
        idle = IdleFace(LIVELINK_61, 60, seed)
        runs.append(np.array([idle.apply(still) for _ in range(600)]))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.abs(runs[0] - runs[2]).max() > 0
