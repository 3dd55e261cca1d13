"""``pmmlink devices``: microphones and loudspeakers, with what to call them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pmmlink.runtime.devices import SoundDevice


def devices(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """List sound inputs and outputs: number, name, channels, rates, and which are the defaults.

    Exit code 1 if PortAudio is missing; no device at all is no fault.
    """
    from pmmlink.runtime.devices import list_devices

    found = list_devices()
    if as_json:
        typer.echo(json.dumps([asdict(device) for device in found], ensure_ascii=False, indent=1))
    elif not found:
        typer.echo("no sound devices: pmmlink play, bake and live --stdin work without one")
    else:
        _show(found)


def _show(found: list[SoundDevice]) -> None:
    from rich.table import Table

    from pmmlink.cli.progress import make_console

    console = make_console()
    for title, channels, is_default in (
        ("inputs (--mic)", "inputs", "is_default_input"),
        ("outputs (--monitor)", "outputs", "is_default_output"),
    ):
        those = [device for device in found if getattr(device, channels)]
        console.print(title if those else f"{title}: none")
        if not those:
            continue
        table = Table("", "", "name", "channels", "own rate", "opens at (kHz)", "through", box=None)
        for device in those:
            table.add_row(
                "*" if getattr(device, is_default) else " ",
                str(device.index),
                device.name,
                str(getattr(device, channels)),
                f"{device.default_rate_hz / 1000:g} kHz",
                " ".join(f"{rate / 1000:g}" for rate in device.rates_hz) or "busy",
                device.host_api,
            )
        console.print(table)
    console.print("* the system's default")
