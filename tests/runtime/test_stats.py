"""Figures that are kept while running are right and take no growing memory."""

from __future__ import annotations

import numpy as np
import pytest

from pmmlink.curves import LIVELINK_61
from pmmlink.runtime.stats import ComputeStats, CurveTrace, Histogram, LatencyBudget
from pmmlink.types import MODEL_FPS, CurveFrame


def test_percentiles_are_right_to_two_percent() -> None:
    values = np.random.default_rng(0).lognormal(-6, 1.5, 20_000)
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    for percent in (5, 50, 95, 99):
        assert histogram.percentile_s(percent) == pytest.approx(np.percentile(values, percent), rel=0.025)
    assert histogram.largest_s == values.max()
    assert histogram.percentile_s(100) == pytest.approx(values.max(), rel=0.02)


def test_extremes_do_not_break_a_histogram() -> None:
    histogram = Histogram()
    assert histogram.percentile_s(99) == 0.0
    for value in (-1.0, 0.0, 1e9):
        histogram.add(value)
    assert histogram.percentile_s(50) == 0.0
    assert histogram.count == 3


def frame(index: int, jaw: float) -> CurveFrame:
    values = np.zeros(61, np.float32)
    values[LIVELINK_61.index("jawOpen")] = jaw
    return CurveFrame(index, MODEL_FPS, LIVELINK_61, values)


def test_a_trace_keeps_ranges_and_the_shape_of_hours_in_a_few_numbers() -> None:
    trace = CurveTrace(points=64)
    count = 5000
    for i in range(count):
        trace.add(frame(i, i / count))
    assert trace.frames == count
    low, high = trace.ranges()["jawOpen"]
    assert (low, high) == (0.0, pytest.approx(1 - 1 / count))
    course = trace.course(10)
    assert len(course) == 10
    assert course == sorted(course)
    assert course[4] == pytest.approx(0.5, abs=0.05)


def test_a_trace_of_few_frames_shows_each() -> None:
    trace = CurveTrace()
    assert trace.course(10) == []
    assert trace.ranges() == {}
    for i, jaw in enumerate((0.1, 0.5, 0.2)):
        trace.add(frame(i, jaw))
    assert trace.course(10) == pytest.approx([0.1, 0.5, 0.2])


def test_a_budget_names_each_stage_and_the_sum() -> None:
    budget = LatencyBudget((("resampler", 0.0366), ("model look-ahead", 0.1), ("frame rate", 0.0)))
    assert str(budget) == "resampler 36.6 + model look-ahead 100.0 = 136.6 ms"
    assert str(LatencyBudget(())) == "none = 0.0 ms"


def test_the_real_time_factor_is_work_over_sound() -> None:
    assert ComputeStats().real_time_factor == 0.0
    assert ComputeStats(busy_s=0.5, sound_s=2.0).real_time_factor == 0.25
