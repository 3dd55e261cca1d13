"""``pmmlink train``: the paper's training run on a user's own takes."""

from __future__ import annotations

import shlex
import sys
import time
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmmlink.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from pmmlink.train.recipe import Recipe

_PLAIN_EVERY_S = 30.0


class Preset(str, Enum):
    """Sizes to begin from."""

    compact = "compact"
    paper = "paper"


class Modality(str, Enum):
    """Branches that can be left out."""

    audio = "audio"
    text = "text"
    image = "image"


class Loss(str, Enum):
    """Losses that can be left out, by table V's names."""

    tem = "tem"
    sem = "sem"
    mot = "mot"


class Precision(str, Enum):
    """Arithmetic of the trained parts."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class Device(str, Enum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def train(
    data: Annotated[list[Path], typer.Option(help="Folder of a data set; repeatable.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; the same one again goes on with it.")],
    preset: Annotated[
        Preset | None,
        typer.Option(
            help="Begin with the frozen parts of the shipped weights (compact); everything else is new."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", "-w", help="Weights to begin from, e.g. of 'pmmlink model convert'."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Take only the frozen parts from --weights; train the rest anew.")
    ] = False,
    protocol: Annotated[
        str, typer.Option(help="How takes are parted: cross-subject, cross-gender, cross-take or public.")
    ] = "cross-subject",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training takes.")] = 80,
    lr: Annotated[float, typer.Option(min=0.0, help="Learning rate of Adam.")] = 1e-4,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Clips of a step, over all processes; default: one for each.")
    ] = None,
    clip_norm: Annotated[float, typer.Option(min=0.0, help="Largest norm of the gradient; 0: any.")] = 1.0,
    dropout: Annotated[float, typer.Option(min=0.0, max=0.9, help="Dropout in the decoder.")] = 0.0,
    patience: Annotated[
        int, typer.Option(min=0, help="Stop after so many epochs without a better validation; 0: never.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the order and the random start.")] = 0,
    split_seed: Annotated[
        int, typer.Option(min=0, help="Of the protocol's draw: the --seed of 'pmmlink eval'.")
    ] = 0,
    without: Annotated[
        list[Modality] | None, typer.Option(help="Leave a branch out (ablation); repeatable.")
    ] = None,
    without_loss: Annotated[
        list[Loss] | None, typer.Option(help="Leave a loss out (ablation); repeatable.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="At most so many clips of each subject in each part; 0: all.")
    ] = 0,
    longest: Annotated[
        float, typer.Option(min=1.0, help="Seconds from which takes are cut into pieces.")
    ] = 20.0,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints within an epoch.")] = 200,
    cache: Annotated[
        Path | None, typer.Option(help="Folder that keeps the frozen parts' features, for all runs.")
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="auto: float32 on a CPU, mixed bfloat16 or float16 on a GPU.")
    ] = Precision.auto,
    device: Annotated[Device, typer.Option(help="auto: a GPU where there is one.")] = Device.auto,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each process.")] = 1,
) -> None:
    """Trains PMMTalk on takes by the paper's recipe: Adam, 1e-4, one clip a step, 80 epochs.

    ψ_AE, ψ_TD and ψ_HG are pretrained and stay frozen. Stopped at any moment, the same command goes on where
    it was and ends the same. Several GPUs or machines: torchrun --nproc-per-node 4 -m pmmlink.cli train …

    [bold]Examples[/bold]

      pmmlink train --data takes --weights pretrained.safetensors --out runs/a
      pmmlink train --data takes --preset compact --protocol cross-take --cache features --out runs/b
      pmmlink play speech.wav --weights runs/a/best.safetensors
    """
    import torch

    from pmmlink.train.loop import train as run
    from pmmlink.train.processes import join_processes
    from pmmlink.train.recipe import Recipe
    from pmmlink.train.run_folder import RunFolder

    start, anew = _starting_point(preset, weights, fresh)
    if set(without or ()) == set(Modality):
        raise ConfigError("--without: audio, text and image are all left out; keep at least one")
    torch.set_num_threads(threads)
    with join_processes(device.value) as processes:
        recipe = Recipe(
            data=tuple(str(folder) for folder in data),
            protocol=_known_protocol(protocol),
            weights=str(start),
            fresh=anew,
            seed=seed,
            split_seed=split_seed,
            epochs=epochs,
            lr=lr,
            batch=batch or processes.count,
            clip_norm=clip_norm,
            dropout=dropout,
            patience=patience,
            save_every=save_every,
            longest_s=longest,
            limit=limit,
            without=tuple(dict.fromkeys(m.value for m in without or ())),
            without_loss=tuple(dict.fromkeys(name.value for name in without_loss or ())),
            precision=_precision(precision, processes.device),
            command=_command(),
        )
        with RunView(recipe, quiet=not processes.first) as view:
            done = run(recipe, out, processes, view, cache)
        view.note(
            f"{done.epoch} epochs; best validation position loss {done.best:.5f} in epoch {done.best_epoch}: "
            f"{RunFolder(out).best}"
        )


def _starting_point(preset: Preset | None, weights: Path | None, fresh: bool) -> tuple[Path, bool]:
    """The file to begin from, and whether only its frozen parts count."""
    if weights is not None:
        if preset is not None:
            raise ConfigError("--preset and --weights: give one of the two; weights bring their own sizes")
        return weights, fresh
    if preset is Preset.compact:
        from pmmlink.model.checkpoint import SHIPPED

        return SHIPPED, True
    raise ConfigError(
        "the paper's frozen parts are pretrained and do not come with pmmlink: join them with "
        "'pmmlink model convert' and give the file as --weights (or use --preset compact)"
    )


def _known_protocol(name: str) -> str:
    from pmmlink.strict_yaml import nearest
    from pmmlink.train.datasets.base import PROTOCOLS

    if name not in PROTOCOLS:
        raise ConfigError(f"--protocol {name}: no such protocol; {nearest(name, PROTOCOLS)}")
    return name


def _precision(asked: Precision, device: Any) -> str:
    import torch

    if asked is Precision.auto:
        asked = Precision.float32
        if device.type == "cuda":
            asked = Precision.bfloat16 if torch.cuda.is_bf16_supported() else Precision.float16
    return str(asked.value)


def _command() -> str:
    """The command line for the model card, without the folder pmmlink lies in."""
    return shlex.join(["pmmlink", *sys.argv[1:]])


class RunView:
    """A run as a bar with the time left; as plain lines where there is no terminal.

    Args:
        recipe: of the run.
        quiet: say nothing (all processes but the first).
    """

    def __init__(self, recipe: Recipe, *, quiet: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        from pmmlink.cli.progress import make_console

        self._recipe = recipe
        self._quiet = quiet
        self._console: Console = make_console()
        self._plain = not self._console.is_terminal
        self._due = time.monotonic() + _PLAIN_EVERY_S
        self._began: tuple[float, int] | None = None
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=self._console, disable=self._plain or quiet, transient=True)
        self._task: TaskID | None = None

    def __enter__(self) -> RunView:
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def note(self, text: str) -> None:
        if not self._quiet:
            self._console.print(text)

    def reading(self, done: int, total: int) -> None:
        if self._task is None:
            self._task = self._bar.add_task("reading takes", total=total)
        self._bar.update(self._task, completed=done)
        if done == total:
            self._bar.remove_task(self._task)
            self._task = None
            self.note(f"{total} takes read")

    def step(self, epoch: int, done: int, steps: int, loss: float) -> None:
        all_steps, at = self._recipe.epochs * steps, epoch * steps + done
        if self._began is None:
            self._began = time.monotonic(), at
        words = f"epoch {epoch + 1}/{self._recipe.epochs}  loss {loss:.4f}"
        if self._plain:
            self._say_now_and_then(f"{words}  step {done}/{steps}", at, all_steps)
            return
        if self._task is None:
            self._task = self._bar.add_task(words, total=all_steps, completed=at - 1)
        self._bar.update(self._task, completed=at, description=words)

    def epoch(self, line: dict[str, Any]) -> None:
        train, val = line["train"], line["val"]
        self.note(
            f"epoch {line['epoch']}  train position {train['position']:.5f} motion {train['motion']:.5f}  "
            f"validation position {val['position']:.5f} LVE {val['lve']:.4f} ALE {val['ale']:.4f}"
        )

    def _say_now_and_then(self, words: str, at: int, total: int) -> None:
        now = time.monotonic()
        if now < self._due or self._began is None or at == self._began[1]:
            return
        self._due = now + _PLAIN_EVERY_S
        began, first = self._began
        left_s = (now - began) / (at - first) * (total - at)
        self.note(f"{words}  about {left_s / 60:.0f} min left")
