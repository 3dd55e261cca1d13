"""Catmull-Clark subdivision of the head."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.curves import ARKIT_52
from pmmlink.preview.head import load_head
from pmmlink.preview.subdivide import load_smooth_head

COARSE, FINE = load_head(), load_smooth_head()


def test_every_quad_becomes_four():
    assert len(FINE.quads) == 4 * len(COARSE.quads)


def test_neighbouring_triangles_wind_the_same_way():
    t = FINE.triangles.astype(np.int64)
    edges = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
    assert len(np.unique(edges[:, 0] * len(FINE.vertices) + edges[:, 1])) == len(edges)


def test_the_surface_stays_where_it_was():
    moved = np.linalg.norm(FINE.vertices[: len(COARSE.vertices)] - COARSE.vertices, axis=1)
    assert np.median(moved) < 0.0004
    assert np.percentile(moved, 99) < 0.003


def test_subdividing_a_moved_face_is_moving_the_subdivided_face():
    from dataclasses import replace

    from pmmlink.preview.subdivide import subdivided

    values = np.random.default_rng(0).uniform(0, 1, 52).astype(np.float32)
    moved_first = subdivided(replace(COARSE, vertices=COARSE.vertices_for(values)))
    np.testing.assert_allclose(FINE.vertices_for(values), moved_first.vertices, atol=2e-6)


@pytest.mark.parametrize("jaw", [0.0, 0.4, 1.0])
def test_closed_lips_stay_closed(jaw):
    values = np.zeros(52, np.float32)
    values[[ARKIT_52.index("jawOpen"), ARKIT_52.index("mouthClose")]] = jaw
    assert abs(FINE.lip_gap_mm(values)) < 0.6
