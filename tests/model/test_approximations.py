"""Each limit of the stream is shown with what it costs, and the costs add up to what the model declares."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pmmlink.model.approximations import approximations
from pmmlink.model.audio import AudioEncoder, ContextDecoder
from pmmlink.model.config import PMMTalkConfig, paper_config
from pmmlink.model.talking_head import MouthWindows
from pmmlink.stream.stage import WHOLE_CLIP

SIZES = {"layers": 2, "dim": 8, "heads": 2, "feed_forward": 8, "kernel": 10, "groups": 2}


def streamed(level: Any = "running", ahead: int = 6, **context: Any) -> PMMTalkConfig:
    paper = paper_config()
    return dataclasses.replace(
        paper,
        audio_encoder=dataclasses.replace(paper.audio_encoder, dim=8, level=level),
        audio_decoder=dataclasses.replace(paper.audio_decoder, **(SIZES | {"conv_right": 2} | context)),
        text_decoder=dataclasses.replace(paper.text_decoder, **SIZES, conv_right=None),
        talking_head=dataclasses.replace(paper.talking_head, ahead=ahead),
    )


@pytest.mark.parametrize(
    "context", [{}, {"chunk": 4}, {"chunk": 3, "look_ahead": 2}, {"conv_right": 0, "left_context": 9}]
)
def test_costs_add_up_to_the_branches_latency(context: dict[str, Any]) -> None:
    config = streamed(ahead=9, **context)
    found = approximations(config)
    front = sum(one.latency for one in found if one.field.startswith("audio_encoder"))
    assert front == AudioEncoder(config.audio_encoder).latency
    for name in ("audio_decoder", "text_decoder"):
        cost = sum(one.latency for one in found if one.field.startswith(name))
        assert cost == 320 * ContextDecoder(8, getattr(config, name)).latency
    mouth = [one.latency for one in found if one.field == "talking_head.ahead"]
    assert mouth == [MouthWindows(9, "wav2lip").latency]


def test_what_needs_the_whole_clip_says_so() -> None:
    by_field = {
        one.field: one for one in approximations(streamed("utterance", left_context=None, chunk=None))
    }
    for field in ("audio_encoder.level", "audio_decoder.left_context", "audio_decoder.chunk"):
        assert by_field[field].latency == WHOLE_CLIP, field
    assert by_field["audio_decoder.chunk"].setting == "all tokens"
    assert by_field["text_decoder.chunk"].latency == 0


def test_branches_that_are_off_cost_nothing() -> None:
    image = dataclasses.replace(streamed(), modalities=("image",))
    assert [one.field for one in approximations(image)] == ["talking_head.ahead"]
    assert not any(one.field.startswith("audio_decoder") for one in approximations(PMMTalkConfig()))
