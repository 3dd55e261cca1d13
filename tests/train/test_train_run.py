"""``pmmlink train``'s run: it learns, keeps the frozen frozen, stops and goes on, and loses nothing."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import (
    TINY,
    TINY_PAPER,
    Told,
    speakers,
    start_command,
    tiny_recipe,
    tiny_weights,
    train_flags,
)

from pmmlink.curves import MODEL_32
from pmmlink.errors import CheckpointError, ConfigError, DataError, RuntimeFault
from pmmlink.model.checkpoint import SHIPPED, UNTRAINED, load_model, read_card, save_model
from pmmlink.train.clips import Clip, TakeMemory, open_parts
from pmmlink.train.datasets.base import Take, TakeData
from pmmlink.train.features import FROZEN
from pmmlink.train.loop import epoch_order, train
from pmmlink.train.processes import Processes
from pmmlink.train.progress import Progress
from pmmlink.train.recipe import Recipe
from pmmlink.train.run_folder import RunFolder
from pmmlink.train.start import build_model

ALONE = Processes(0, 1, torch.device("cpu"))


def run(recipe: Recipe, out: Path, told: Told | None = None, cache: Path | None = None) -> Progress:
    return train(recipe, out, ALONE, told or Told(), cache)


def last_model(out: Path) -> dict[str, torch.Tensor]:
    state = RunFolder(out).load_last()
    assert state is not None
    found: dict[str, torch.Tensor] = state["model"]
    return found


def assert_same_end(a: Path, b: Path) -> None:
    first, second = last_model(a), last_model(b)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name
    best, same = (load_model(out / "best.safetensors")[0].state_dict() for out in (a, b))
    assert all(torch.equal(best[name], same[name]) for name in best)
    assert (a / "log.jsonl").read_text(encoding="utf-8") == (b / "log.jsonl").read_text(encoding="utf-8")


def test_a_run_learns_and_leaves_weights_that_say_how_they_were_made(tmp_path: Path) -> None:
    told = Told()
    data = str(speakers(tmp_path / "five", takes=5))
    recipe = tiny_recipe(tmp_path, data=(data,), protocol="cross-take", epochs=9, command="pmmlink train …")
    done = run(recipe, tmp_path / "run", told, tmp_path / "cache")
    train_losses, val_losses = ([line[p]["position"] for line in done.log] for p in ("train", "val"))
    assert train_losses[-1] < 0.3 * train_losses[0]
    assert done.best == min(val_losses) < 0.75 * val_losses[0]
    assert told.last_read == (15, 15)
    model, card = load_model(tmp_path / "run" / "best.safetensors")
    assert model.config.styles[0] == "default"
    assert card["command"] == "pmmlink train …"
    assert card["protocol"] == "cross-take, seed 0"
    assert card["figures"]["epoch"] == f"{done.best_epoch} of 9"
    assert card["training data"]["train"] == "9 takes of 3 subjects"
    assert "10 motion" in card["losses"]
    lines = (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, 10))


def test_the_kept_weights_animate_with_the_mean_of_the_trained_styles(tmp_path: Path) -> None:
    run(
        tiny_recipe(tmp_path, protocol="cross-take", data=(str(speakers(tmp_path / "five", takes=5)),)),
        tmp_path,
    )
    model, _ = load_model(tmp_path / "best.safetensors")
    assert model.config.styles == ("default", "anna", "bert", "cora")
    assert torch.allclose(model.styles[0], model.styles[1:].mean(0), atol=1e-3)


def test_frozen_parts_stay_bit_for_bit_and_the_rest_moves(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, fresh=False)
    run(recipe, tmp_path / "run")
    before = load_model(Path(recipe.weights))[0].half().state_dict()
    after = load_model(tmp_path / "run" / "best.safetensors")[0].half().state_dict()
    frozen = [n for n in before if n.startswith(tuple(f"{part}." for part in FROZEN))]
    assert len(frozen) > 50
    assert all(torch.equal(before[n], after[n]) for n in frozen)
    assert not torch.equal(
        before["audio_decoder.stages.0.attention.qkv.weight"],
        after["audio_decoder.stages.0.attention.qkv.weight"],
    )
    assert not torch.equal(before["decoder.curves.weight"], after["decoder.curves.weight"])


def test_the_papers_layout_trains_too(tmp_path: Path) -> None:
    weights = tiny_weights(tmp_path / "wave.safetensors", config=TINY_PAPER)
    done = run(tiny_recipe(tmp_path, weights=str(weights), fresh=False, epochs=3), tmp_path / "run")
    assert done.log[-1]["train"]["position"] < done.log[0]["train"]["position"]
    model, _ = load_model(tmp_path / "run" / "best.safetensors")
    assert model.config.audio_encoder.front == "wave"


def test_tensorboard_has_every_epoch_once_after_a_run_that_went_on(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    recipe = tiny_recipe(tmp_path)
    run(dataclasses.replace(recipe, epochs=1), tmp_path / "run")
    done = run(dataclasses.replace(recipe, epochs=3), tmp_path / "run")
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert {"train/position", "train/temporal", "val/lve", "val/ale"} <= set(events.Tags()["scalars"])
    for part, name in (("train", "motion"), ("val", "position")):
        drawn = [(event.step, event.value) for event in events.Scalars(f"{part}/{name}")]
        assert [step for step, _ in drawn] == [1, 2, 3]
        assert [value for _, value in drawn] == pytest.approx([line[part][name] for line in done.log])


def test_a_run_that_is_done_says_so_and_changes_nothing(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, epochs=1)
    run(recipe, tmp_path / "run")
    before = (tmp_path / "run" / "last.pt").read_bytes()
    told = Told()
    run(recipe, tmp_path / "run", told)
    assert told.notes == ["this run has done its 1 epochs; more --epochs go on with it"]
    assert (tmp_path / "run" / "last.pt").read_bytes() == before


def test_a_run_of_more_epochs_goes_on_and_ends_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, dropout=0.2)
    run(dataclasses.replace(recipe, epochs=3), tmp_path / "whole")
    run(dataclasses.replace(recipe, epochs=1), tmp_path / "parts")
    told = Told()
    run(dataclasses.replace(recipe, epochs=3), tmp_path / "parts", told)
    assert told.notes == ["going on from epoch 2, step 0 of 2"]
    assert_same_end(tmp_path / "whole", tmp_path / "parts")


def test_a_run_that_is_killed_in_mid_epoch_goes_on_to_the_same_end(tmp_path: Path) -> None:
    data = speakers(tmp_path / "many", takes=6)
    recipe = tiny_recipe(tmp_path, data=(str(data),), epochs=3, save_every=1, dropout=0.1)
    run(recipe, tmp_path / "whole")

    out = tmp_path / "killed"
    flags = train_flags(tmp_path, out, data=data, epochs=3, save_every=1, dropout=0.1)
    process = start_command(*flags)
    # Not opened while it is being replaced: Windows would not let it. Three checkpoints beyond the first
    # epoch's line in the log, it is within the second epoch.
    written: set[int] = set()
    while len(written) < 3:
        assert process.poll() is None, process.communicate()
        log, last = out / "log.jsonl", out / "last.pt"
        if log.exists() and log.stat().st_size and last.exists():
            written.add(last.stat().st_mtime_ns)
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    state = RunFolder(out).load_last()
    assert state is not None
    assert (1, 0) < (state["progress"]["epoch"], state["progress"]["step"]) < (2, 6)

    told = Told()
    run(recipe, out, told)
    assert told.notes[0].startswith("going on from epoch")
    assert_same_end(tmp_path / "whole", out)


@pytest.mark.slow
@pytest.mark.parametrize("standardise", [False, True])
def test_two_processes_end_where_one_does(tmp_path: Path, standardise: bool) -> None:
    data = speakers(tmp_path / "many", takes=3)
    image = dataclasses.replace(TINY.image_encoder, standardise=standardise)
    weights = tiny_weights(tmp_path / "w.safetensors", config=dataclasses.replace(TINY, image_encoder=image))
    recipe = tiny_recipe(tmp_path, data=(str(data),), weights=str(weights), batch=4, clip_norm=0.0)
    run(recipe, tmp_path / "one")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    flags = train_flags(tmp_path, tmp_path / "two", data=data, weights=weights, batch=4, clip_norm=0.0)
    both = start_command(*flags, launcher=launcher)
    said, errors = both.communicate(timeout=300)
    assert both.returncode == 0, errors
    assert said.count("epoch 2 ") == 1  # only the first process speaks

    def log(name: str, part: str) -> list[float]:
        lines = [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text("utf-8").splitlines()]
        return [value for line in lines for value in line[part].values()]

    assert log("two", "train") == pytest.approx(log("one", "train"), rel=1e-5, abs=1e-7)
    # ψ_IE's running statistics, which validation uses, are each process's own until they are averaged.
    assert log("two", "val") == pytest.approx(log("one", "val"), rel=0.02 if standardise else 1e-5, abs=1e-7)
    if not standardise:  # before a standardisation, Adam makes steps of the rounding of tiny gradients
        first, second = last_model(tmp_path / "one"), last_model(tmp_path / "two")
        assert all(torch.allclose(first[n], second[n], atol=1e-4) for n in first)


def test_clips_are_cut_on_the_grid_that_frames_and_samples_share() -> None:
    targets = np.arange(100, dtype=np.float32)[:, None].repeat(32, 1)
    audio = np.arange(100 * 1600 // 3, dtype=np.float32)
    take = Take("a", "s", "s", "en", None, (Path("a.csv"),), lambda: TakeData(audio, targets))
    whole = TakeMemory().read(Clip(take, "a"))
    assert np.array_equal(whole.targets, targets)
    piece = TakeMemory().read(Clip(take, "a", first=33, frames=30))
    assert piece.targets[:, 0].tolist() == list(range(33, 63))
    assert piece.audio[0] == 33 * 1600 / 3
    assert len(piece.audio) == 16_000


def test_long_takes_become_pieces_that_lie_end_to_end(tmp_path: Path) -> None:
    parts = open_parts(tiny_recipe(tmp_path, longest_s=0.5))
    clips = [clip for clip in parts.train if clip.take == parts.train[0].take]
    assert len(clips) == 2 or len(clips) == 3
    whole = parts.train[0].take.load()
    read = [TakeMemory().read(clip) for clip in clips]
    assert np.array_equal(np.concatenate([r.targets for r in read]), whole.targets, equal_nan=True)
    assert np.array_equal(np.concatenate([r.audio for r in read]), whole.audio)
    assert max(len(r.targets) for r in read) <= 15


def test_unlabelled_columns_have_no_mean_and_the_others_theirs(tmp_path: Path) -> None:
    parts = open_parts(tiny_recipe(tmp_path))
    labels = np.concatenate([clip.take.load().targets for clip in parts.train])
    assert parts.mean[3] == pytest.approx(labels[:, 3].mean(), rel=1e-5)
    assert np.isnan(parts.mean[27])


def test_a_curve_without_any_label_rests_in_what_a_new_head_makes(tmp_path: Path) -> None:
    run(tiny_recipe(tmp_path), tmp_path / "run")
    model, _ = load_model(tmp_path / "run" / "best.safetensors")
    made = model(torch.randn(1, 32_000, 1) * 0.1)[0].detach().numpy()
    moved = np.ptp(made, axis=0) > 0
    assert moved[MODEL_32.index("jawOpen")]
    assert set(np.flatnonzero(moved)) <= set(MODEL_32.positions(("jawOpen", "mouthFunnel")))
    # A head that has learnt already keeps what it knows of them; one that 'model convert' made has not.
    recipe, mean = tiny_recipe(tmp_path, fresh=False), torch.full((32,), torch.nan)
    kept, _ = build_model(recipe, ("anna",), mean)
    assert kept.decoder.curves.weight.abs().min() > 0.0
    source, _ = load_model(Path(recipe.weights))
    save_model(source, tmp_path / "converted.safetensors", {UNTRAINED: "the decoder"})
    mean[3] = 0.25
    new, _ = build_model(
        dataclasses.replace(recipe, weights=str(tmp_path / "converted.safetensors")), ("anna",), mean
    )
    assert new.decoder.curves.weight.abs().sum(1).nonzero().flatten().tolist() == [3]
    assert new.decoder.curves.bias[3] == 0.25


def test_what_is_trained_and_validated_is_what_the_model_gives(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, weights=str(SHIPPED))
    model, _ = build_model(recipe, ("anna",), torch.full((32,), 0.1))
    model.eval()
    with torch.no_grad():
        sound = torch.randn(1, 16_000, 1) * 0.1
        trained_on = model.predict(sound)
        validated = model.decode(trained_on.features)
        assert torch.equal(trained_on.raw, validated)
        assert torch.equal(model.finish(validated), model(sound))


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone() -> None:
    assert epoch_order(9, 1, 2) == epoch_order(9, 1, 2)
    assert sorted(epoch_order(9, 1, 2)) == list(range(9))
    assert len({tuple(epoch_order(9, seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4


def test_a_limit_takes_so_many_of_each_subject(tmp_path: Path) -> None:
    data = speakers(tmp_path / "many", takes=5)
    parts = open_parts(tiny_recipe(tmp_path, data=(str(data),), protocol="cross-take", limit=2))
    counts = [sum(c.take.subject == name for c in parts.train) for name in ("anna", "bert", "cora")]
    assert counts == [2, 2, 2]
    assert len(parts.val) == 3


def test_gradients_of_a_step_are_the_mean_of_its_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three clips, two a step: the second step is filled up with the first clip of the order."""
    data = speakers(tmp_path / "many", takes=3)
    recipe = tiny_recipe(tmp_path, data=(str(data),), epochs=1, lr=0.0, clip_norm=0.0)
    seen: list[torch.Tensor] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam, closure: None = None) -> None:
        gradients = (p.grad for group in self.param_groups for p in group["params"])
        seen.append(torch.cat([g.flatten() for g in gradients if g is not None]))
        step(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    run(recipe, tmp_path / "one")
    one, seen = seen, []
    assert len(one) == 3
    assert not torch.allclose(one[0], one[1], atol=1e-3)
    told = Told()
    run(dataclasses.replace(recipe, batch=2), tmp_path / "two", told)
    assert [done for _, done, _ in told.steps] == [1, 2]
    assert torch.allclose(seen[0], (one[0] + one[1]) / 2, atol=1e-5)
    assert torch.allclose(seen[1], (one[2] + one[0]) / 2, atol=1e-5)


def test_training_stops_when_validation_does_not_improve_any_more(tmp_path: Path) -> None:
    done = run(tiny_recipe(tmp_path, epochs=50, lr=0.0, patience=2), tmp_path / "run")
    assert (done.epoch, done.best_epoch) == (3, 1)
    told = Told()
    again = run(tiny_recipe(tmp_path, epochs=50, lr=0.0, patience=2), tmp_path / "run", told)
    assert again.epoch == 3
    assert told.notes[-1] == "stopped: validation has not improved for 2 epochs (--patience)"


@pytest.mark.parametrize("modality", ["audio", "text", "image"])
def test_a_modality_can_be_left_out(tmp_path: Path, modality: str) -> None:
    run(tiny_recipe(tmp_path, without=(modality,), epochs=1, fresh=False), tmp_path / "run")
    model, _ = load_model(tmp_path / "run" / "best.safetensors")
    assert modality not in model.modalities
    assert len(model.modalities) == 2


def test_a_loss_can_be_left_out(tmp_path: Path) -> None:
    run(tiny_recipe(tmp_path, without_loss=("mot", "tem"), epochs=1), tmp_path / "run")
    _, card = read_card(tmp_path / "run" / "best.safetensors")
    assert card["losses"].startswith("1 position + 0 motion + 0 temporal + 1e-05 semantic")


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns_nearly_the_same(tmp_path: Path, precision: str) -> None:
    full = run(tiny_recipe(tmp_path), tmp_path / "full").log[-1]["train"]
    mixed = run(tiny_recipe(tmp_path, precision=precision), tmp_path / "mixed").log[-1]["train"]
    assert mixed["position"] == pytest.approx(full["position"], rel=0.1)
    assert mixed["temporal"] == pytest.approx(full["temporal"], rel=0.1)
    assert mixed != full
    state = RunFolder(tmp_path / "mixed").load_last()
    assert state is not None
    assert bool(state["scaler"]) == (precision == "float16")


# --- bad input ------------------------------------------------------------------------------------------


def test_another_config_is_refused_on_going_on_and_nothing_is_lost(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, epochs=1)
    run(recipe, tmp_path / "run")
    before = (tmp_path / "run" / "last.pt").read_bytes()
    with pytest.raises(CheckpointError, match=r"begun with lr 0\.01, now asked for 0\.001"):
        run(dataclasses.replace(recipe, lr=0.001, epochs=2), tmp_path / "run")
    with pytest.raises(CheckpointError, match="begun with without none, now asked for image"):
        run(dataclasses.replace(recipe, without=("image",)), tmp_path / "run")
    other = tiny_weights(tmp_path / "other.safetensors", ("audio", "text"))
    with pytest.raises(CheckpointError, match="holds no image branch; leave it out"):
        run(dataclasses.replace(recipe, weights=str(other)), tmp_path / "run")
    speakers(tmp_path / "data", names=("dora", "emil"))
    with pytest.raises(CheckpointError, match="begun with clips 2 to train"):
        run(recipe, tmp_path / "run")
    assert (tmp_path / "run" / "last.pt").read_bytes() == before


def test_a_damaged_or_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, epochs=1)
    out = tmp_path / "run"
    out.mkdir()
    (out / "last.pt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(CheckpointError, match="damaged"):
        run(recipe, out)
    torch.save({"model": {}}, out / "last.pt")
    with pytest.raises(CheckpointError, match="not a run's checkpoint"):
        run(recipe, out)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, epochs=1)
    run(recipe, tmp_path / "run")
    before = (tmp_path / "run" / "last.pt").read_bytes()
    # A checkpoint whose weights overflow: the next step has no finite loss.
    state = RunFolder(tmp_path / "run").load_last()
    assert state is not None
    state["model"]["decoder.fuse.weight"].fill_(1e38)
    RunFolder(tmp_path / "run").save_last({k: v for k, v in state.items() if k != "format"})
    broken = (tmp_path / "run" / "last.pt").read_bytes()
    assert broken != before
    with pytest.raises(RuntimeFault, match=r"loss is no number any more \(epoch 2, .*last.pt is intact"):
        run(dataclasses.replace(recipe, epochs=2), tmp_path / "run")
    assert (tmp_path / "run" / "last.pt").read_bytes() == broken


