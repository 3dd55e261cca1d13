"""Ranks, areas and intervals against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pmmlink.eval.statistics import RESAMPLES, Estimate, draws, ranks, spearman, weighted_auc


def test_spearman_agrees_with_scipy_with_and_without_ties() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a = rng.integers(0, 6, 50).astype(float)
        b = a + rng.normal(size=50)
        assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    assert spearman(np.ones(5), np.arange(5.0)) == 0.0


def test_ranks_share_ties() -> None:
    np.testing.assert_allclose(ranks(np.array([5.0, 1.0, 5.0, 7.0])), [1.5, 0.0, 1.5, 3.0])


def test_auc_agrees_with_the_u_statistic_and_with_repeated_scores() -> None:
    rng = np.random.default_rng(1)
    positive, negative = rng.integers(2, 9, 40).astype(float), rng.integers(0, 7, 30).astype(float)
    one = weighted_auc(positive, negative, np.ones((1, 40)), np.ones((1, 30)))[0]
    assert one == pytest.approx(stats.mannwhitneyu(positive, negative).statistic / (40 * 30))
    weights = rng.integers(0, 3, (1, 40)).astype(float)
    repeated = np.repeat(positive, weights[0].astype(int))
    expected = stats.mannwhitneyu(repeated, negative).statistic / (len(repeated) * 30)
    assert weighted_auc(positive, negative, weights, np.ones((1, 30)))[0] == pytest.approx(expected)
    assert np.isnan(weighted_auc(positive, negative, np.zeros((1, 40)), np.ones((1, 30)))[0])


def test_draws_resample_whole_clips_and_are_reproducible() -> None:
    drawn = draws(7)
    assert drawn.shape == (RESAMPLES, 7)
    assert (drawn.sum(1) == 7).all()
    np.testing.assert_array_equal(drawn, draws(7))
    assert drawn.mean() == pytest.approx(1.0)


def test_the_interval_of_a_proportion_has_the_right_width() -> None:
    rng = np.random.default_rng(2)
    hits = (rng.random(400) < 0.8).astype(float)
    samples = draws(400) @ hits / 400
    estimate = Estimate.of(hits.mean(), samples, 400)
    half = 1.96 * np.sqrt(hits.mean() * (1 - hits.mean()) / 400)
    assert estimate.high - estimate.low == pytest.approx(2 * half, rel=0.15)
    assert estimate.low < hits.mean() < estimate.high


def test_a_ratio_of_two_figures_of_the_same_clips_is_paired() -> None:
    hits = np.random.default_rng(3).random(100)
    samples = draws(100) @ hits
    clean = Estimate.of(hits.sum(), samples, 100)
    kept = Estimate.of(0.9 * hits.sum(), 0.9 * samples, 80).over(clean)
    assert kept.value == pytest.approx(0.9)
    assert kept.high - kept.low < 1e-9
    assert kept.count == 80
