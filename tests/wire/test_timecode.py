"""Timecodes: what labels say about the clock that wrote them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pmmlink.errors import DataError
from pmmlink.wire.timecode import Clock, Timecode, clock_of, named_clock, parse

NTSC_FRAME = Fraction(1001, 60_000)


def labels(count: int, base: int = 60, start: int = 0, *, drop: bool = False) -> list[Timecode]:
    """Labels of consecutive frames from frame number ``start``, written by the SMPTE rule."""
    lost = base // 15
    out = []
    for number in range(start, start + count):
        label = number
        if drop:
            ten, rest = divmod(number, 600 * base - 9 * lost)
            label += 9 * lost * ten
            if rest >= 60 * base:
                label += lost * (1 + (rest - 60 * base) // (60 * base - lost))
        out.append(Timecode(label // base, Fraction(label % base)))
    return out


def test_sixtieths_are_what_the_app_writes_unless_the_labels_say_otherwise() -> None:
    assert clock_of(labels(300)) == Clock(60)
    assert clock_of(labels(20, start=30)) == Clock(60)
    assert clock_of([]) == Clock(60)


@pytest.mark.parametrize("base", [24, 25, 30, 50])
def test_a_lower_base_shows_where_no_label_ever_reaches_it(base: int) -> None:
    codes = labels(4 * base, base)
    assert clock_of(codes) == Clock(base)
    assert clock_of(codes).seconds(codes)[base] == 1


@pytest.mark.parametrize("base", [30, 60])
def test_drop_frame_shows_at_the_full_minute_and_keeps_real_time(base: int) -> None:
    codes = labels(130 * base, base, drop=True)
    assert Timecode(60, Fraction(0)) not in codes
    clock = clock_of(codes)
    assert (clock.base_hz, clock.ntsc, clock.drop) == (base, True, True)
    times = clock.seconds(codes)
    step = Fraction(1001, 1000 * base)
    assert times == tuple(i * step for i in range(len(codes)))


def test_ten_hours_of_drop_frame_are_ten_hours_and_non_drop_is_36_seconds_behind() -> None:
    code = [Timecode(36_000, Fraction(0))]
    drop, non_drop = Clock(60, ntsc=True, drop=True), Clock(60, ntsc=True)
    assert abs(drop.seconds(code)[0] - 36_000) < Fraction(1, 10)
    assert non_drop.seconds(code)[0] - 36_000 == 36


def test_frames_that_are_missing_at_the_full_minute_are_not_taken_for_drop_frame() -> None:
    whole = labels(7200)
    for gap in (range(3597, 3601), range(3600, 3610), range(3600, 3602)):
        assert clock_of([code for i, code in enumerate(whole) if i not in gap]) == Clock(60)


def test_the_semicolon_marks_drop_frame() -> None:
    assert parse("10:00:01;02").marked_drop
    assert clock_of([parse("10:00:01;02"), parse("10:00:01;03")]).drop


def test_a_take_goes_on_past_midnight() -> None:
    codes = [parse("23:59:59:59"), parse("00:00:00:00"), parse("00:00:00:01.500")]
    times = Clock().seconds(codes)
    assert [time - times[0] for time in times] == [0, Fraction(1, 60), Fraction(5, 120)]


def test_clocks_have_names() -> None:
    assert named_clock("59.94").seconds([Timecode(1, Fraction(0))])[0] == 60 * NTSC_FRAME
    assert named_clock("29.97 drop-frame") == Clock(30, ntsc=True, drop=True)
    assert str(Clock(60, ntsc=True, drop=True)) == "59.94 drop-frame"
    with pytest.raises(DataError, match=r"'61' is not one of 24, 25"):
        named_clock("61")
