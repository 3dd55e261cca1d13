"""A mouth and meters drawn in letters, with those that the console's encoding has."""

from __future__ import annotations

from rich.console import Console

ROWS = 5
_NARROW, _REST, _WIDE = 3, 7, 11


def draw_mouth(opening: float, width: float, console: Console) -> list[str]:
    """Five rows of 13 letters.

    Args:
        opening: 0 lips together … 1 wide open.
        width: -1 rounded … 0 at rest … 1 stretched.
        console: where it is to be shown.
    """
    corners, side, line, shut = (
        ("╭╮╰╯", "│", "─", "━") if _has_unicode(console) else (".." + "''", "|", "-", "=")
    )
    reach = _WIDE - _REST if width > 0 else _REST - _NARROW
    inner = round(_REST + min(1.0, max(-1.0, width)) * reach)
    gap = min(ROWS - 2, round(opening * 1.6 * (ROWS - 2)))
    if not gap:
        rows = ["", shut * (inner + 2), ""]
    else:
        top, bottom = corners[0] + line * inner + corners[1], corners[2] + line * inner + corners[3]
        rows = [top, *[side + " " * inner + side] * gap, bottom]
    # Mouths grow downwards, as jaws do.
    return [row.center(_WIDE + 2) for row in rows + [""] * (ROWS - len(rows))]


def draw_meter(value: float, width: int, console: Console) -> str:
    """A bar for a value in [0, 1], to be read without colours."""
    full, empty = ("█", "·") if _has_unicode(console) else ("#", ".")
    count = round(min(1.0, max(0.0, value)) * width)
    return full * count + empty * (width - count)


def _has_unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")
