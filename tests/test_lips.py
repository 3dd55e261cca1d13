"""The lip gap: linear in the curves, and the same as on the head that ships."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from pmmlink.curves import MODEL_32
from pmmlink.lips import (
    JAW_OPEN_MM,
    LIP_GAP_MM_PER_UNIT,
    LIP_GAP_NEUTRAL_MM,
    MOUTH_CLOSE_MM,
    lip_gap_mm,
)

_MM = 1000.0


@pytest.fixture(scope="module")
def head() -> dict[str, np.ndarray]:
    with np.load(str(files("pmmlink") / "assets" / "head.npz")) as archive:
        return dict(archive)


def _delta_y(head: dict[str, np.ndarray], curve: str, vertex: int) -> float:
    """Vertical movement of a vertex in the head's unit at full strength of one curve."""
    i = list(head["curve_names"]).index(curve)
    first = int(head["delta_count"][:i].sum())
    span = slice(first, first + int(head["delta_count"][i]))
    hit = head["delta_vertex"][span] == vertex
    return float((head["delta_value"][span][hit, 1] * head["delta_scale"][i]).sum())


def test_the_neutral_gap_is_that_of_the_head(head: dict[str, np.ndarray]) -> None:
    upper, lower = int(head["lip_upper"]), int(head["lip_lower"])
    gap = float(head["vertices"][upper, 1] - head["vertices"][lower, 1]) * _MM
    assert gap == pytest.approx(LIP_GAP_NEUTRAL_MM, abs=0.01)


@pytest.mark.parametrize("curve", MODEL_32.names)
def test_each_curve_moves_the_lips_as_on_the_head(curve: str, head: dict[str, np.ndarray]) -> None:
    upper, lower = int(head["lip_upper"]), int(head["lip_lower"])
    moved = (_delta_y(head, curve, upper) - _delta_y(head, curve, lower)) * _MM
    assert LIP_GAP_MM_PER_UNIT[MODEL_32.index(curve)] == pytest.approx(moved, abs=0.02)


def test_mouth_close_equal_to_jaw_open_shuts_the_lips_over_an_open_jaw() -> None:
    assert MOUTH_CLOSE_MM == JAW_OPEN_MM
    values = np.zeros((3, 32), np.float32)
    values[:, MODEL_32.index("jawOpen")] = (0.0, 0.4, 0.8)
    assert (np.diff(lip_gap_mm(values)) > 10.0).all()
    values[:, MODEL_32.index("mouthClose")] = values[:, MODEL_32.index("jawOpen")]
    np.testing.assert_allclose(lip_gap_mm(values), LIP_GAP_NEUTRAL_MM, atol=1e-4)


def test_pressed_lips_have_no_gap_and_a_negative_signed_one() -> None:
    values = np.zeros(32, np.float32)
    values[MODEL_32.index("mouthRollLower")] = 0.5
    assert lip_gap_mm(values) == 0.0
    assert lip_gap_mm(values, signed=True) == pytest.approx(0.24 - 1.6)
