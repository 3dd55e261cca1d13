"""Every stage obeys the streaming law."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import pytest
import soundfile
import soxr
import torch
from contract import check_law
from torch import Tensor, nn

from pmmlink.dsp.emphasis import PreEmphasis
from pmmlink.dsp.level import RunningLevel
from pmmlink.dsp.mel import MelPower
from pmmlink.dsp.wave_level import RunningWaveLevel, UtteranceLevel
from pmmlink.errors import CheckpointError
from pmmlink.model import conformer_look_ahead
from pmmlink.model.audio import AudioEncoder, ContextDecoder, PositionalConvolution
from pmmlink.model.config import AudioEncoderConfig, ContextConfig, DecoderConfig, ImageEncoderConfig
from pmmlink.model.conformer import ConformerBlock
from pmmlink.model.conformer_look_ahead import ConformerLookAhead
from pmmlink.model.decoder import PMMTalkDecoder
from pmmlink.model.frame_smoothing import FrameSmoothing
from pmmlink.model.image import ImageEncoder
from pmmlink.model.look_ahead import LookAheadStack
from pmmlink.model.running_blocks import RunningLookAhead
from pmmlink.model.talking_head import MouthWindows
from pmmlink.model.text import TextDecoder
from pmmlink.model.transformer import TransformerLayer
from pmmlink.resources import sample_speech
from pmmlink.stream.attention import CachedAttention, alibi_slopes
from pmmlink.stream.conv import StreamConv1d
from pmmlink.stream.rate import RateChange, RateWindows
from pmmlink.stream.stage import Chain, Pointwise, Stage, run_stream

TOKEN_STAGES = {
    "pointwise": lambda: Pointwise(nn.Linear(8, 5)),
    "causal convolution": lambda: StreamConv1d(8, 6, 5),
    "look-ahead convolution": lambda: StreamConv1d(8, 6, 7, right=3),
    "fully anticausal convolution": lambda: StreamConv1d(8, 6, 4, right=3),
    "strided convolution": lambda: StreamConv1d(8, 6, 3, stride=2, right=1),
    "dilated convolution": lambda: StreamConv1d(8, 6, 3, dilation=4, right=4),
    "grouped convolution": lambda: StreamConv1d(8, 8, 5, groups=8, right=1),
    "unpadded convolution": lambda: StreamConv1d(8, 6, 4, stride=2, right=3, pad_end=False),
    "causal attention": lambda: CachedAttention(8, 2, left_context=7),
    "attention with alibi": lambda: CachedAttention(8, 2, left_context=7, alibi=True),
    "chunk attention": lambda: CachedAttention(8, 2, left_context=6, chunk=4),
    "chunk attention with alibi": lambda: CachedAttention(8, 2, left_context=5, chunk=3, alibi=True),
    "attention without past": lambda: CachedAttention(8, 2, left_context=0, chunk=4),
    "rate windows 5 to 3": lambda: RateWindows(3, 5, 4, ahead=1),
    "rate windows 8 to 3": lambda: RateWindows(3, 8, 16, ahead=6),
    "rate change 5 to 3": lambda: RateChange(8, 6, 3, 5),
    "rate change 1 to 2": lambda: RateChange(8, 6, 2, 1),
    "conformer block": lambda: ConformerBlock(8, 2, 16, kernel=4, right=1, left_context=9),
    "causal conformer block": lambda: ConformerBlock(8, 2, 16, kernel=4, right=0, left_context=9),
    "transformer layer": lambda: TransformerLayer(8, 2, 16, left_context=9, alibi=True),
    "chunked transformer layer": lambda: TransformerLayer(8, 2, 16, left_context=9, chunk=3),
    "positional convolution": lambda: PositionalConvolution(8, 6, 2, 2),
    "conformer context": lambda: ContextDecoder(8, ContextConfig(dim=8, heads=2, feed_forward=16, kernel=4)),
    "transformer context": lambda: ContextDecoder(
        8,
        ContextConfig(
            blocks="transformer",
            layers=3,
            dim=8,
            heads=2,
            feed_forward=16,
            kernel=4,
            groups=2,
            left_context=8,
            chunk=2,
        ),
    ),
    "transformer context with chunks ahead": lambda: ContextDecoder(
        8,
        ContextConfig(
            blocks="transformer",
            layers=3,
            dim=8,
            heads=2,
            feed_forward=16,
            kernel=5,
            conv_right=None,
            groups=2,
            left_context=5,
            chunk=3,
            look_ahead=2,
        ),
    ),
    "look-ahead stack": lambda: LookAheadStack(8, 2, 16, layers=3, left_context=7, chunk=2, ahead=1),
    "look-ahead stack without past": lambda: LookAheadStack(
        8, 2, 16, layers=2, left_context=0, chunk=1, ahead=4
    ),
    "conformer blocks ahead": lambda: ConformerLookAhead(
        8, 2, 16, layers=3, kernel=4, left_context=7, chunk=2, ahead=3
    ),
    "conformer blocks ahead without past": lambda: ConformerLookAhead(
        8, 2, 16, layers=2, kernel=1, left_context=0, chunk=3, ahead=0
    ),
    "text decoder": lambda: TextDecoder(8, 11, ContextConfig(dim=8, heads=2, feed_forward=16, kernel=4)),
    "decoder": lambda: PMMTalkDecoder(
        5, 3, DecoderConfig(align_dim=5, dim=8, layers=2, heads=2, feed_forward=16, left_context=9, period=7)
    ),
    "frame smoothing": lambda: FrameSmoothing(0.2),
    "chain": lambda: Chain(
        StreamConv1d(8, 6, 3, stride=2, right=1),
        Pointwise(nn.GELU()),
        StreamConv1d(6, 8, 5, right=2),
        CachedAttention(8, 2, left_context=5, chunk=2),
    ),
}


@pytest.mark.parametrize("name", TOKEN_STAGES)
@pytest.mark.parametrize("batch", [1, 3])
def test_a_stage_over_tokens_obeys_the_law(name: str, batch: int) -> None:
    torch.manual_seed(1)
    stage: Stage[object] = TOKEN_STAGES[name]().eval()
    check_law(stage, torch.randn(batch, 61, 8))


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_very_short_streams_obey_the_law(length: int) -> None:
    torch.manual_seed(2)
    for name in (
        "look-ahead convolution",
        "chunk attention",
        "rate change 5 to 3",
        "conformer context",
        "look-ahead stack",
        "conformer blocks ahead",
        "transformer context with chunks ahead",
        "frame smoothing",
        "chain",
    ):
        check_law(TOKEN_STAGES[name]().eval(), torch.randn(2, length, 8))


def test_mel_and_level_obey_the_law_one_sample_at_a_time() -> None:
    torch.manual_seed(3)
    stage = Chain(
        MelPower(64, 20, 12), RunningLevel(800, target_db=10, floor_db=-10, gate_db=-40, fall_db_per_s=200)
    )
    speech = torch.randn(2, 700, 1) * torch.linspace(0.01, 1, 700)[None, :, None].flip(1)
    check_law(stage, speech)


@pytest.mark.parametrize("lead", [0, 5])
@pytest.mark.parametrize(("front", "level"), [("mel", "running"), ("wave", "running"), ("wave", "none")])
def test_audio_encoders_obey_the_law(front: Any, level: Any, lead: int) -> None:
    torch.manual_seed(4)
    sizes = {"dim": 8, "layers": 1, "causal_layers": 1, "heads": 2, "kernel": 4, "left_context": 50}
    config = AudioEncoderConfig(front=front, level=level, lead=lead, **sizes)
    check_law(AudioEncoder(config).eval(), torch.randn(2, 5003, 1) * 0.1, smallest=160, largest=900)


def test_an_audio_encoder_whose_blocks_look_ahead_together_obeys_the_law() -> None:
    torch.manual_seed(4)
    sizes = {"dim": 8, "layers": 2, "causal_layers": 1, "heads": 2, "kernel": 4, "left_context": 50}
    encoder = AudioEncoder(AudioEncoderConfig(chunk=2, look_ahead=3, lead=5, **sizes)).eval()
    assert encoder.latency == 359 + 4 * 320  # the window's half, a mel step for the stem, four tokens
    check_law(encoder, torch.randn(2, 5003, 1) * 0.1, smallest=160, largest=900)


@pytest.mark.parametrize("samples", [1, 300, 1000, 4000])
def test_a_stream_is_heard_as_one_after_silence(samples: int) -> None:
    torch.manual_seed(5)
    sizes = {"dim": 8, "layers": 1, "causal_layers": 1, "heads": 2, "kernel": 4, "left_context": 50}
    plain, led = (AudioEncoder(AudioEncoderConfig(lead=lead, **sizes)).eval() for lead in (0, 3))
    led.load_state_dict(plain.state_dict())
    x = torch.randn(1, samples, 1) * 0.1
    with torch.inference_mode():
        after_silence = plain(torch.cat([torch.zeros(1, 960, 1), x], dim=1))[:, 3:]
        assert torch.allclose(led(x), after_silence, atol=1e-5)
        assert torch.allclose(run_stream(led, x, [1, 100]), after_silence, atol=1e-4)
        for outputs in (1, 2, 5):
            needed = led.inputs_for(outputs)
            speech = torch.randn(1, needed, 1)
            assert led.step(speech, led.init_state(1)).shape[1] >= outputs
            assert led.step(speech[:, 1:], led.init_state(1)).shape[1] < outputs


@pytest.mark.parametrize("ahead", [0, 6, 15])
@pytest.mark.parametrize("mel", ["running", "wav2lip"])
def test_mouth_windows_obey_the_law(mel: str, ahead: int) -> None:
    torch.manual_seed(5)
    check_law(MouthWindows(ahead, mel), torch.randn(2, 6100, 1) * 0.1, smallest=160, largest=900)


@pytest.mark.parametrize("stage", [PreEmphasis(), RunningWaveLevel(window=30, fall_db_per_s=2000)])
def test_stages_over_samples_obey_the_law_one_at_a_time(stage: Stage[Any]) -> None:
    torch.manual_seed(7)
    loudness = torch.linspace(2.0, 0.0, 301)[None, :, None] ** 3
    check_law(stage, torch.randn(2, 301, 1) * loudness)


def test_the_image_encoder_obeys_the_law() -> None:
    torch.manual_seed(6)
    encoder = ImageEncoder(
        12, ImageEncoderConfig(widths=(4, 4), dim=8, layers=1, heads=2, feed_forward=16, left_context=5)
    ).eval()
    images = torch.rand(2, 17, 3, 12, 12)
    state = encoder.init_state(2)
    with torch.inference_mode():
        parts = [encoder.step(images[:, i : i + 3], state) for i in range(0, 17, 3)]
        assert torch.allclose(torch.cat(parts, 1), encoder(images), atol=1e-5)


def test_a_chain_adds_up_ratio_and_latency() -> None:
    chain = Chain(StreamConv1d(1, 2, 4, stride=4, right=3), StreamConv1d(2, 2, 3, stride=2, right=1))
    assert chain.ratio == Fraction(1, 8)
    assert chain.latency == 3 + 4 * 1


def other_from(x: Tensor, at: int) -> Tensor:
    """The same steps up to ``at``, others from there on."""
    changed = x.clone()
    changed[:, at:] += 1.0
    return changed


def test_chunk_attention_does_not_add_up_over_layers() -> None:
    layers = Chain(*(TransformerLayer(8, 2, 8, left_context=8, chunk=4) for _ in range(3))).eval()
    x = torch.randn(1, 40, 8)
    with torch.inference_mode():
        assert torch.equal(layers(x)[:, :20], layers(other_from(x, 20))[:, :20])


def test_chunks_ahead_do_not_add_up_over_layers_and_are_all_seen() -> None:
    torch.manual_seed(8)
    stack = LookAheadStack(8, 2, 16, layers=4, left_context=6, chunk=4, ahead=2).eval()
    x = torch.randn(1, 40, 8)
    with torch.inference_mode():
        before = stack(x)
        for at, touched in ((28, 16), (27, 16), (15, 4)):
            # Token t is in chunk t // 4 and sees two chunks more.
            same = (stack(other_from(x, at)) == before).all(-1)[0]
            assert same[: at // 4 * 4 - 8].all()
            assert not same[at // 4 * 4 - 8 : touched].any()


def test_a_stack_with_everything_in_view_is_plain_attention() -> None:
    torch.manual_seed(9)
    stack = LookAheadStack(8, 2, 16, layers=2, left_context=3, chunk=12, ahead=1).eval()
    plain = Chain(*(TransformerLayer(8, 2, 16, left_context=None, chunk=None) for _ in range(2))).eval()
    plain.stages.load_state_dict(stack.layers.state_dict())
    x = torch.randn(2, 12, 8)
    with torch.inference_mode():
        assert torch.allclose(stack(x), plain(x), atol=1e-6)


def test_tokens_ahead_do_not_add_up_over_conformer_blocks_and_are_all_seen() -> None:
    torch.manual_seed(11)
    stack = ConformerLookAhead(8, 2, 16, layers=4, kernel=5, left_context=6, chunk=2, ahead=3).eval()
    assert stack.latency == 4
    x = torch.randn(1, 40, 8)
    with torch.inference_mode():
        before = stack(x)
        for at, touched in ((25, 22), (24, 20), (23, 20)):
            # Token t is in chunk t // 2 and sees three tokens more.
            same = (stack(other_from(x, at)) == before).all(-1)[0]
            assert same[:touched].all()
            assert not same[touched:at].any()


def test_conformer_blocks_with_everything_in_view_hear_a_clip_as_a_whole() -> None:
    torch.manual_seed(12)
    sizes = {"layers": 2, "left_context": 3}
    stack = ConformerLookAhead(8, 2, 16, kernel=12, chunk=12, ahead=1, **sizes).eval()
    block = ConformerBlock(8, 2, 16, kernel=12, right=12, left_context=3).eval()
    whole = CachedAttention(8, 2, left_context=None, chunk=None)
    x = torch.randn(2, 12, 8)
    with torch.inference_mode():
        expected = x
        for weights in stack.blocks():
            block.load_state_dict(weights.state_dict())
            whole.load_state_dict(block.attention.state_dict())
            block.attention = whole
            expected = block(expected)
        assert torch.allclose(stack(x), expected, atol=1e-6)


def test_blocks_that_look_ahead_run_as_they_were_trained() -> None:
    torch.manual_seed(14)
    stack = ConformerLookAhead(8, 2, 16, layers=3, kernel=4, left_context=7, chunk=2, ahead=3).eval()
    running = RunningLookAhead(stack)
    for length in (1, 2, 6, 61):
        x = torch.randn(1, length, 8)
        check_law(running, x)
        with torch.inference_mode():
            assert torch.allclose(running(x), stack(x), atol=1e-5)


@pytest.mark.parametrize("wrong", [{"chunk": 0}, {"look_ahead": -1}, {"look_ahead": 2, "left_context": -1}])
def test_an_ear_that_cannot_look_so_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(CheckpointError, match="chunk must be at least 1"):
        AudioEncoder(AudioEncoderConfig(**wrong))


def test_long_clips_are_heard_in_parts_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(13)
    stack = ConformerLookAhead(8, 2, 16, layers=3, kernel=4, left_context=7, chunk=2, ahead=3).eval()
    x = torch.randn(2, 61, 8)
    with torch.inference_mode():
        at_once = stack(x)
        monkeypatch.setattr(conformer_look_ahead, "_MOST", 3)
        assert torch.allclose(stack(x), at_once, atol=1e-5)


def test_what_needs_the_whole_clip_refuses_to_stream() -> None:
    for stage in (
        CachedAttention(8, 2, left_context=None),
        CachedAttention(8, 2, left_context=4, chunk=None),
        UtteranceLevel(),
    ):
        with pytest.raises(CheckpointError, match="cannot stream"):
            stage.init_state(1)


def test_unlimited_attention_sees_all_and_unlimited_past_sees_what_was() -> None:
    torch.manual_seed(10)
    everything = CachedAttention(8, 2, left_context=None, chunk=None).eval()
    past = CachedAttention(8, 2, left_context=None, chunk=2).eval()
    x = torch.randn(1, 20, 8)
    first, last = x.clone(), x.clone()
    first[:, 0] += 1.0
    last[:, -1] += 1.0
    with torch.inference_mode():
        assert not torch.isclose(everything(last), everything(x)).all(-1).any()
        assert torch.equal(past(last)[:, :18], past(x)[:, :18])
        assert not torch.isclose(past(first), past(x)).all(-1).any()


def test_the_running_level_brings_speech_at_any_loudness_to_about_unit_variance() -> None:
    speech = torch.from_numpy(soxr.resample(*soundfile.read(sample_speech(), dtype="float32"), 16_000))
    level, utterance = RunningWaveLevel(), UtteranceLevel()
    assert utterance(speech[None, :, None]).std() == pytest.approx(1, abs=1e-3)
    for gain in (0.1, 1.0, 3.0):
        brought = level(gain * speech[None, :, None])[:, 8000:]
        assert brought.std() == pytest.approx(1, abs=0.2)


def test_a_sound_shorter_than_one_window_has_no_latents() -> None:
    encoder = AudioEncoder(AudioEncoderConfig(front="wave", dim=4)).eval()
    assert encoder(torch.randn(1, 399, 1)).shape == (1, 0, 4)
    assert encoder(torch.randn(1, 400, 1)).shape == (1, 1, 4)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"conv_right": 3}, "0 to 2 tokens"),
        ({"chunk": 0}, "at least 1"),
        ({"chunk": None, "look_ahead": 1}, "counts chunks"),
        ({"blocks": "conformer", "left_context": None}, "conformer"),
    ],
)
def test_contexts_that_do_not_go_together_are_refused(change: dict[str, Any], text: str) -> None:
    config = ContextConfig(blocks="transformer", layers=1, dim=8, heads=2, kernel=6, groups=2)
    with pytest.raises(CheckpointError, match=text):
        ContextDecoder(8, dataclasses.replace(config, **change))


def test_alibi_slopes_are_the_papers() -> None:
    assert torch.allclose(alibi_slopes(8), torch.tensor([2.0**-h for h in range(1, 9)]))


def test_a_look_ahead_beyond_the_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="exceeds"):
        StreamConv1d(2, 2, 3, right=3)
