"""Table V of the paper: trains the model without each branch and each loss, and measures LVE and ALE.

    python benchmarks/ablation.py --data ../shared/data/grid_s1 --data ../shared/data/facegood_zh \
        --protocol cross-take --limit 40 --epochs 5 --out runs/ablation -o table5.md

Every row begins with the same frozen parts and freshly initialised others, sees the same takes in the
same order, and keeps the epoch with the lowest validation loss; figures are of the test part. The full
model is trained with several seeds: what lies within their spread says nothing. A row that is done is
not run again, a stopped one goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import statistics
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from pmmlink.errors import CheckpointError, PmmlinkError
from pmmlink.model.checkpoint import SHIPPED, load_model, sha256_of
from pmmlink.train.clips import TakeMemory, open_parts
from pmmlink.train.features import FeatureReader
from pmmlink.train.loop import train
from pmmlink.train.processes import Processes, choose_device
from pmmlink.train.recipe import Recipe
from pmmlink.train.run_folder import RunFolder
from pmmlink.train.validate import Figures, measure

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

PAPER = {
    "all": (7.169, 0.640),
    "w/o text embedding": (7.319, 0.682),
    "w/o audio embedding": (8.313, 0.786),
    "w/o image embedding": (7.459, 0.697),
    "w/o L_tem": (7.680, 0.704),
    "w/o L_sem": (7.599, 0.698),
    "w/o L_mot": (7.363, 0.681),
}
"""LVE and ALE of table V, × 10⁻², 3D-CAVFA, cross-subject."""


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


def row(name: str, recipe: Recipe, out: Path, cache: Path, processes: Processes) -> Figures:
    """LVE and ALE of a row's best weights on its test part; trains it first where that is not done."""
    kept = out / "figures.json"
    asked = {**recipe.to_dict(), "start": sha256_of(Path(recipe.weights))}
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["recipe"] == asked:
            return Figures(**found["figures"])
    train(recipe, out, processes, Lines(name), cache)
    parts = open_parts(recipe)
    model, _ = load_model(RunFolder(out).best, str(processes.device))
    figures = measure(model, parts.test, TakeMemory(), FeatureReader(model, cache), parts.styles, processes)
    kept.write_text(json.dumps({"recipe": asked, "figures": figures.to_dict()}), encoding="utf-8")
    return figures


def table(found: dict[str, list[Figures]]) -> str:
    """The rows as Markdown, beside the paper's."""
    lines = [
        "| | LVE × 10⁻² | ALE × 10⁻² | LVE against all | paper: LVE × 10⁻² | paper: against all |",
        "|---|---|---|---|---|---|",
    ]
    base = statistics.mean(f.lve for f in found["all"])
    whole = PAPER["all"][0]
    for name, figures in found.items():
        lve, ale = (statistics.mean(getattr(f, k) for f in figures) for k in ("lve", "ale"))
        spread = f" ({min(f.lve for f in figures) * 100:.3f} … {max(f.lve for f in figures) * 100:.3f})"
        paper = PAPER[name][0]
        lines.append(
            f"| {name} | {lve * 100:.3f}{spread if len(figures) > 1 else ''} | {ale * 100:.3f} "
            f"| {(lve / base - 1) * 100:+.1f} % | {paper:.3f} | {(paper / whole - 1) * 100:+.1f} % |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line."""
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
    parser.add_argument("--seeds", type=int, default=3, help="runs of the full model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("-o", "--output", type=Path, help="Markdown file; printed without it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    processes = Processes(0, 1, choose_device(args.device))
    cache = args.out / "features"
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
    found: dict[str, list[Figures]] = {}
    begun_with = sha256_of(args.weights)
    try:
        for name, changes in ROWS.items():
            for seed in range(args.seeds if name == "all" else 1):
                recipe = dataclasses.replace(base, seed=seed, **changes)
                out = args.out / f"{name.replace('/', '').replace(' ', '_')}-{seed}"
                if sha256_of(args.weights) != begun_with:
                    raise CheckpointError(f"{args.weights}: changed while the rows were trained; begin again")
                figures = row(f"{name}, seed {seed}", recipe, out, cache, processes)
                found.setdefault(name, []).append(figures)
                print(f"{name}: {figures.to_dict()}", flush=True)
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None
    parts = open_parts(base)
    text = (
        f"{len(parts.train)} clips to train, {len(parts.val)} to validate, {len(parts.test)} to test "
        f"({args.protocol}, {args.limit or 'all'} clips of a subject and part), {args.epochs} epochs, "
        f"Adam {args.lr:g}, batch {args.batch}. {datetime.now(timezone.utc):%Y-%m-%d}, "
        f"frozen parts of weights {begun_with[:12]}, torch {torch.__version__}, {platform.machine()}, "
        f"{processes.device.type}.\n\n"
    )
    text += table(found)
    if args.output:
        args.output.write_text(text, encoding="utf-8", newline="\n")
    print(text)


if __name__ == "__main__":
    main()
