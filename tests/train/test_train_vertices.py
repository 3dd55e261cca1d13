"""A vertex head in place of the 32 curves (VOCASET): it trains, is kept, measures, and is never played."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from takes import MESH_VERTICES, make_vocaset
from tiny_training import TINY, Told, tiny_recipe

from pmmlink.errors import CheckpointError, DataError
from pmmlink.model.animator import Animator
from pmmlink.model.checkpoint import load_model
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.loop import train
from pmmlink.train.processes import Processes

ALONE = Processes(0, 1, torch.device("cpu"))
OUTPUTS = 3 * MESH_VERTICES


def test_a_mesh_is_learnt_and_its_weights_are_kept(tmp_path: Path) -> None:
    data = make_vocaset(tmp_path / "voca", ("one", "two", "three"))
    recipe = tiny_recipe(tmp_path, data=(str(data),), fresh=False, epochs=6)
    told = Told()
    done = train(recipe, tmp_path / "run", ALONE, told)
    positions = [line["train"]["position"] for line in done.log]
    assert min(positions) < 0.9 * positions[0]
    model, card = load_model(tmp_path / "run" / "best.safetensors")
    assert model.config.decoder.outputs == OUTPUTS
    assert card["figures"]["validation lve"] > 0
    # Offsets are any number of millimetres: the lower lip falls, and falling is negative.
    with torch.no_grad():
        model.decoder.curves.bias.fill_(-3.0)
        offsets = model(torch.randn(1, 16_000, 1) * 0.1)
    assert offsets.shape == (1, 30, OUTPUTS)
    assert offsets.min() < -1.0
    with pytest.raises(CheckpointError, match="40 vertices of a mesh, not facial curves"):
        Animator(model)
    # The same command goes on.
    assert train(dataclasses.replace(recipe, epochs=7), tmp_path / "run", ALONE, told).epoch == 7


def test_curves_and_vertices_are_not_trained_together(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    mesh = make_vocaset(tmp_path / "voca", ("one", "two", "three"))
    with pytest.raises(DataError, match="one kind at a time"):
        train(dataclasses.replace(recipe, data=(*recipe.data, str(mesh))), tmp_path / "run", ALONE, Told())


def test_a_lip_seal_over_vertices_is_refused() -> None:
    config = dataclasses.replace(
        TINY, lip_seal=True, decoder=dataclasses.replace(TINY.decoder, outputs=OUTPUTS)
    )
    with pytest.raises(CheckpointError, match="lip_seal"):
        PMMTalk(config)


def test_a_model_of_vertices_streams_as_it_runs_whole() -> None:
    torch.manual_seed(0)
    config = dataclasses.replace(TINY, decoder=dataclasses.replace(TINY.decoder, outputs=OUTPUTS))
    model = PMMTalk(config).eval()
    x = torch.randn(1, 9000, 1) * 0.1
    with torch.inference_mode():
        state = model.init_state(1)
        parts = [model.step(x[:, :4000], state), model.step(x[:, 4000:], state), model.flush(state)]
        assert torch.allclose(torch.cat(parts, dim=1), model(x), atol=1e-4)
