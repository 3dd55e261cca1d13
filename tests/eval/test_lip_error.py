"""LVE and ALE on cases that can be worked out by hand (paper, section V-A)."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.eval.lip_error import curve_errors, vertex_errors


def test_a_frame_counts_its_largest_and_its_mean_coefficient_error() -> None:
    labels = np.zeros((2, 32), np.float32)
    predicted = labels.copy()
    predicted[0, 3], predicted[0, 7] = 0.4, -0.24
    predicted[1, 30] = 0.1
    sums = curve_errors(predicted, labels).sums()
    assert sums["frames"] == 2
    assert sums["lve"] / 2 == pytest.approx((0.4 + 0.1) / 2)
    assert sums["ale"] / 2 == pytest.approx((0.64 / 32 + 0.1 / 32) / 2)
    assert sums["lve_squared"] / 2 == pytest.approx((0.16 + 0.01) / 2)


def test_what_has_no_label_is_left_out_of_the_maximum_and_of_the_mean() -> None:
    labels = np.zeros((3, 4), np.float32)
    labels[0, 2:] = np.nan
    labels[1] = np.nan
    predicted = np.tile(np.array([0.1, 0.3, 0.9, 0.9], np.float32), (3, 1))
    errors = curve_errors(predicted, labels)
    np.testing.assert_allclose(errors.largest, [0.3, 0.9])
    np.testing.assert_allclose(errors.average, [0.2, 0.55])


def test_the_shorter_of_two_takes_decides_and_no_frames_add_nothing() -> None:
    errors = curve_errors(np.ones((5, 32), np.float32), np.zeros((3, 32), np.float32))
    assert errors.sums()["frames"] == 3
    nothing = curve_errors(np.ones((5, 32), np.float32), np.full((5, 32), np.nan, np.float32))
    assert nothing.sums() == {"frames": 0.0, "lve": 0.0, "ale": 0.0, "lve_squared": 0.0}


def test_a_vertex_errs_by_its_distance_and_only_lips_count() -> None:
    labels = np.zeros((2, 4, 3), np.float32)
    predicted = labels.copy()
    predicted[0, 0] = (3.0, 0.0, 4.0)  # 5 mm
    predicted[0, 1] = (0.0, 1.0, 0.0)
    predicted[0, 3] = (90.0, 0.0, 0.0)  # no lip
    predicted[1, 1] = (2.0, 2.0, 1.0)  # 3 mm
    errors = vertex_errors(predicted.reshape(2, 12), labels.reshape(2, 12), np.array([0, 1, 2]))
    np.testing.assert_allclose(errors.largest, [5.0, 3.0])
    np.testing.assert_allclose(errors.average, [2.0, 1.0])
    # As the published code counts: squared, in metres.
    np.testing.assert_allclose(errors.largest_squared, [2.5e-5, 0.9e-5])


def test_a_template_cancels_out() -> None:
    random = np.random.default_rng(0)
    rest = random.standard_normal(12).astype(np.float32)
    here, there = (random.standard_normal((4, 12)).astype(np.float32) for _ in range(2))
    offsets = vertex_errors(here, there, np.arange(4))
    meshes = vertex_errors(here + rest, there + rest, np.arange(4))
    np.testing.assert_allclose(offsets.largest, meshes.largest, rtol=1e-5)
