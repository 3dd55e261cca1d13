"""Lips stay apart in open sounds, and only there."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from pmmlink.curves import MODEL_32
from pmmlink.lips import lip_gap_mm
from pmmlink.model.lip_parting import LipParting
from pmmlink.model.lip_seal import LipSeal

CLOSE, JAW = MODEL_32.index("mouthClose"), MODEL_32.index("jawOpen")
SURE, UNSURE = 9.0, -9.0
OPEN_SOUND = (UNSURE, UNSURE)


def parted(curves: torch.Tensor, evidence: tuple[float, float], least_mm: float = 2.5) -> torch.Tensor:
    return LipParting(least_mm)(curves, torch.tensor(evidence).expand(*curves.shape[:-1], 2))


@given(st.lists(st.floats(0, 1), min_size=32, max_size=32), st.floats(0.5, 4.0))
@example([0.96875 if i == CLOSE else 0.0 for i in range(32)], 1.0)  # rounding once left -6e-8
def test_open_sounds_have_at_least_the_least_gap_and_open_mouths_are_left_alone(
    values: list[float], least: float
) -> None:
    curves = torch.tensor([[values]])
    before = float(lip_gap_mm(curves.numpy())[0, 0])
    out = parted(curves, OPEN_SOUND, least)
    gap = float(lip_gap_mm(out.numpy())[0, 0])
    assert out.min() >= 0
    assert out.max() <= 1
    if before >= least:
        assert torch.allclose(out, curves, atol=1e-5)
    elif float(out[0, 0, JAW]) < 1:
        assert gap == pytest.approx(least, abs=1e-2)
    others = [i for i in range(32) if i not in (CLOSE, JAW)]
    assert torch.equal(out[..., others], curves[..., others])


@pytest.mark.parametrize("evidence", [(SURE, UNSURE), (UNSURE, SURE), (SURE, SURE)])
def test_bilabials_and_silence_may_close(evidence: tuple[float, float]) -> None:
    shut = torch.zeros(1, 1, 32)
    assert torch.equal(parted(shut, evidence), shut)


def test_the_jaw_is_spared_where_mouth_close_can_give_way() -> None:
    curves = torch.zeros(1, 1, 32)
    curves[..., JAW] = curves[..., CLOSE] = 0.3
    out = parted(curves, OPEN_SOUND)
    assert out[0, 0, JAW] == pytest.approx(0.3)
    assert out[0, 0, CLOSE] < 0.3


def test_the_seal_has_the_last_word_where_a_bilabial_is_likely() -> None:
    curves = torch.full((1, 1, 32), 0.0)
    curves[..., JAW] = 0.2
    odds = torch.tensor([[[0.0, UNSURE]]])  # one half: above the seal's upper limit
    raw = torch.cat([LipParting(2.5)(curves, odds), odds[..., :1]], dim=-1)
    sealed = LipSeal(0.2, 0.45)(raw)
    assert float(lip_gap_mm(sealed.numpy())[0, 0]) < 0.1
