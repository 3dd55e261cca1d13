"""The whole model: the law, the declared latency, the presets, the cached identity, the weights file."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
from contract import check_law, random_chunks
from hypothesis import given, settings
from hypothesis import strategies as st

from pmmlink.errors import CheckpointError
from pmmlink.lips import lip_gap_mm
from pmmlink.model.checkpoint import load_model, read_card, save_model
from pmmlink.model.closure_evidence import ClosureEvidence
from pmmlink.model.config import (
    AudioEncoderConfig,
    ContextConfig,
    DecoderConfig,
    ImageEncoderConfig,
    PMMTalkConfig,
    TalkingHeadConfig,
    paper_config,
)
from pmmlink.model.lip_seal import LipSeal
from pmmlink.model.pmmtalk import PMMTalk, frames_for
from pmmlink.phones import PHONE_INDEX, PHONES
from pmmlink.stream.stage import run_stream

TINY_CONTEXT = ContextConfig(layers=1, dim=8, heads=2, feed_forward=16, kernel=4, left_context=9)
TINY = PMMTalkConfig(
    name="tiny",
    vocabulary=7,
    audio_encoder=AudioEncoderConfig(dim=8, layers=1, heads=2, kernel=4, left_context=9),
    audio_decoder=TINY_CONTEXT,
    text_decoder=TINY_CONTEXT,
    talking_head=TalkingHeadConfig(
        image_size=12,
        face_widths=(2, 3, 4, 5),
        face_residuals=(0, 1, 1, 0),
        speech_widths=(2, 3, 4, 5, 6),
        decoder_widths=(6, 5, 4, 3),
        decoder_residuals=(0, 1, 1, 1),
        output_width=3,
    ),
    image_encoder=ImageEncoderConfig(widths=(2, 4), dim=8, heads=2, feed_forward=16, left_context=9),
    decoder=DecoderConfig(align_dim=6, dim=8, layers=2, heads=2, feed_forward=16, left_context=9),
)
TINY_HEARING = dataclasses.replace(
    TINY,
    vocabulary=len(PHONES),
    phone_share=0.5,
    phone_memory=(0.7, 0.2, 0.1),
    least_gap_mm=2.5,
    smoothing=0.1,
    audio_encoder=dataclasses.replace(TINY.audio_encoder, lead=5),
)
TINY_WAVE = dataclasses.replace(
    TINY,
    audio_encoder=AudioEncoderConfig(front="wave", dim=8, layers=0),
    audio_decoder=dataclasses.replace(TINY_CONTEXT, blocks="transformer", groups=2, chunk=4, layers=2),
    text_decoder=dataclasses.replace(TINY_CONTEXT, blocks="transformer", groups=2, chunk=4, layers=2),
)


def speech_like(batch: int, samples: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    envelope = torch.sin(torch.arange(samples) / 1500).abs()[None, :, None]
    return torch.randn(batch, samples, 1, generator=generator) * envelope * 0.1


def tiny_paper(chunk: int, look_ahead: int) -> PMMTalkConfig:
    """The paper preset's parts, at sizes that a test can run."""
    paper = paper_config()
    sizes = {"layers": 3, "dim": 8, "heads": 2, "feed_forward": 16, "kernel": 8, "conv_right": 2, "groups": 2}
    reach = {"left_context": 7, "chunk": chunk, "look_ahead": look_ahead}
    return dataclasses.replace(
        paper,
        vocabulary=7,
        audio_encoder=dataclasses.replace(paper.audio_encoder, dim=8),
        audio_decoder=dataclasses.replace(paper.audio_decoder, **sizes, **reach),
        text_decoder=dataclasses.replace(paper.text_decoder, **sizes, **reach),
        talking_head=dataclasses.replace(TINY.talking_head, mel="wav2lip"),
        image_encoder=TINY.image_encoder,
        decoder=TINY.decoder,
    )


@pytest.mark.parametrize(("chunk", "look_ahead"), [(3, 0), (3, 1), (2, 4)])
def test_the_paper_preset_obeys_the_law_with_chunks_ahead(chunk: int, look_ahead: int) -> None:
    torch.manual_seed(0)
    model = PMMTalk(tiny_paper(chunk, look_ahead)).eval()
    tokens = 2 + chunk - 1 + look_ahead * chunk
    assert model.latency == max(399 + 320 * tokens, model.mouth_windows.latency)
    check_law(model, speech_like(1, 7003), smallest=333, largest=2000)


