"""``pmmlink preview``: the head in the browser, moved by a take or by what arrives on a port."""

from __future__ import annotations

import time
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmmlink.errors import ConfigError, TargetError

if TYPE_CHECKING:
    from rich.console import Console

    from pmmlink.preview.server import PreviewServer

_POLL_S = 0.2


def preview(
    take: Annotated[
        Path | None, typer.Argument(metavar="[TAKE.csv]", help="A Live Link Face recording to play.")
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option("--audio", metavar="FILE", help="Sound of the take; it starts with the take."),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="URL",
            help="Show what arrives: osc://127.0.0.1:8000 or livelink://127.0.0.1:11111.",
        ),
    ] = None,
    bind: Annotated[
        str | None,
        typer.Option(
            "--bind", metavar="ADDRESS", help="Receive on this address; 0.0.0.0 hears other machines too."
        ),
    ] = None,
    buffer_ms: Annotated[
        int, typer.Option("--buffer-ms", min=0, max=1000, help="Jitter buffer: how late a packet may be.")
    ] = 50,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Serve the page on this address; 0.0.0.0: to all."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Serve the page on this port.")
    ] = 8765,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open a browser on the page.")
    ] = True,
    duration: Annotated[
        float | None, typer.Option("--duration", min=0.1, metavar="SECONDS", help="Stop after so long.")
    ] = None,
) -> None:
    """Show the head in a browser: a take with its sound, or live what a receiver hears. Ctrl-C ends it.

    To watch a running pmmlink without a network, give it the target preview: as in
    [bold]pmmlink play speech.wav --to preview:[/bold]
    """
    if (take is None) == (listen is None):
        raise ConfigError("name a take to play, or --listen osc://127.0.0.1:8000 to show what arrives there")
    if listen is None and bind is not None:
        raise ConfigError("--bind goes with --listen; the page's own address is --host")
    if take is None and audio is not None:
        raise ConfigError("--audio goes with a take")

    from pmmlink.cli.progress import make_console

    console = make_console()
    stop_s = time.perf_counter() + duration if duration is not None else float("inf")
    if take is not None:
        server = _with_take(take, audio, host, port)
        with server:
            _show(server, console, open_browser)
            _wait(stop_s)
    elif listen is not None:
        _with_receiver(listen, bind, buffer_ms / 1000, host, port, open_browser, stop_s, console)


def _with_take(take: Path, audio: Path | None, host: str, port: int) -> PreviewServer:
    from pmmlink.preview.recording import SOUND_TYPES, Recording
    from pmmlink.preview.server import PreviewServer
    from pmmlink.preview.take import read_animation
    from pmmlink.sources import FileSource

    if audio is not None:
        if audio.suffix.lower() not in SOUND_TYPES:
            raise ConfigError(f"--audio {audio}: browsers play {', '.join(SOUND_TYPES)}; convert it to .wav")
        FileSource(audio).close()  # says what is wrong with it now, rather than in the browser
    return PreviewServer(take.name, Recording(read_animation(take), audio), host, port)


def _with_receiver(
    url: str,
    bind: str | None,
    buffer_s: float,
    host: str,
    port: int,
    open_browser: bool,
    stop_s: float,
    console: Console,
) -> None:
    from pmmlink.preview.relay import FRAME_S, Relay
    from pmmlink.preview.server import PreviewServer
    from pmmlink.receiver import Receiver, UdpListener
    from pmmlink.wire.target import parse_target

    forms = "osc://127.0.0.1:8000 or livelink://127.0.0.1:11111"
    target = parse_target(url, {"osc": 8000, "livelink": 11111}, forms, default_host="127.0.0.1")
    if target.options:
        raise TargetError(f"{url}: listening takes no options after ?")
    target = replace(target, host=bind) if bind is not None else target
    receiver = Receiver(buffer_s=buffer_s, on_event=console.print)
    with UdpListener(target) as listener, PreviewServer(str(target), host=host, port=port) as server:
        relay = Relay(receiver, server.hub)
        _show(server, console, open_browser)
        try:
            while (now_s := time.perf_counter()) < stop_s:
                datagram = listener.receive(FRAME_S)
                if datagram is not None:
                    receiver.push(datagram.data, datagram.arrival_s, datagram.sender)
                relay.tick(now_s)
        except KeyboardInterrupt:
            console.print("preview closed")


def _show(server: PreviewServer, console: Console, open_browser: bool) -> None:
    console.print(f"{server.title}: open {server.url} in a browser; Ctrl-C ends the preview")
    if open_browser:
        webbrowser.open(server.url)


def _wait(stop_s: float) -> None:
    """Until the time is over or Ctrl-C; in steps, because Windows delivers Ctrl-C only between waits."""
    try:
        while time.perf_counter() < stop_s:
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        return
