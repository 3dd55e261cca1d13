"""``pmmlink listen``: receives, checks and shows frames, for those who have no Unreal at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def listen(
    url: Annotated[
        str,
        typer.Argument(
            metavar="[URL]",
            help="Where to listen: osc://127.0.0.1:8000 or livelink://127.0.0.1:11111. "
            "Each understands both formats.",
        ),
    ] = "osc://127.0.0.1:8000",
    bind: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Listen on this address; 0.0.0.0 hears other machines too."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write what arrives as a Live Link Face CSV.")
    ] = None,
    buffer_ms: Annotated[
        int, typer.Option(min=0, max=200, help="Depth of the jitter buffer: how late a packet may be.")
    ] = 50,
    duration: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="Stop after so long; otherwise Ctrl-C does."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, once a second.")] = False,
) -> None:
    """Receive frames and show them: curves, rate, loss, order, jitter.

    Exit code 1 if --duration passes and no frame arrives.
    """
    from pmmlink.cli.listen_loop import run

    run(url, bind, record, buffer_ms / 1000, duration, as_json)
