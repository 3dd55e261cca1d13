"""Frames that keep a little of the one before."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from pmmlink.errors import CheckpointError
from pmmlink.model.config import PMMTalkConfig
from pmmlink.model.frame_smoothing import FrameSmoothing
from pmmlink.model.pmmtalk import PMMTalk


def test_a_frame_keeps_its_share_of_the_one_before() -> None:
    steps = torch.tensor([2.0, 4.0, 0.0])[None, :, None]
    assert FrameSmoothing(0.25)(steps).flatten().tolist() == pytest.approx([2.0, 3.5, 1.0])


def test_what_alternates_trembles_less_and_what_moves_evenly_moves_as_before() -> None:
    smooth = FrameSmoothing(0.1)
    alternating = torch.tensor([0.0, 1.0] * 10)[None, :, None]
    assert smooth(alternating)[0, 1:, 0].std() == pytest.approx(0.8 * alternating[0, 1:, 0].std())
    even = torch.arange(20.0)[None, :, None]
    torch.testing.assert_close(smooth(even).diff(dim=1)[:, 1:], even.diff(dim=1)[:, 1:])


def test_the_seal_still_closes_the_lips_at_once() -> None:
    torch.manual_seed(0)
    config = dataclasses.replace(PMMTalkConfig(modalities=("audio",)), smoothing=0.5)
    model = PMMTalk(config).eval()
    raw = torch.zeros(1, 2, 33)
    raw[..., 3] = 0.5
    raw[0, 0, -1], raw[0, 1, -1] = -9.0, 9.0
    smoothed = torch.cat([model.smoothing(raw[..., :-1]), raw[..., -1:]], dim=-1)
    assert model.lip_seal is not None
    assert model.lip_seal.gap_mm(model.finish(smoothed))[0].tolist() == pytest.approx([17.3, 0.0], abs=0.1)


@pytest.mark.parametrize("share", [-0.1, 0.6])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(CheckpointError, match=r"0 to 0\.5"):
        FrameSmoothing(share)