@pytest.mark.parametrize("config", [TINY, TINY_WAVE, TINY_HEARING], ids=["mel", "wave", "hearing"])
def test_the_model_obeys_the_law(config: PMMTalkConfig) -> None:
    torch.manual_seed(0)
    check_law(PMMTalk(config).eval(), speech_like(2, 9003), smallest=77, largest=2000)


def test_phones_that_the_text_decoder_hears_have_their_share_of_the_closure() -> None:
    torch.manual_seed(0)
    deaf = PMMTalk(dataclasses.replace(TINY_HEARING, phone_share=0.0, least_gap_mm=0.0)).eval()
    hearing = PMMTalk(dataclasses.replace(TINY_HEARING, phone_share=0.25, least_gap_mm=0.0)).eval()
    hearing.load_state_dict(deaf.state_dict())
    x = speech_like(1, 8000)
    with torch.inference_mode():
        before, after = deaf.predict(x), hearing.predict(x)
    assert after.symbols is not None
    closed = after.symbols.softmax(-1)[0, :, [PHONE_INDEX[p] for p in "PBM"]].sum(-1)
    newest = torch.tensor([5 * k // 3 for k in range(after.raw.shape[1])])
    odds = torch.nn.functional.pad(torch.logit(closed), (2, 0), value=math.log(1e-4))  # silence before it all
    remembered = 0.7 * odds[2:] + 0.2 * odds[1:-1] + 0.1 * odds[:-2]
    expected = 0.75 * before.raw[0, :, -1] + 0.25 * remembered[newest]
    assert torch.allclose(after.raw[0, :, -1], expected, atol=1e-4)
    assert torch.equal(after.raw[..., :-1], before.raw[..., :-1])
    with pytest.raises(CheckpointError, match="own phones"):
        PMMTalk(dataclasses.replace(TINY, phone_share=0.5))
    with pytest.raises(CheckpointError, match="needs phone_share"):
        PMMTalk(dataclasses.replace(TINY, least_gap_mm=2.5))


def test_before_the_stream_lies_silence() -> None:
    phones = torch.full((1, 6, len(PHONES)), -20.0)
    phones[..., PHONE_INDEX["SIL"]] = 20.0
    odds = ClosureEvidence((0.6, 0.3, 0.1))(phones)[0]
    assert torch.allclose(odds.sigmoid(), torch.tensor([[0.0, 1.0]]).expand(len(odds), 2), atol=2e-4)
    phones[:, 0, PHONE_INDEX["M"]] = 60.0
    closed = ClosureEvidence((0.6, 0.3, 0.1))(phones)[0, :, 0] / math.log(1e4)
    assert torch.allclose(closed, torch.tensor([0.2, -0.4, -1.0, -1.0]), atol=1e-3)  # tokens 0, 1, 3, 5


def test_the_model_obeys_the_law_one_sample_at_a_time() -> None:
    torch.manual_seed(0)
    model = PMMTalk(TINY).eval()
    x = speech_like(1, 2600)
    with torch.inference_mode():
        streamed = run_stream(model, x, [1] * 2600)
        assert torch.allclose(streamed, model(x), atol=1e-4)


@given(samples=st.integers(1, 5000), seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_every_length_gives_one_frame_for_each_instant_inside_it(samples: int, seed: int) -> None:
    import numpy as np

    model = PMMTalk(TINY).eval()
    x = speech_like(1, samples, seed)
    with torch.inference_mode():
        streamed = run_stream(model, x, random_chunks(samples, np.random.default_rng(seed), 900))
    assert streamed.shape[1] == frames_for(samples) == -(-samples * 30 // 16000)


@pytest.mark.parametrize("without", ["audio", "text", "image"])
def test_a_modality_can_be_switched_off(without: str) -> None:
    config = dataclasses.replace(TINY, modalities=tuple(m for m in TINY.modalities if m != without))
    model = PMMTalk(config).eval()
    check_law(model, speech_like(1, 6000), smallest=500, largest=2000)
    assert not hasattr(model, f"{without}_align")
    assert len(model.predict(speech_like(1, 3200)).features) == 2


def test_the_compact_preset_declares_at_most_150_ms_and_6_million_parameters() -> None:
    model = PMMTalk(PMMTalkConfig())
    assert model.latency / 16 <= 105
    assert model.latency / 16 + 1000 / 30 <= 150
    assert sum(p.numel() for p in model.parameters()) <= 6_000_000


def test_the_compact_preset_never_looks_further_than_it_declares() -> None:
    torch.manual_seed(0)
    model = PMMTalk(PMMTalkConfig()).eval()
    x = speech_like(1, 16000)
    with torch.inference_mode():
        whole = model(x)
        for frame in range(3, 27):
            instant = frame * 16000 // 30
            changed = x.clone()
            changed[:, instant + model.latency + 1 :] += 0.5
            assert torch.equal(model(changed)[:, : frame + 1], whole[:, : frame + 1]), frame


def test_the_identity_branch_runs_once_per_face() -> None:
    model = PMMTalk(TINY).eval()
    calls = []
    model.talking_head.face_encoder_blocks[0].register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode():
        state = model.init_state(1)
        for _ in range(10):
            model.step(speech_like(1, 1600), state)
    assert len(calls) == 1


def test_another_reference_face_changes_the_pictures() -> None:
    model = PMMTalk(TINY).eval()
    size = TINY.talking_head.image_size
    faces = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    windows = torch.randn(2, 4, 16, 80)
    with torch.inference_mode():
        first = model.talking_head(windows, model.talking_head.encode_face(faces))
        swapped = model.talking_head(windows, model.talking_head.encode_face(faces.flip(0)))
    assert not torch.allclose(first, swapped)


def test_closure_shuts_the_lips() -> None:
    seal = LipSeal()
    raw = torch.zeros(1, 2, 33)
    raw[..., :32] = 0.1
    raw[..., 3] = 0.4  # jawOpen
    raw[0, 0, 32], raw[0, 1, 32] = 8.0, -8.0
    curves = seal(raw)[0].numpy()
    assert lip_gap_mm(curves[0]) == pytest.approx(0, abs=0.02)
    assert lip_gap_mm(curves[1]) > 5


@pytest.mark.slow
def test_the_paper_preset_builds_and_runs() -> None:
    model = PMMTalk(paper_config()).eval()
    assert 600e6 < sum(p.numel() for p in model.parameters()) < 900e6
    with torch.inference_mode():
        out = model(speech_like(1, 16000))
    assert out.shape == (1, 30, 32)
    assert torch.isfinite(out).all()


def test_configs_survive_json() -> None:
    for config in (TINY, TINY_WAVE, PMMTalkConfig(), paper_config()):
        assert PMMTalkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_unknown_setting_is_named() -> None:
    values = PMMTalkConfig().to_dict()
    values["decoder"]["depth"] = 3
    with pytest.raises(CheckpointError, match=r"config\.decoder: unknown setting 'depth'"):
        PMMTalkConfig.from_dict(values)


def test_weights_come_back_as_they_went(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = PMMTalk(TINY).eval()
    path = tmp_path / "tiny.safetensors"
    save_model(model, path, {"licence": "none"}, half=False)
    loaded, card = load_model(path)
    assert card == {"licence": "none"}
    x = speech_like(1, 4000)
    with torch.inference_mode():
        assert torch.equal(loaded(x), model(x))
    assert not list(tmp_path.glob("*.partial"))


def test_weights_can_be_read_by_whoever_can_read_files_beside_them(tmp_path: Path) -> None:
    path, beside = tmp_path / "tiny.safetensors", tmp_path / "notes.txt"
    beside.touch()
    save_model(PMMTalk(TINY), path, {})
    assert path.stat().st_mode == beside.stat().st_mode


def test_damaged_weights_give_one_clear_line(tmp_path: Path) -> None:
    missing, damaged = tmp_path / "none.safetensors", tmp_path / "bad.safetensors"
    damaged.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00not json at all!")
    for path in (missing, damaged):
        with pytest.raises(CheckpointError, match=path.name):
            read_card(path)


def test_a_misshapen_tensor_is_named(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = tmp_path / "tiny.safetensors"
    save_model(PMMTalk(TINY), path, {})
    config, _ = read_card(path)
    tensors = load_file(path)
    tensors["decoder.norm.weight"] = torch.zeros(3)
    metadata = {"format": "pmmlink/1", "config": json.dumps(config.to_dict()), "card": "{}"}
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(CheckpointError, match=r"'decoder\.norm\.weight' has shape \[3\], expected \[8\]"):
        load_model(path)


def test_numbers_that_make_no_model_are_one_error() -> None:
    ear = dataclasses.replace(TINY.audio_encoder, lead=-1)
    with pytest.raises(CheckpointError, match="lead: -1 tokens"):
        PMMTalk(dataclasses.replace(TINY, audio_encoder=ear))
    with pytest.raises(CheckpointError, match="phone_memory is empty"):
        PMMTalk(dataclasses.replace(TINY_HEARING, phone_memory=()))