def test_protocols_that_do_not_suit_the_data_say_what_would(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    one = speakers(tmp_path / "one", names=("anna",))
    with pytest.raises(DataError, match="use cross-take"):
        run(dataclasses.replace(recipe, data=(str(one),)), tmp_path / "run")
    with pytest.raises(DataError, match="gender of anna"):
        run(dataclasses.replace(recipe, protocol="cross-gender"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_batch_that_processes_cannot_share_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="multiple of the 2 processes"):
        train(tiny_recipe(tmp_path, batch=3), tmp_path / "run", Processes(0, 2, torch.device("cpu")), Told())


def test_a_folder_that_not_all_machines_see_is_refused(tmp_path: Path) -> None:
    class Apart(Processes):
        """One of two processes; the other, on another machine, has found a checkpoint."""

        def add_up(self, values: torch.Tensor) -> torch.Tensor:
            return values + 1

    with pytest.raises(CheckpointError, match="1 of 2 processes see it"):
        train(tiny_recipe(tmp_path, batch=2), tmp_path / "run", Apart(0, 2, torch.device("cpu")), Told())


@pytest.mark.slow
@pytest.mark.shared
def test_the_compact_model_converges_on_measured_takes(tmp_path: Path, shared: Path) -> None:
    recipe = Recipe(
        data=(str(shared / "data" / "grid_s1"),),
        protocol="cross-take",
        weights=str(SHIPPED),
        fresh=True,
        epochs=6,
        lr=1e-3,
        limit=24,
        longest_s=3.0,
    )
    done = run(recipe, tmp_path / "run", cache=tmp_path / "cache")
    first, best = done.log[0]["val"], done.log[done.best_epoch - 1]["val"]
    assert best["position"] < 0.8 * first["position"]
    assert best["ale"] < first["ale"]
