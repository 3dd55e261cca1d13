"""Table V of the paper: trains the model without each branch and each loss, and measures LVE and ALE.

    python benchmarks/ablation.py --data ../shared/data/grid_s1 --data ../shared/data/facegood_zh \
        --protocol cross-take --limit 24 --longest 3 --epochs 20 --lr 1e-3 --seeds 3 \
        --out runs/ablation -o table5.md

Every row begins with the same frozen parts and freshly initialised others, sees the same takes, and keeps the
epoch with the lowest validation loss; figures are of the test part. Every row is trained with every seed
(of the random start and the order of the clips): a difference within what seeds do says nothing. All rows
of a seed come before the next seed, and the table is written anew after each: stopped at any time it is
fair, and the same command goes on. Below the rows stand two faces that hear nothing, below the table the
full model's learning curve.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from pmmlink.errors import CheckpointError, PmmlinkError
from pmmlink.eval.lip_error import curve_errors
from pmmlink.model.checkpoint import SHIPPED, load_model, sha256_of
from pmmlink.train.clips import Clip, Parts, TakeMemory, open_parts
from pmmlink.train.features import FeatureReader
from pmmlink.train.loop import train
from pmmlink.train.processes import Processes, choose_device
from pmmlink.train.recipe import Recipe
from pmmlink.train.run_folder import RunFolder
from pmmlink.train.validate import measure

ROWS: dict[str, dict[str, Any]] = {
    "all": {},
    "w/o text embedding": {"without": ("text",)},
    "w/o audio embedding": {"without": ("audio",)},
    "w/o image embedding": {"without": ("image",)},
    "w/o L_tem": {"without_loss": ("tem",)},
    "w/o L_sem": {"without_loss": ("sem",)},
    "w/o L_mot": {"without_loss": ("mot",)},
}
"""Table V's rows, in its order → what each changes."""

PAPER_LVE = {
    "all": 7.169,
    "w/o text embedding": 7.319,
    "w/o audio embedding": 8.313,
    "w/o image embedding": 7.459,
    "w/o L_tem": 7.680,
    "w/o L_sem": 7.599,
    "w/o L_mot": 7.363,
}
"""LVE of table V, × 10⁻², 3D-CAVFA, cross-subject."""


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """A row trained with one seed.

    Attributes:
        lve: of the test part.
        ale: likewise.
        best_epoch: which epoch's weights were measured.
        log: a line for each epoch, as ``log.jsonl`` has them.
    """

    lve: float
    ale: float
    best_epoch: int
    log: list[dict[str, Any]]


class Lines:
    """Prints a run's epochs."""

    def __init__(self, name: str) -> None:
        self._name = name

    def note(self, text: str) -> None:
        print(f"{self._name}: {text}", flush=True)

    def reading(self, done: int, total: int) -> None:
        """Too short to tell."""

    def step(self, epoch: int, done: int, steps: int, loss: float) -> None:
        """Epochs are enough."""

    def epoch(self, line: dict[str, Any]) -> None:
        val = line["val"]
        print(f"{self._name}: epoch {line['epoch']} position {val['position']:.5f}", flush=True)


def row(
    name: str, recipe: Recipe, test: Sequence[Clip], out: Path, cache: Path, processes: Processes
) -> Done:
    """A row's best weights, measured on its test part; trains it first where that is not done."""
    kept = out / "figures.json"
    asked = {**recipe.to_dict(), "start": sha256_of(Path(recipe.weights))}
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["recipe"] == asked:
            return Done(**found["done"])
    progress = train(recipe, out, processes, Lines(name), cache)
    model, _ = load_model(RunFolder(out).best, str(processes.device))
    styles = model.config.styles[1:]  # the first is their mean, for players
    figures = measure(model, test, TakeMemory(), FeatureReader(model, cache), styles, processes)
    done = Done(figures.lve, figures.ale, progress.best_epoch, progress.log)
    kept.write_text(json.dumps({"recipe": asked, "done": dataclasses.asdict(done)}), encoding="utf-8")
    return done


def deaf(parts: Parts) -> dict[str, tuple[float, float]]:
    """LVE and ALE on the test part of faces that hear nothing: at rest, and each style's mean face."""
    memory = TakeMemory()

    def targets(clips: Sequence[Clip], style: str) -> list[np.ndarray[Any, Any]]:
        return [memory.read(clip).targets for clip in clips if clip.take.style == style]

    sums: dict[str, np.ndarray[Any, Any]] = defaultdict(lambda: np.zeros(3))
    for style in parts.styles:
        trained = np.concatenate(targets(parts.train, style))
        known = np.isfinite(trained)
        mean = np.where(known, trained, 0).sum(0) / np.maximum(known.sum(0), 1)
        faces = {"a face that never moves": np.zeros_like(mean), "its style's mean face": mean}
        for wanted in targets(parts.test, style):
            for name, face in faces.items():
                found = curve_errors(np.broadcast_to(face, wanted.shape).astype(np.float32), wanted).sums()
                sums[name] += found["lve"], found["ale"], found["frames"]
    return {name: (float(lve / frames), float(ale / frames)) for name, (lve, ale, frames) in sums.items()}


