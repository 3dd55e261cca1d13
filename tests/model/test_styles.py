"""Styles: stored ones, blends, and files fitted to an actor."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pmmlink.errors import CheckpointError, DataError
from pmmlink.model.animator import Animator
from pmmlink.model.config import AudioEncoderConfig, ContextConfig, DecoderConfig, PMMTalkConfig
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.model.style_fit import fit_style, style_error
from pmmlink.model.styles import parse_style, save_style, style_vector


@pytest.fixture(scope="module")
def model() -> PMMTalk:
    torch.manual_seed(0)
    config = PMMTalkConfig(
        modalities=("audio",),
        styles=("default", "anna", "ben"),
        audio_encoder=AudioEncoderConfig(dim=32, layers=1),
        audio_decoder=ContextConfig(layers=1, dim=32, feed_forward=64),
        decoder=DecoderConfig(align_dim=32, dim=48, layers=1, feed_forward=64),
    )
    model = PMMTalk(config)
    with torch.no_grad():  # untrained, the style would hardly show
        torch.nn.init.normal_(model.decoder.style_scale.weight, std=0.3)
        torch.nn.init.normal_(model.decoder.curves.weight, std=0.15)
        model.decoder.curves.bias.fill_(0.4)
        model.decoder.closure.bias.fill_(-6.0)
    return model.eval()


def test_shares_of_a_blend_are_made_to_add_up_to_one(model: PMMTalk) -> None:
    assert parse_style("anna:3, ben:1") == [("anna", 0.75), ("ben", 0.25)]
    assert parse_style("anna,ben") == [("anna", 0.5), ("ben", 0.5)]
    expected = 0.75 * model.styles[1] + 0.25 * model.styles[2]
    torch.testing.assert_close(style_vector(model, "anna:3,ben:1"), expected)
    torch.testing.assert_close(style_vector(model, "default"), model.styles[0])


def test_a_windows_path_is_not_mistaken_for_a_share() -> None:
    assert parse_style(r"C:\faces\anna.json") == [(r"C:\faces\anna.json", 1.0)]
    assert parse_style(r"C:\faces\anna.json:2,default:2") == [(r"C:\faces\anna.json", 0.5), ("default", 0.5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a part is empty"),
        ("anna,,ben", "a part is empty"),
        ("anna:0", "share of anna must be above 0"),
        ("anna:nan", "share of anna must be above 0"),
        ("anna:-1,ben:2", "share of anna must be above 0"),
        ("anna,anna:2", "anna appears twice"),
        ("ana", r"no style 'ana' in these weights; they hold default, anna"),
        ("nobody.json", r"nobody\.json: cannot be read"),
    ],
)
def test_a_bad_style_is_refused_with_a_remedy(model: PMMTalk, text: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        style_vector(model, text)


def test_a_style_file_reads_back_and_names_the_weights_it_belongs_to(model: PMMTalk, tmp_path: Path) -> None:
    path = tmp_path / "anna.json"
    vector = torch.randn(64)
    save_style(path, model, vector)
    torch.testing.assert_close(style_vector(model, str(path)), vector, atol=1e-5, rtol=0)
    other = PMMTalk(model.config)
    with pytest.raises(CheckpointError, match="fitted to other weights; run pmmlink calibrate --fit-style"):
        style_vector(other, str(path))
    content = json.loads(path.read_text(encoding="utf-8"))
    for bad in ([1.0], ["x"] * 64, [1e9] * 64, None):
        path.write_text(json.dumps({**content, "vector": bad}), encoding="utf-8")
        with pytest.raises(CheckpointError, match="damaged: expected 64 numbers"):
            style_vector(model, str(path))
    for text in ("[", "[]", "{}", "\x00"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(CheckpointError, match="not a style file"):
            style_vector(model, str(path))


def test_an_animator_speaks_in_the_blend_it_was_given(model: PMMTalk) -> None:
    sound = (0.3 * np.sin(np.arange(16_000) / 12)).astype(np.float32)

    def frames(style: str) -> np.ndarray:
        animator = Animator(model, style)
        return np.concatenate([animator.push(sound), animator.flush()])

    anna, ben, both = frames("anna"), frames("ben"), frames("anna:0.999,ben:0.001")
    assert np.abs(anna - ben).max() > 0.05
    assert np.abs(both - anna).max() < 0.01


def _noise(seconds: int) -> np.ndarray:
    return (0.2 * np.random.default_rng(0).standard_normal(seconds * 16_000)).astype(np.float32)


def test_a_style_fitted_to_an_actor_comes_near_the_actors_own(model: PMMTalk) -> None:
    sound = _noise(9)
    with torch.no_grad():
        recorded = model(torch.from_numpy(sound)[None, :, None], model.styles[1:2])[0].numpy()
    recorded[:, 3] = np.nan
    start = model.styles[2].detach()
    found = fit_style(model, [(sound, recorded)], start, steps=60)
    assert not found.kept
    assert found.error_after < 0.4 * found.error_before
    assert found.held_out_after < 0.5 * found.held_out_before
    assert style_error(model, [(sound, recorded)], found.vector) == pytest.approx(found.error_after, rel=1e-4)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_take_that_ends_unlike_it_began_keeps_the_style_begun_from(model: PMMTalk) -> None:
    sound = _noise(12)
    with torch.no_grad():
        whole = torch.from_numpy(sound)[None, :, None]
        recorded, other = (model(whole, model.styles[k : k + 1])[0].numpy() for k in (1, 2))
    last = len(recorded) * 3 // 4
    recorded[last:] = other[last:]
    start = model.styles[2].detach()
    found = fit_style(model, [(sound, recorded)], start, steps=40)
    assert "does not help on the last" in found.kept
    torch.testing.assert_close(found.vector, start)
    assert found.error_after == found.error_before


def test_a_take_too_short_to_hold_any_of_it_out_is_refused(model: PMMTalk) -> None:
    sound = _noise(3)
    with pytest.raises(DataError, match="are too few to fit a style to"):
        fit_style(model, [(sound, np.full((90, 32), 0.3, np.float32))], model.styles[0].detach())
