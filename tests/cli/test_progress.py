"""What a running command shows: redrawn on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from pmmlink.cli.progress import LiveView, clock_text, sparkline


class AsciiFile(io.StringIO):
    encoding = "cp437"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.0"), (75.25, "1:15.2"), (59.99, "0:59.9"), (3661.5, "1:01:01.5")]
)
def test_times_read_like_a_clock(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


def test_bars_use_the_letters_that_the_terminal_has() -> None:
    values = [0.0, 0.5, 1.0, 2.0]
    assert sparkline(values, Console(file=io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))) == " ▄██"
    assert sparkline(values, Console(file=AsciiFile())) == " =@@"


def view_on(console: Console) -> LiveView:
    return LiveView(console, "speech [1].wav", 4.0, lambda: 1.5, lambda: ["frames 45", "x.csv sent 45"])


def test_off_a_terminal_there_is_a_plain_line_each_second() -> None:
    file = io.StringIO()
    with view_on(Console(file=file, soft_wrap=True)) as view:
        for _ in range(120):
            view.tick()
            time.sleep(0.01)
    assert file.getvalue() == "0:01.5 / 0:04.0  frames 45  x.csv sent 45\n"


def test_on_a_terminal_the_view_is_drawn_and_notes_stay() -> None:
    file = io.StringIO()
    with view_on(Console(file=file, force_terminal=True, width=100)) as view:
        view.tick()
        view.note("receiver is back")
    drawn = file.getvalue()
    assert "speech [1].wav" in drawn
    assert "x.csv sent 45" in drawn
    assert "receiver is back" in drawn
