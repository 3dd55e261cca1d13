"""The paper's training run (section IV-E): whole clips, Adam, frozen ψ_AE, ψ_TD and ψ_HG.

A run may be stopped at any moment, and goes on from its last checkpoint to the same end: the order of
an epoch is a function of the seed and the epoch, whatever is random in a step of the seed, the epoch and
the clip's place in it, so that there is no state of a random generator to lose. For the same reason
several processes compute what one would: together they take the same clips in each step.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from pmmlink.errors import CheckpointError, ConfigError, DataError, RuntimeFault
from pmmlink.model.checkpoint import save_model
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.board import Board
from pmmlink.train.card import model_card
from pmmlink.train.clips import Clip, Parts, TakeMemory, open_parts
from pmmlink.train.features import FROZEN, FeatureReader, frozen_hash
from pmmlink.train.losses import TERMS, TermsOf, weighted_sum
from pmmlink.train.processes import Processes
from pmmlink.train.progress import Progress, Reporter
from pmmlink.train.recipe import Recipe, check_same
from pmmlink.train.run_folder import RunFolder
from pmmlink.train.start import Origin, build_model, check_weights, set_default_style, training_mode
from pmmlink.train.validate import measure


def train(
    recipe: Recipe, out: Path, processes: Processes, report: Reporter, cache: Path | None = None
) -> Progress:
    """Runs a recipe to its end, or onward from the last checkpoint in ``out``.

    Args:
        recipe: what to do.
        out: the run's folder, on storage that all machines share.
        processes: this process and the others.
        report: told how it goes.
        cache: folder for the frozen parts' features.

    Raises:
        DataError: a data set or take that cannot be used.
        CheckpointError: weights that do not fit, or a run begun with other settings.
        ConfigError: a batch that cannot be shared evenly.
        RuntimeFault: the loss is no number any more, or the disk is full; the checkpoints so far are kept.
    """
    if recipe.batch % processes.count:
        raise ConfigError(
            f"--batch {recipe.batch}: must be a multiple of the {processes.count} processes, each of which "
            "takes as many clips of a step as the others"
        )
    check_weights(recipe)
    folder = RunFolder(out)
    saved = folder.load_last()
    seen = int(processes.add_up(torch.tensor([float(saved is not None)])))
    if seen not in (0, processes.count):
        raise CheckpointError(
            f"{folder.last}: {seen} of {processes.count} processes see it: put --out on storage that all "
            "machines share"
        )
    parts = open_parts(recipe, report.reading, report.note)
    if not parts.train or not parts.val:
        raise DataError(f"{recipe.data[0]}: no takes to {'validate with' if parts.train else 'train on'}")
    model, origin = build_model(recipe, parts.styles, torch.from_numpy(parts.mean))
    run = Run(recipe, parts, model, origin, folder, processes, report, cache)
    if saved is not None:
        run.restore(saved)
    processes.wait()
    run.to_the_end()
    return run.progress


class Run:
    """One run: its model, optimiser and place."""

    def __init__(
        self,
        recipe: Recipe,
        parts: Parts,
        model: PMMTalk,
        origin: Origin,
        folder: RunFolder,
        processes: Processes,
        report: Reporter,
        cache: Path | None,
    ) -> None:
        self.recipe, self.parts, self.origin, self.folder = recipe, parts, origin, folder
        self.processes, self.report = processes, report
        self.model = model.to(processes.device)
        self.facts = {**recipe.to_dict(), **self._facts()}
        self.memory = TakeMemory()
        self.features = FeatureReader(model, cache, report.note)
        self.progress = Progress()
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(self.trained, lr=recipe.lr)
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=recipe.precision == "float16")
        self.terms: nn.Module = TermsOf(model, recipe.precision)
        if processes.count > 1:
            self.terms = DistributedDataParallel(self.terms, broadcast_buffers=False)

    # --- going on -----------------------------------------------------------------------------------

    def restore(self, saved: dict[str, Any]) -> None:
        """Takes up a checkpoint.

        Raises:
            CheckpointError: it was made with other settings, data or frozen parts.
        """
        check_same(self.facts, saved["facts"], str(self.folder.path))
        state = {**self.model.state_dict(), **saved["model"]}
        self.model.load_state_dict(state)
        self.optimiser.load_state_dict(saved["optimiser"])
        self.scaler.load_state_dict(saved["scaler"])
        self.progress = Progress(**saved["progress"])
        if not self.processes.first:
            self.progress.sums = torch.zeros_like(self.progress.sums)
        if self.progress.epoch >= self.recipe.epochs:
            self.report.note(
                f"this run has done its {self.progress.epoch} epochs; more --epochs go on with it"
            )
        else:
            self.report.note(
                f"going on from epoch {self.progress.epoch + 1}, step {self.progress.step} of {self.steps}"
            )

    def _save(self) -> None:
        """Writes ``last.pt``; all processes come here together."""
        self._share_statistics()
        progress = self.progress
        sums = self.processes.add_up(progress.sums.clone())
        progress.sums = sums if self.processes.first else torch.zeros_like(sums)
        if not self.processes.first:
            return
        frozen = tuple(f"{name}." for name in FROZEN)
        self.folder.save_last(
            {
                "facts": self.facts,
                "model": {n: t for n, t in self.model.state_dict().items() if not n.startswith(frozen)},
                "optimiser": self.optimiser.state_dict(),
                "scaler": self.scaler.state_dict(),
                "progress": dataclasses.asdict(progress),
            }
        )

    def _share_statistics(self) -> None:
        """Gives all processes the mean of ψ_IE's running statistics, which each has of its own clips."""
        if self.processes.count == 1:
            return
        frozen = tuple(f"{name}." for name in FROZEN)
        for name, buffer in self.model.named_buffers():
            if buffer.is_floating_point() and not name.startswith(frozen):
                buffer.copy_(self.processes.add_up(buffer.clone()) / self.processes.count)

    def _facts(self) -> dict[str, Any]:
        """What a checkpoint must agree with beside the recipe."""
        parts = self.parts
        digest = hashlib.sha256()
        for clip in (*parts.train, None, *parts.val, None, *parts.test):
            digest.update(f"{clip.name if clip else ''}\n".encode())
        counts = f"{len(parts.train)} to train, {len(parts.val)} to validate, {len(parts.test)} to test"
        return {
            "clips": f"{counts} ({digest.hexdigest()[:12]})",
            "styles": list(parts.styles),
            "outputs": parts.outputs,
            "start": self.origin.sha256,
            "frozen": frozen_hash(self.model),
        }

    # --- the run ------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """Optimiser steps of an epoch."""
        return -(-len(self.parts.train) // self.recipe.batch)

    def to_the_end(self) -> None:
        """Epoch after epoch, until they are done or do not help any more."""
        progress, recipe = self.progress, self.recipe
        if self.processes.first:
            self.folder.create()
            self.folder.write_settings(self.facts)
            self.folder.write_log(progress.log)
        self.processes.wait()
        with Board(self.folder.tensorboard if self.processes.first else None, progress.epoch) as board:
            while progress.epoch < recipe.epochs and not self._out_of_patience():
                self._epoch()
                line = self._judge()
                board.write(line)
                self._save()
                self.report.epoch(line)
        if progress.epoch < recipe.epochs:
            self.report.note(
                f"stopped: validation has not improved for {recipe.patience} epochs (--patience)"
            )

    def _out_of_patience(self) -> bool:
        progress = self.progress
        return bool(self.recipe.patience) and progress.epoch - progress.best_epoch >= self.recipe.patience

    def _epoch(self) -> None:
        progress, recipe = self.progress, self.recipe
        training_mode(self.model)
        for group in self._groups():
            loss = self._step(group)
            progress.step += 1
            self.report.step(progress.epoch, progress.step, self.steps, loss)
            if progress.step % recipe.save_every == 0 and progress.step < self.steps:
                self._save()

    def _groups(self) -> Iterator[list[tuple[int, Clip]]]:
        """Places in the epoch and clips of this process, for each step still to do.

        The last step is filled up from the beginning of the order, so that all steps weigh the same and all
        processes have the same number of clips.
        """
        batch, clips = self.recipe.batch, self.parts.train
        order = epoch_order(len(clips), self.recipe.seed, self.progress.epoch)
        for step in range(self.progress.step, self.steps):
            places = self.processes.share(list(range(step * batch, (step + 1) * batch)))
            yield [(place, clips[order[place % len(order)]]) for place in places]

    def _step(self, group: list[tuple[int, Clip]]) -> float:
        """One optimiser step; returns its loss on this process's clips."""
        self.optimiser.zero_grad(set_to_none=True)
        mean = 0.0
        for number, (place, clip) in enumerate(group):
            last = number == len(group) - 1
            ddp = self.terms if isinstance(self.terms, DistributedDataParallel) else None
            with ddp.no_sync() if ddp is not None and not last else nullcontext():
                mean += self._backward(clip, place, len(group)) / len(group)
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.trained, self.recipe.clip_norm or float("inf"))
        if not self.scaler.is_enabled() and not bool(torch.isfinite(norm)):  # the scaler skips such a step
            raise RuntimeFault(self._broken("the gradient is", group[-1][1]))
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return mean

    def _backward(self, clip: Clip, place: int, count: int) -> float:
        """Adds a clip's share to the gradients; returns its loss."""
        data = self.memory.read(clip)
        frozen = self.features.read(data.audio)
        target = torch.from_numpy(np.ascontiguousarray(data.targets))[None].to(self.processes.device)
        seed = np.random.SeedSequence([self.recipe.seed, self.progress.epoch, place])
        torch.manual_seed(int(seed.generate_state(1)[0]))
        terms = self.terms(frozen, self.model.config.styles.index(clip.take.style), target)
        loss = weighted_sum(terms, self.recipe.lambdas)
        value = float(loss.detach())
        if not np.isfinite(value):
            worst = [n for n, t in zip(TERMS, terms.tolist(), strict=True) if not np.isfinite(t)]
            raise RuntimeFault(self._broken(f"the {' and '.join(worst) or 'whole'} loss is", clip))
        self.scaler.scale(loss / count).backward()  # type: ignore[no-untyped-call]
        known = torch.cat([terms.detach().double().cpu(), torch.ones(1, dtype=torch.float64)])
        self.progress.sums += known
        return value

    def _broken(self, what: str, clip: Clip) -> str:
        where = f"epoch {self.progress.epoch + 1}, {clip.name}"
        return (
            f"{what} no number any more ({where}); {self.folder.kept()}: "
            "look at this take's labels, or begin again with a smaller --lr or --precision float32"
        )

    # --- between epochs -----------------------------------------------------------------------------

    def _judge(self) -> dict[str, Any]:
        """Validates, keeps the best weights, and moves on to the next epoch; returns the log's line."""
        self._share_statistics()
        progress = self.progress
        sums = self.processes.add_up(progress.sums)
        trained = (sums[:-1] / sums[-1].clamp_min(1)).tolist()
        figures = measure(
            self.model, self.parts.val, self.memory, self.features, self.parts.styles, self.processes
        )
        progress.epoch += 1
        progress.step = 0
        progress.sums = torch.zeros_like(progress.sums)
        line: dict[str, Any] = {
            "epoch": progress.epoch,
            "train": dict(zip(TERMS, trained, strict=True)),
            "val": figures.to_dict(),
        }
        if not np.isfinite(figures.position):
            raise RuntimeFault(
                f"the validation loss of epoch {progress.epoch} is no number; {self.folder.kept()}: "
                "begin again with a smaller --lr"
            )
        if figures.position < progress.best:
            progress.best, progress.best_epoch = figures.position, progress.epoch
            if self.processes.first:
                self._save_best(line)
        progress.log.append(line)
        if self.processes.first:
            self.folder.write_log(progress.log)
        return line

    def _save_best(self, line: dict[str, Any]) -> None:
        set_default_style(self.model, frozenset(self.parts.styles))
        try:
            save_model(self.model, self.folder.best, model_card(self.recipe, self.parts, self.origin, line))
        except CheckpointError as error:
            raise RuntimeFault(
                f"{error}; {self.folder.kept()}: make room and run the same command again"
            ) from error


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """The order of an epoch's clips: a function of its arguments alone, on any machine."""
    return [int(i) for i in np.random.default_rng([seed, epoch]).permutation(count)]
