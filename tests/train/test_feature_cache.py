"""Features of the frozen parts: kept once, found again, never mixed up, never trusted when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import TINY, Told, tiny_recipe

from pmmlink.model.pmmtalk import FrozenFeatures, PMMTalk
from pmmlink.train.features import FeatureReader, fingerprints, frozen_hash
from pmmlink.train.loop import train
from pmmlink.train.processes import Processes
from pmmlink.types import FloatArray


def voice(seed: int = 0) -> FloatArray:
    return (np.random.default_rng(seed).standard_normal(8000) * 0.1).astype(np.float32)


@pytest.fixture
def model() -> PMMTalk:
    torch.manual_seed(5)
    return PMMTalk(TINY).eval()


def assert_same(a: FrozenFeatures, b: FrozenFeatures) -> None:
    assert a.frames == b.frames
    for name in ("latents", "symbols", "pictures"):
        assert torch.equal(getattr(a, name), getattr(b, name))


def test_kept_features_are_found_again_and_are_those_of_a_run_without_a_cache(
    model: PMMTalk, tmp_path: Path
) -> None:
    without = FeatureReader(model).read(voice())
    first = FeatureReader(model, tmp_path)
    assert_same(first.read(voice()), without)
    again = FeatureReader(model, tmp_path)
    assert_same(again.read(voice()), without)
    assert (first.computed, again.computed) == (1, 0)
    again.read(voice(1))
    assert again.computed == 1


def test_features_are_the_models_own_but_for_the_rounding(model: PMMTalk) -> None:
    read = FeatureReader(model).read(voice())
    with torch.no_grad():
        own = model.frozen_features(torch.from_numpy(voice())[None, :, None])
        whole = model.predict(torch.from_numpy(voice())[None, :, None]).raw
        parts = model.predict_from(read).raw
    assert own.latents is not None
    assert read.latents is not None
    assert torch.allclose(read.latents, own.latents, rtol=1e-3, atol=1e-3)
    assert torch.allclose(parts, whole, atol=2e-3)


def test_other_weights_and_other_settings_have_other_features(model: PMMTalk) -> None:
    before = fingerprints(model)
    with torch.no_grad():
        model.talking_head.output_block[1].bias.add_(0.1)
    after = fingerprints(model)
    assert before["pictures"] != after["pictures"]
    assert before["latents"] == after["latents"]
    assert before["symbols"] == after["symbols"]
    with torch.no_grad():
        model.decoder.curves.bias.add_(1.0)  # trained: has no say
    assert frozen_hash(model) == frozen_hash(model)
    assert fingerprints(model) == after


def test_a_run_without_a_branch_uses_what_the_whole_model_left(model: PMMTalk, tmp_path: Path) -> None:
    FeatureReader(model, tmp_path).read(voice())
    model.modalities = ("audio", "text")
    reader = FeatureReader(model, tmp_path)
    assert reader.read(voice()).pictures is None
    assert reader.computed == 0


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "foreign"])
def test_a_damaged_entry_is_computed_anew_and_put_right(model: PMMTalk, tmp_path: Path, damage: str) -> None:
    good = FeatureReader(model, tmp_path).read(voice())
    path = next(tmp_path.glob("symbols-*/*/*.safetensors"))
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[:-7]
    elif damage == "emptied":
        content = bytearray()
    elif damage == "flipped":
        content[-5] ^= 0x10
    else:
        content = bytearray(b"not a safetensors file")
    path.write_bytes(content)
    reader = FeatureReader(model, tmp_path)
    assert_same(reader.read(voice()), good)
    assert reader.computed == 1
    healed = FeatureReader(model, tmp_path)
    assert_same(healed.read(voice()), good)
    assert healed.computed == 0


def test_a_cache_that_cannot_be_written_is_said_once_and_does_not_stop_the_run(
    model: PMMTalk, tmp_path: Path
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("a file where the folder should be")
    notes: list[str] = []
    reader = FeatureReader(model, occupied, notes.append)
    first, second = reader.read(voice()), reader.read(voice(1))
    assert first.latents is not None
    assert second.latents is not None
    assert len(notes) == 1
    assert "the run goes on without" in notes[0]


def test_a_run_with_a_cache_ends_where_one_without_does(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    alone = Processes(0, 1, torch.device("cpu"))
    train(recipe, tmp_path / "a", alone, Told())
    train(recipe, tmp_path / "b", alone, Told(), tmp_path / "cache")
    logs = [(tmp_path / name / "log.jsonl").read_text(encoding="utf-8") for name in "ab"]
    assert logs[0] == logs[1]
    # Train and validation clips, three kinds each: computed once, not once an epoch.
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 4 * 3
