"""Closures, lag and jitter against measured lips, on signals whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.eval.measured import measured_sums
from pmmlink.eval.speech import LAGS

FRAMES = 300


def lips(*closed: tuple[int, int]) -> np.ndarray:
    """Open by 10 mm but for runs of frames."""
    gap = np.full(FRAMES, 10.0, np.float32)
    for first, last in closed:
        gap[first:last] = 0.0
    return gap


def lag_of(sums: dict[str, float]) -> int:
    return max(LAGS, key=lambda lag: sums[f"lag_{lag}"])


def test_closures_that_are_made_within_a_frame_are_met() -> None:
    measured = lips((50, 53), (100, 104), (150, 152), (200, 203))
    predicted = lips(
        (50, 53), (104, 106), (154, 156), (250, 252)
    )  # met, a frame late, two late, one too many
    sums = measured_sums(predicted, measured)
    assert (sums["closures"], sums["closure_hit"]) == (4, 2)
    assert (sums["closed"], sums["closed_right"]) == (4, 2)


def test_a_mouth_that_rests_is_no_closure_and_neither_is_one_at_the_ends() -> None:
    measured = lips((0, 4), (50, 90), (FRAMES - 3, FRAMES))
    sums = measured_sums(measured, measured)
    assert sums["closures"] == sums["closed"] == 0


def test_frames_without_a_label_neither_ask_for_closures_nor_forbid_them() -> None:
    measured = lips((50, 53), (100, 103))
    measured[99:104] = np.nan
    sums = measured_sums(lips((50, 53), (100, 103)), measured)
    assert (sums["closures"], sums["closure_hit"]) == (1, 1)
    assert (sums["closed"], sums["closed_right"]) == (1, 1)


def test_without_a_gap_in_the_labels_closures_are_not_counted() -> None:
    measured = lips((50, 53))
    sums = measured_sums(measured, measured, closures=False)
    assert sums["closures"] == sums["closed"] == 0
    assert lag_of(sums) == 0


@pytest.mark.parametrize("late", [-3, 0, 2])
def test_the_lag_is_found_and_positive_when_the_model_is_late(late: int) -> None:
    rng = np.random.default_rng(0)
    measured = np.convolve(rng.uniform(0, 10, FRAMES + 40), np.ones(5) / 5, "same").astype(np.float32)
    sums = measured_sums(measured[20 - late : 20 - late + FRAMES], measured[20 : 20 + FRAMES])
    assert lag_of(sums) == late


def test_jitter_is_one_for_the_actor_s_own_movement_and_more_with_noise() -> None:
    measured = (5 + 5 * np.sin(np.arange(FRAMES) / 5)).astype(np.float32)
    own = measured_sums(measured, measured)
    assert own["jitter_predicted"] / own["jitter_measured"] == pytest.approx(1.0)
    noisy = measured + np.random.default_rng(0).normal(0, 1, FRAMES).astype(np.float32)
    shaken = measured_sums(noisy, measured)
    assert shaken["jitter_predicted"] / shaken["jitter_measured"] > 5


def test_a_take_of_under_a_second_says_nothing() -> None:
    assert not any(measured_sums(lips()[:20], lips()[:20]).values())


def test_a_mouth_that_never_opens_is_closed_throughout_and_meets_every_closure() -> None:
    sums = measured_sums(np.zeros(FRAMES, np.float32), lips((50, 53)))
    assert (sums["closures"], sums["closure_hit"], sums["closed"]) == (1, 1, 0)
