"""The ``pmmlink`` command: registers one module per command and turns errors into one line.

Command modules import torch, transformers and sound libraries inside their functions, so that
``pmmlink --help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pmmlink import __version__
from pmmlink.cli.bake import bake
from pmmlink.cli.calibrate import calibrate
from pmmlink.cli.data import app as data_app
from pmmlink.cli.devices import devices
from pmmlink.cli.doctor import doctor
from pmmlink.cli.eval import evaluate
from pmmlink.cli.listen import listen
from pmmlink.cli.live import LiveCommand, live
from pmmlink.cli.model import app as model_app
from pmmlink.cli.play import play
from pmmlink.cli.preview import preview
from pmmlink.cli.profile import app as profile_app
from pmmlink.cli.render import render
from pmmlink.cli.train import train
from pmmlink.errors import PmmlinkError

app = typer.Typer(
    name="pmmlink",
    help="Turns speech into a living MetaHuman face, in real time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("play")(play)
app.command("live", cls=LiveCommand)(live)
app.command("bake")(bake)
app.command("listen")(listen)
app.command("preview")(preview)
app.command("render")(render)
app.command("calibrate")(calibrate)
app.command("train")(train)
app.command("eval")(evaluate)
app.command("devices")(devices)
app.command("doctor")(doctor)
app.add_typer(profile_app, name="profile")
app.add_typer(model_app, name="model")
app.add_typer(data_app, name="data")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"pmmlink {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Turns speech into a living MetaHuman face, in real time."""


def main() -> None:
    """Entry point of the console script: exit 2 for bad input, 1 for a fault, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A Windows console or pipe may not be UTF-8; a bar that cannot be drawn must not end a show.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except PmmlinkError as error:
        message = " ".join(str(error).split())
        print(f"pmmlink: {message}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        print("pmmlink: stopped", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
