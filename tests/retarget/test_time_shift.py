"""A delay moves the face in time, by any fraction of a frame, however the stream is cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.retarget import TimeShift


@settings(max_examples=100, deadline=None)
@given(
    delay_s=st.floats(-0.5, 1.0),
    fps=st.sampled_from([Fraction(24), Fraction(30), Fraction(60), Fraction(30000, 1001)]),
    cuts=st.lists(st.integers(0, 30), max_size=10),
    count=st.integers(0, 120),
)
def test_a_shifted_stream_equals_the_whole_clip_interpolated(
    delay_s: float, fps: Fraction, cuts: list[int], count: int
) -> None:
    rows = np.random.default_rng(count).uniform(0, 1, (count, 3)).astype(np.float32)
    shift, pieces, at = TimeShift(delay_s, fps, 3), [], 0
    for size in [*cuts, count]:
        pieces.append(shift.push(rows[at : at + size]))
        at += size
        received, given_out = min(at, count), sum(map(len, pieces))
        assert received - given_out <= np.ceil(shift.latency_s * float(fps)) + 1e-9
    out = np.concatenate([*pieces, shift.flush()])
    assert len(out) == count
    if count:
        position = np.arange(count) - delay_s * float(fps)
        expected = np.stack([np.interp(position, np.arange(count), rows[:, c]) for c in range(3)], axis=1)
        np.testing.assert_allclose(out, expected, atol=1e-5)


def test_no_delay_passes_rows_on_bit_for_bit_and_a_positive_one_costs_no_latency() -> None:
    rows = np.random.default_rng(0).uniform(0, 1, (40, 5)).astype(np.float32)
    shift = TimeShift(0.0, Fraction(30), 5)
    np.testing.assert_array_equal(np.concatenate([shift.push(r[None]) for r in rows]), rows)
    assert TimeShift(0.2, Fraction(30), 5).latency_s == 0.0
    assert TimeShift(-0.05, Fraction(30), 5).latency_s == 2 / 30
