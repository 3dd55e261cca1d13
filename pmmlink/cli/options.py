"""Flags that several commands share; each has a line of the same name in ``pmmlink.config``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmmlink.config import FILE_NAME, help_of

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help=f"Settings file; else the nearest {FILE_NAME} upward."),
]
To = Annotated[list[str] | None, typer.Option("--to", metavar="URL", help=f"{help_of('to')} Repeatable.")]
Subject = Annotated[str | None, typer.Option("--subject", metavar="NAME", help=help_of("subject"))]
Fps = Annotated[str | None, typer.Option("--fps", metavar="RATE", help=help_of("fps"))]
ProfileFile = Annotated[Path | None, typer.Option("--profile", metavar="PATH", help=help_of("profile"))]
Intensity = Annotated[float | None, typer.Option("--intensity", metavar="X", help=help_of("intensity"))]
Style = Annotated[str | None, typer.Option("--style", metavar="NAME", help=help_of("style"))]
Weights = Annotated[Path | None, typer.Option("--weights", metavar="PATH", help=help_of("weights"))]
Threads = Annotated[int | None, typer.Option("--threads", metavar="N", help=help_of("threads"))]
