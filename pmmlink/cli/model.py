"""``pmmlink model info``: what is inside a weights file, and what its latency is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pmmlink.cli.model_convert import convert

app = typer.Typer(help="Weights: what is inside, and pretrained parts joined.", no_args_is_help=True)
app.command()(convert)

_PARTS = {
    "audio_encoder": "ψ_AE audio encoder (shared)",
    "audio_decoder": "ψ_AD audio decoder",
    "text_decoder": "ψ_TD text decoder",
    "talking_head": "ψ_HG talking head",
    "image_encoder": "ψ_IE image encoder",
    "alignment": "alignment and rate change",
    "decoder": "ψ_PD decoder",
}


def _count(model: Any) -> dict[str, int]:
    counts = dict.fromkeys(_PARTS, 0)
    for name, parameter in model.named_parameters():
        part = name.split(".")[0]
        key = part if part in counts else ("alignment" if part.endswith(("_align", "_rate")) else "decoder")
        counts[key] += parameter.numel()
    return counts


def describe(weights: Path | None, preset: str | None) -> dict[str, Any]:
    """Parts, parameters, latency budget and card of a weights file or, with random weights, of a preset."""
    from pmmlink.errors import CheckpointError
    from pmmlink.model.approximations import approximations
    from pmmlink.model.checkpoint import SHIPPED, load_model, sha256_of
    from pmmlink.model.config import PRESETS
    from pmmlink.model.pmmtalk import PMMTalk

    card: dict[str, Any] = {}
    if preset is not None:
        if preset not in PRESETS:
            raise CheckpointError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
        model, origin, digest = PMMTalk(PRESETS[preset]()), f"preset {preset}, random weights", ""
    else:
        path = weights or SHIPPED
        model, card = load_model(path)
        origin, digest = str(path), sha256_of(path)
    config = model.config
    return {
        "name": config.name,
        "file": origin,
        "sha256": digest,
        "modalities": list(model.modalities),
        "styles": list(config.styles),
        "parameters": _count(model),
        "latency_ms": {name: _ms(samples) for name, samples in model.latency_budget().items()},
        "approximations": [
            {
                "field": one.field,
                "setting": one.setting,
                "stands_for": one.stands_for,
                "latency_ms": _ms(one.latency),
            }
            for one in approximations(config)
        ],
        "look_ahead_ms": _ms(model.latency),
        "hop_ms": round(1000 / 30, 1),
        "smoothing_ms": round(config.smoothing * 1000 / 30, 1),
        "card": card,
    }


def _ms(samples: int) -> float | None:
    """Milliseconds; None for what must see the whole clip and cannot stream."""
    from pmmlink.stream.stage import WHOLE_CLIP

    return None if samples >= WHOLE_CLIP else round(samples / 16, 1)


def _shown(ms: float | None) -> str:
    return "whole clip" if ms is None else f"{ms:.1f}"


@app.command()
def info(
    weights: Annotated[
        Path | None, typer.Option("--weights", "-w", help="A weights file; default: the shipped one.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Show a preset with random weights instead: compact or paper.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Shows parts, parameters, licence and the latency budget, part by part.

    [bold]Examples[/bold]

      pmmlink model info
      pmmlink model info --weights my.safetensors --json
      pmmlink model info --preset paper
    """
    from rich.console import Console
    from rich.table import Table

    facts = describe(weights, preset)
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    console = Console()
    console.print(f"[bold]{facts['name']}[/bold]  {facts['file']}", highlight=False, soft_wrap=True)
    if facts["sha256"]:
        console.print(f"sha256 {facts['sha256']}", highlight=False, soft_wrap=True)
    table = Table("part", "parameters", box=None)
    table.columns[1].justify = "right"
    for part, count in facts["parameters"].items():
        if count:
            table.add_row(_PARTS[part], f"{count:,}")
    table.add_row("[bold]all[/bold]", f"[bold]{sum(facts['parameters'].values()):,}[/bold]")
    console.print(table)
    latency = Table("latency", "ms", box=None)
    latency.columns[1].justify = "right"
    for part, ms in facts["latency_ms"].items():
        latency.add_row(part, _shown(ms))
    ahead = facts["look_ahead_ms"]
    latency.add_row("look-ahead (the slowest branch)", _shown(ahead))
    latency.add_row("hop (one frame)", f"{facts['hop_ms']:.1f}")
    declared = _shown(None if ahead is None else ahead + facts["hop_ms"])
    latency.add_row("[bold]declared[/bold]", f"[bold]{declared}[/bold]")
    if facts["smoothing_ms"]:
        # A frame waits for nothing here, but what is seen in it comes later; the seal's closures do not.
        latency.add_row("motion after it (smoothing)", f"{facts['smoothing_ms']:.1f}")
    console.print(latency)
    _print_approximations(console, facts["approximations"])
    console.print("styles: " + ", ".join(facts["styles"]), highlight=False)
    _print_card(console, facts["card"])


def _print_approximations(console: Any, lines: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if lines:
        table = Table("setting", "is", "in place of", "ms", box=None)
        table.columns[0].no_wrap = table.columns[3].no_wrap = True
        table.columns[3].justify = "right"
        for line in lines:
            table.add_row(line["field"], line["setting"], line["stands_for"], _shown(line["latency_ms"]))
        console.print(table)


def _print_card(console: Any, card: dict[str, Any], depth: int = 0) -> None:
    pad = "  " * depth
    for key, value in card.items():
        if isinstance(value, (dict, list)):
            console.print(pad + key, highlight=False, markup=False, style=None if depth else "bold")
        if isinstance(value, dict):
            _print_card(console, value, depth + 1)
        elif isinstance(value, list):
            for inner in value:
                console.print(f"{pad}  - {inner}", highlight=False, soft_wrap=True, markup=False)
        else:
            console.print(f"{pad}{key}: {value}", highlight=False, soft_wrap=True, markup=False)
