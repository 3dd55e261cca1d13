"""Figures as cells of Markdown tables and as JSON values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from pmmlink.eval.statistics import Estimate

JsonEstimate = dict[str, float | int | None]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(estimate: Estimate | None, interval: bool, scale: float = 1.0, digits: int = 3) -> str:
    """``value [low, high]`` or the value alone; ``-`` where nothing was there to count."""
    if estimate is None or not math.isfinite(estimate.value):
        return "-"
    value = number(estimate.value * scale, digits)
    if not interval or not math.isfinite(estimate.low):
        return value
    low, high = number(estimate.low * scale, digits), number(estimate.high * scale, digits)
    return f"{value} [{low}, {high}]"


def number(value: float, digits: int = 3) -> str:
    """A number to so many decimals; ``-`` for NaN."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def figures_json(figures: Mapping[str, Estimate], digits: int = 5) -> dict[str, JsonEstimate]:
    """Several figures by name."""
    return {name: estimate_json(estimate, digits) for name, estimate in figures.items()}


def estimate_json(estimate: Estimate, digits: int = 5) -> JsonEstimate:
    """A figure, rounded; NaN becomes null."""
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    finite = {key: round(value, digits) if math.isfinite(value) else None for key, value in numbers.items()}
    return {**finite, "count": estimate.count}
