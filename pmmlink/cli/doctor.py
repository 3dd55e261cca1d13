"""``pmmlink doctor``: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pmmlink.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from pmmlink.runtime.doctor import Finding

_STYLES = {"ok": "green", "warning": "yellow", "fault": "bold red"}


def doctor(
    weights: options.Weights = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Check Python, torch, sound, weights, speed, ports and network; say what to do.

    Exit code 1 if there is a fault; warnings do not count.
    """
    from pmmlink.cli.progress import make_console
    from pmmlink.runtime.doctor import Level, examine

    console = make_console()
    found: list[Finding] = []
    for finding in examine(weights):
        found.append(finding)
        if not as_json:
            _show(console, finding)
    faults = sum(finding.level is Level.FAULT for finding in found)
    warnings = sum(finding.level is Level.WARNING for finding in found)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], ensure_ascii=False, indent=1))
    else:
        console.print(f"{len(found)} checks, {warnings} warnings, {faults} faults")
    if faults:
        raise typer.Exit(1)


def _show(console: Console, finding: Finding) -> None:
    from rich.text import Text

    level = finding.level.value
    console.print(Text(f"{level:8}", _STYLES[level]) + Text(f"{finding.name}: {finding.text}"))
    if finding.advice:
        console.print(f"{'':8}-> {finding.advice}")