def table(found: dict[str, list[Done]], baselines: dict[str, tuple[float, float]]) -> str:
    """The rows as Markdown, beside the paper's: medians (least … largest) of ``found[row]``'s seeds."""
    lines = [
        "| | LVE × 10⁻² | ALE × 10⁻² | LVE against all | seeds worse than all | best epoch "
        "| paper: LVE × 10⁻² | paper: against all |",
        "|---|---|---|---|---|---|---|---|",
    ]
    base = median(done.lve for done in found["all"])
    for name, seeds in found.items():
        lve, ale = [done.lve for done in seeds], [done.ale for done in seeds]
        worse = sum(mine.lve > whole.lve for mine, whole in zip(seeds, found["all"], strict=False))
        paper, whole_paper = PAPER_LVE[name], PAPER_LVE["all"]
        lines.append(
            f"| {name} | {_span(lve)} | {_span(ale)} | {(median(lve) / base - 1) * 100:+.1f} % "
            f"| {f'{worse} of {len(seeds)}' if name != 'all' else ''} "
            f"| {', '.join(str(done.best_epoch) for done in seeds)} "
            f"| {paper:.3f} | {(paper / whole_paper - 1) * 100:+.1f} % |"
        )
    for name, (still_lve, still_ale) in baselines.items():
        against = (still_lve / base - 1) * 100
        lines.append(f"| {name} | {still_lve * 100:.3f} | {still_ale * 100:.3f} | {against:+.1f} % | | | | |")
    return "\n".join(lines) + "\n"


def curve(runs: Sequence[Done]) -> str:
    """The full model's learning curve as Markdown: medians over the seeds, epoch by epoch."""
    lines = [
        "| epoch | training position | validation position | validation LVE × 10⁻² |",
        "|---:|---:|---:|---:|",
    ]
    for epoch in range(min(len(run.log) for run in runs)):
        at = [run.log[epoch] for run in runs]
        lines.append(
            f"| {epoch + 1} | {median(line['train']['position'] for line in at):.5f} "
            f"| {median(line['val']['position'] for line in at):.5f} "
            f"| {median(line['val']['lve'] for line in at) * 100:.3f} |"
        )
    return "\n".join(lines) + "\n"


def _span(values: Sequence[float]) -> str:
    spread = f" ({min(values) * 100:.3f} … {max(values) * 100:.3f})" if len(values) > 1 else ""
    return f"{median(values) * 100:.3f}{spread}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="whose frozen parts are used")
    parser.add_argument("--protocol", default="cross-subject")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--longest", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=3, help="runs of every row")
    parser.add_argument("--device", default="auto")
    parser.add_argument("-o", "--output", type=Path, help="Markdown file; printed without it")
    return parser.parse_args()


def main() -> None:
    """Command line."""
    args = _arguments()
    torch.set_num_threads(1)
    processes = Processes(0, 1, choose_device(args.device))
    base = Recipe(
        data=tuple(map(str, args.data)),
        protocol=args.protocol,
        weights=str(args.weights),
        fresh=True,
        epochs=args.epochs,
        lr=args.lr,
        batch=args.batch,
        limit=args.limit,
        longest_s=args.longest,
    )
    try:
        _run(args, base, processes)
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None


def _run(args: argparse.Namespace, base: Recipe, processes: Processes) -> None:
    found: dict[str, list[Done]] = {}
    parts = open_parts(base)
    baselines = deaf(parts)
    begun_with = sha256_of(args.weights)
    about = (
        f"{len(parts.train)} clips to train, {len(parts.val)} to validate, {len(parts.test)} to test "
        f"({args.protocol}, {args.limit or 'all'} clips of a subject and part), {args.epochs} epochs, "
        f"Adam {args.lr:g}, batch {args.batch}. {datetime.now(timezone.utc):%Y-%m-%d}, "
        f"frozen parts of weights {begun_with[:12]}, torch {torch.__version__}, {platform.machine()}, "
        f"{processes.device.type}.\n"
    )
    text = ""
    for seed in range(args.seeds):
        for name, changes in ROWS.items():
            recipe = dataclasses.replace(base, seed=seed, **changes)
            out = args.out / f"{name.replace('/', '').replace(' ', '_')}-{seed}"
            if sha256_of(args.weights) != begun_with:
                raise CheckpointError(f"{args.weights}: changed while the rows were trained; begin again")
            done = row(f"{name}, seed {seed}", recipe, parts.test, out, args.out / "features", processes)
            found.setdefault(name, []).append(done)
            print(f"{name}, seed {seed}: LVE {done.lve:.5f} ALE {done.ale:.5f}", flush=True)
            text = "\n".join((about, table(found, baselines), curve(found["all"])))
            if args.output:
                args.output.write_text(text, encoding="utf-8", newline="\n")
    print(text)


if __name__ == "__main__":
    main()
