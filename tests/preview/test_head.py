"""The head that ships: its meaning, not its looks."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from pmmlink.curves import ARKIT_52, mirror_of
from pmmlink.preview.head import load_head

HEAD = load_head()


def _values(**curves: float) -> np.ndarray:
    values = np.zeros(52, np.float32)
    for name, value in curves.items():
        values[ARKIT_52.index(name)] = value
    return values


def test_the_asset_is_small():
    assert len(resources.files("pmmlink").joinpath("assets", "head.npz").read_bytes()) < 3_000_000


def test_a_resting_face_has_closed_lips():
    assert HEAD.lip_gap_mm(np.zeros(52)) == pytest.approx(0.24, abs=0.01)


def test_an_open_jaw_opens_the_lips_by_34_mm():
    assert HEAD.lip_gap_mm(_values(jawOpen=1)) - HEAD.lip_gap_mm(_values()) == pytest.approx(34.2, abs=0.05)


@pytest.mark.parametrize("jaw", [0.1, 0.35, 0.7, 1.0])
def test_mouth_close_equal_to_jaw_open_closes_the_lips_over_an_open_jaw(jaw):
    assert HEAD.lip_gap_mm(_values(jawOpen=jaw, mouthClose=jaw)) == pytest.approx(0.24, abs=0.05)


def test_the_lip_gap_of_the_curves_is_the_gap_of_the_mesh():
    values = np.random.default_rng(3).uniform(0, 1, (7, 52)).astype(np.float32)
    on_mesh = HEAD.measured_lip_gap_mm(HEAD.vertices_for(values))
    np.testing.assert_allclose(HEAD.lip_gap_mm(values), on_mesh, atol=1e-2)


@pytest.mark.parametrize("name", ARKIT_52.names)
def test_every_curve_moves_something(name):
    moved = np.abs(HEAD.vertices_for(_values(**{name: 1})) - HEAD.vertices).max()
    assert 0.0005 < moved < 0.06


@pytest.mark.parametrize(
    "name", [n for n in ARKIT_52.names if n.endswith("Left") and n not in ("jawLeft", "mouthLeft")]
)
def test_a_left_curve_moves_the_heads_left_and_its_mirror_the_right(name):
    left = np.linalg.norm(HEAD.deltas[ARKIT_52.index(name)], axis=1)
    right = np.linalg.norm(HEAD.deltas[ARKIT_52.index(mirror_of(name))], axis=1)
    x = HEAD.vertices[:, 0]
    assert (left * x).sum() / left.sum() > 0.004
    assert (right * x).sum() / right.sum() < -0.004


def test_jaw_and_mouth_left_move_towards_the_heads_left():
    chin = HEAD.vertices[:, 1].argsort()
    for name, sign in (("jawLeft", 1), ("jawRight", -1), ("mouthLeft", 1), ("mouthRight", -1)):
        moved = HEAD.deltas[ARKIT_52.index(name)][:, 0]
        assert sign * moved[HEAD.lip_lower] > 0.001
        assert abs(moved[chin[:50]]).max() < 1e-6, "the neck stays"


def test_the_head_has_its_parts_and_looks_forward():
    assert set(HEAD.part_names) >= {"skin", "lips", "mouth", "eye", "teeth", "tongue"}
    eyes = HEAD.vertices[HEAD.part == HEAD.part_names.index("eye")]
    np.testing.assert_allclose(eyes.mean(axis=0)[:2], 0, atol=1e-4)
    assert 0.05 < np.ptp(HEAD.vertices[:, 2]) < 0.3
    nose = HEAD.vertices[:, 2].argmax()
    assert abs(HEAD.vertices[nose, 0]) < 1e-3
    assert HEAD.vertices[nose, 1] < 0


def test_a_wrong_number_of_values_is_refused():
    with pytest.raises(ValueError, match="52"):
        HEAD.vertices_for(np.zeros(32))
