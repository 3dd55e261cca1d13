"""Live Link Face CSV: timecode, the left/right swap, and files that are not one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.curves import LIVELINK_61, LIVELINK_61_CSV
from pmmlink.errors import DataError
from pmmlink.types import FloatArray
from pmmlink.wire import csv


def face(**curves: float) -> FloatArray:
    values = np.zeros(61, dtype=np.float32)
    for name, value in curves.items():
        values[LIVELINK_61.index(name)] = value
    return values


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Fraction(0), "00:00:00:00.000"),
        (Fraction(1, 30), "00:00:00:02.000"),
        (Fraction(59, 60), "00:00:00:59.000"),
        (Fraction(1, 24), "00:00:00:02.500"),
        (36_381 + Fraction(23, 60), "10:06:21:23.000"),
        (1 - Fraction(1, 10**9), "00:00:01:00.000"),
        (Fraction(360_000), "100:00:00:00.000"),
    ],
)
def test_timecodes_count_sixtieths_and_carry_over(seconds: Fraction, text: str) -> None:
    assert csv.timecode(seconds) == text


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_a_timecode_reads_back_exactly(sixty_thousandths: int) -> None:
    seconds = Fraction(sixty_thousandths, 60_000)
    assert csv.parse_timecode(csv.timecode(seconds)) == seconds


@pytest.mark.parametrize(
    "text", ["", "00:00:00", "0:0:0:0", "00:00:00:00.", "aa:00:00:00.000", "-1:00:00:00.000"]
)
def test_what_is_no_timecode_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="HH:MM:SS"):
        csv.parse_timecode(text)


def test_left_and_right_are_swapped_in_the_columns_but_not_in_the_data() -> None:
    titles = csv.header().strip().split(",")
    cells = csv.row(Fraction(0), face(jawLeft=0.25, mouthRight=0.75)).strip().split(",")
    assert titles[:2] == ["Timecode", "BlendshapeCount"]
    assert titles.index("JawRight") + 1 == titles.index("JawLeft")
    assert titles.index("MouthRight") + 1 == titles.index("MouthLeft")
    assert tuple(titles[2:]) == LIVELINK_61_CSV.wire_names
    by_name = dict(zip(titles, cells, strict=True))
    assert by_name["JawLeft"] == "0.2500000000"
    assert by_name["MouthRight"] == "0.7500000000"
    assert by_name["JawRight"] == by_name["MouthLeft"] == "0.0000000000"
    assert by_name["BlendshapeCount"] == "61"


def test_a_file_reads_back_as_it_was_written() -> None:
    random = np.random.default_rng(1)
    values = random.uniform(-1, 1, (50, 61)).astype(np.float32)
    times = [Fraction(i, 30) for i in range(50)]
    rows = [csv.row(time, frame) for time, frame in zip(times, values, strict=True)]
    take = csv.read([csv.header(), *rows], "take.csv")
    assert take.times == tuple(times)
    np.testing.assert_allclose(take.values, values, atol=1e-9)


def test_columns_are_read_by_name_in_any_order_and_either_casing_of_the_title() -> None:
    lines = ["Timecode,BlendShapeCount,JawLeft,JawOpen,JawRight\n", "00:00:00:00.000,61,0.1,0.2,0.3\n"]
    take = csv.read(lines, "take.csv")
    np.testing.assert_array_equal(take.values[0], face(jawLeft=0.1, jawOpen=0.2, jawRight=0.3))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "take.csv:1: does not begin"),
        (["a,b,c\n"], "take.csv:1: does not begin"),
        (["Timecode,BlendshapeCount,JawOpne\n"], "take.csv:1: column 3 is 'JawOpne'"),
        (["Timecode,BlendshapeCount,JawOpen,JawOpen\n"], "JawOpen appears twice"),
        (["Timecode,BlendshapeCount,JawOpen\n", "00:00:00:00.000,61\n"], "take.csv:2: 2 cells"),
        (["Timecode,BlendshapeCount,JawOpen\n", "\n", "00:00:00,61,0\n"], "take.csv:3: timecode"),
        (["Timecode,BlendshapeCount,JawOpen\n", "00:00:00:00.000,61,x\n"], "take.csv:2: could not convert"),
        (["Timecode,BlendshapeCount,JawOpen\n", "00:00:00:00.000,61,nan\n"], "frame 0 has a value"),
    ],
)
def test_a_file_that_is_not_a_take_is_refused_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        csv.read(lines, "take.csv")
