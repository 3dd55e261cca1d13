"""With unlimited look-ahead, ψ_AE + ψ_AD is transformers' Wav2Vec2Model, and ψ_TD is its Wav2Vec2ForCTC."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC, Wav2Vec2ForPreTraining
from wav2vec2_models import LAYER_NORM, make, recogniser_of, save

from pmmlink.errors import CheckpointError
from pmmlink.model.audio import AudioEncoder, ContextDecoder
from pmmlink.model.config import AudioEncoderConfig, ContextConfig
from pmmlink.model.pretrained.ctc import load_text_decoder, read_symbols
from pmmlink.model.pretrained.source import find_pretrained
from pmmlink.model.pretrained.wav2vec2 import load_audio_encoder, load_context, read_sizes, read_tensors
from pmmlink.model.text import TextDecoder
from pmmlink.stream.stage import run_stream

UNLIMITED = ContextConfig(blocks="transformer", conv_right=None, left_context=None, chunk=None)
SOUND = torch.randn(2, 9000, generator=torch.Generator().manual_seed(5)) * 0.3


def audio_branch(
    folder: Path, level: Any = "none", context: ContextConfig = UNLIMITED
) -> tuple[AudioEncoder, ContextDecoder]:
    files = find_pretrained(str(folder))
    sizes, tensors = read_sizes(files.config), read_tensors(files)
    encoder = AudioEncoder(sizes.encoder(AudioEncoderConfig(level=level)))
    decoder = ContextDecoder(sizes.latent, sizes.context(context))
    load_audio_encoder(encoder, tensors, sizes)
    load_context(decoder, tensors)
    return encoder.eval(), decoder.eval()


def features(folder: Path, level: Any = "none", context: ContextConfig = UNLIMITED) -> torch.Tensor:
    encoder, decoder = audio_branch(folder, level, context)
    with torch.inference_mode():
        out: torch.Tensor = decoder(encoder(SOUND[..., None]))
    return out


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_conv_pos_embeddings": 15, "conv_bias": False},
        {"num_hidden_layers": 1, "num_attention_heads": 2, "num_conv_pos_embedding_groups": 2},
    ],
    ids=["as XLSR-53", "odd kernel, no biases", "other sizes"],
)
def test_audio_features_equal_transformers(tmp_path: Path, changes: dict[str, Any]) -> None:
    theirs = make(**changes)
    with torch.inference_mode():
        expected = theirs(SOUND).last_hidden_state
        latents = theirs.feature_extractor(SOUND).transpose(1, 2)
    ours = features(save(theirs, tmp_path))
    assert ours.shape == expected.shape
    assert torch.allclose(ours, expected, atol=1e-4)
    encoder, _ = audio_branch(tmp_path)
    with torch.inference_mode():
        assert torch.allclose(encoder(SOUND[..., None]), latents, atol=1e-4)


def test_the_layout_of_pretraining_checkpoints_loads(tmp_path: Path) -> None:
    theirs = make(Wav2Vec2ForPreTraining)
    with torch.inference_mode():
        expected = theirs.wav2vec2(SOUND).last_hidden_state
    assert torch.allclose(features(save(theirs, tmp_path)), expected, atol=1e-4)


def test_old_binary_weights_with_old_weight_norm_names_load(tmp_path: Path) -> None:
    theirs = make()
    save(theirs, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    new = "conv.parametrizations.weight.original"
    renamed = {
        name.replace(f"{new}0", "conv.weight_g").replace(f"{new}1", "conv.weight_v"): tensor
        for name, tensor in theirs.state_dict().items()
    }
    assert any(name.endswith("weight_g") for name in renamed)
    torch.save(renamed, tmp_path / "pytorch_model.bin")
    with torch.inference_mode():
        expected = theirs(SOUND).last_hidden_state
    assert torch.allclose(features(tmp_path), expected, atol=1e-4)


def test_the_utterance_level_is_the_feature_extractors(tmp_path: Path) -> None:
    theirs = make()
    prepared = Wav2Vec2FeatureExtractor(do_normalize=True)(
        list(SOUND.numpy()), sampling_rate=16_000, return_tensors="pt"
    ).input_values
    with torch.inference_mode():
        expected = theirs(prepared).last_hidden_state
    assert torch.allclose(features(save(theirs, tmp_path), "utterance"), expected, atol=1e-4)


@pytest.mark.parametrize("symbols", [11, 35])
def test_text_scores_equal_transformers(tmp_path: Path, symbols: int) -> None:
    theirs = make(Wav2Vec2ForCTC, vocab_size=symbols)
    files = find_pretrained(str(save(theirs, tmp_path, symbols=symbols)), vocabulary=True)
    sizes, tensors = read_sizes(files.config), read_tensors(files)
    encoder = AudioEncoder(sizes.encoder(AudioEncoderConfig(level="none"))).eval()
    decoder = TextDecoder(sizes.latent, sizes.vocabulary, sizes.context(UNLIMITED)).eval()
    load_audio_encoder(encoder, tensors, sizes)
    load_text_decoder(decoder, tensors)
    with torch.inference_mode():
        ours, expected = decoder(encoder(SOUND[..., None])), theirs(SOUND).logits
    assert ours.shape == expected.shape == (2, 27, symbols)
    assert torch.allclose(ours, expected, atol=1e-4)
    assert files.vocabulary is not None
    names = read_symbols(files.vocabulary, symbols)
    assert names[:2] == ("<pad>", "\u4e01")
    assert len(names) == symbols


def test_a_recogniser_keeps_its_own_feature_projection(tmp_path: Path) -> None:
    base = make(Wav2Vec2ForPreTraining)
    tuned = recogniser_of(base)
    assert not torch.equal(
        base.wav2vec2.feature_projection.projection.weight,
        tuned.wav2vec2.feature_projection.projection.weight,
    )
    shared, _ = audio_branch(save(base, tmp_path / "base"))
    files = find_pretrained(str(save(tuned, tmp_path / "tuned", symbols=11)), vocabulary=True)
    sizes = read_sizes(files.config)
    decoder = TextDecoder(sizes.latent, sizes.vocabulary, sizes.context(UNLIMITED)).eval()
    load_text_decoder(decoder, read_tensors(files))
    with torch.inference_mode():
        assert torch.allclose(decoder(shared(SOUND[..., None])), tuned(SOUND).logits, atol=1e-4)


def test_a_stream_with_room_for_the_whole_clip_equals_transformers(
    tmp_path: Path,
) -> None:
    """One chunk as long as the clip and the whole kernel: streamed step by step, still the same features."""
    theirs = make()
    with torch.inference_mode():
        expected = theirs(SOUND).last_hidden_state
    whole = dataclasses.replace(UNLIMITED, left_context=0, chunk=expected.shape[1])
    encoder, decoder = audio_branch(save(theirs, tmp_path), context=whole)
    with torch.inference_mode():
        streamed = run_stream(decoder, run_stream(encoder, SOUND[..., None], [700] * 12), [1] * 27)
    assert torch.allclose(streamed, expected, atol=1e-4)


def test_a_cut_kernel_drops_the_taps_ahead_and_nothing_else(tmp_path: Path) -> None:
    save(make(), tmp_path)
    _, whole = audio_branch(tmp_path)
    _, cut = audio_branch(tmp_path, context=dataclasses.replace(UNLIMITED, conv_right=3))
    full, kept = whole.stages[1].conv.conv.weight, cut.stages[1].conv.conv.weight  # type: ignore[union-attr]
    assert full.shape[2] == 16
    assert torch.equal(full[:, :, : 8 + 1 + 3], kept)  # type: ignore[index]
    assert cut.latency != whole.latency


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"feat_extract_norm": "group", "do_stable_layer_norm": False}, "cannot stream"),
        ({"do_stable_layer_norm": False}, "stable"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"conv_stride": [5, 2, 2, 2, 2, 2, 1]}, "conv_stride"),
        ({"conv_dim": [12] * 6 + [16]}, "seven equal numbers"),
        ({"add_adapter": True}, "add_adapter"),
    ],
)
def test_variants_that_compute_something_else_are_refused(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    save(make(**changes), tmp_path)
    with pytest.raises(CheckpointError, match=text):
        read_sizes(tmp_path / "config.json")


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"model_type": "hubert"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="'hubert', only 'wav2vec2'"):
        read_sizes(config)
    config.write_text("[1, 2", encoding="utf-8")
    with pytest.raises(CheckpointError, match="JSON"):
        read_sizes(config)


def test_the_config_of_another_checkpoint_names_the_first_tensor_that_does_not_fit(tmp_path: Path) -> None:
    small, large = save(make(), tmp_path / "small"), save(make(intermediate_size=48), tmp_path / "large")
    (small / "config.json").write_bytes((large / "config.json").read_bytes())
    with pytest.raises(
        CheckpointError,
        match=r"'encoder\.layers\.0\.feed_forward\.intermediate_dense\.weight' has shape \[40, 24\], "
        r"expected \[48, 24\]",
    ):
        features(small)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    model = make(Wav2Vec2ForPreTraining)
    save(model, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    table = model.state_dict()
    del table["wav2vec2.encoder.layers.1.attention.k_proj.bias"]
    torch.save(table, tmp_path / "pytorch_model.bin")
    with pytest.raises(
        CheckpointError, match=r"'wav2vec2\.encoder\.layers\.1\.attention\.k_proj\.bias' is missing"
    ):
        features(tmp_path)


def test_damaged_weights_and_weights_with_code_are_one_clear_line(tmp_path: Path) -> None:
    save(make(), tmp_path)
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    for content in (b"", b"nonsense" * 9, whole[: len(whole) // 2]):
        weights.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"not a readable safetensors file") as caught:
            features(tmp_path)
        assert "\n" not in str(caught.value)
    weights.unlink()
    torch.save({"wav2vec2.x": Path("code")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="could run code"):
        features(tmp_path)


def test_a_model_without_a_ctc_head_is_no_recogniser(tmp_path: Path) -> None:
    files = find_pretrained(str(save(make(), tmp_path, symbols=11)), vocabulary=True)
    sizes = read_sizes(files.config)
    decoder = TextDecoder(sizes.latent, sizes.vocabulary, sizes.context(UNLIMITED))
    with pytest.raises(CheckpointError, match=r"'lm_head\.weight' is missing"):
        load_text_decoder(decoder, read_tensors(files))


def test_a_vocabulary_of_another_head_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_text('{"a": 0, "b": 40}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="'b' has number 40, the head has 11"):
        read_symbols(path, 11)


def test_sizes_are_the_checkpoints(tmp_path: Path) -> None:
    save(make(), tmp_path)
    sizes = read_sizes(tmp_path / "config.json")
    assert (sizes.latent, sizes.dim, sizes.layers) == (12, 24, 3)
    assert sizes.vocabulary == LAYER_NORM["vocab_size"]
