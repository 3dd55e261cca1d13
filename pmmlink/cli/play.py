"""``pmmlink play``: a sound file is heard and its face is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmmlink.cli import options
from pmmlink.cli.interrupt import STOPPED, termination_as_interrupt
from pmmlink.config import DEFAULT_TARGET, Config, help_of
from pmmlink.errors import ConfigError, RuntimeFault

if TYPE_CHECKING:
    from rich.console import Console

    from pmmlink.runtime.output import SoundOutput
    from pmmlink.runtime.playback import Playback
    from pmmlink.runtime.session import Session
    from pmmlink.runtime.stats import Histogram
    from pmmlink.sources import FileSource

_POLL_S = 0.1
_SHOWN_CURVES = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthPressLeft", "mouthSmileLeft")


def play(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Sound or film, any format.")] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Play the speech that comes with pmmlink.")
    ] = False,
    to: options.To = None,
    subject: options.Subject = None,
    fps: options.Fps = None,
    audio: Annotated[bool | None, typer.Option("--audio/--no-audio", help=help_of("audio"))] = None,
    delay_ms: Annotated[
        float | None, typer.Option("--delay-ms", metavar="MS", help=help_of("delay_ms"))
    ] = None,
    speed: Annotated[str | None, typer.Option("--speed", metavar="1|max", help=help_of("speed"))] = None,
    profile: options.ProfileFile = None,
    intensity: options.Intensity = None,
    style: options.Style = None,
    weights: options.Weights = None,
    threads: options.Threads = None,
    config: options.ConfigFile = None,
) -> None:
    """Play a sound file and send its face, each frame when its sound is heard.

    Ctrl-C closes the mouth, tells the receivers, finishes the recordings and exits with 130.
    """
    flags = {
        "to": to,
        "subject": subject,
        "fps": fps,
        "audio": audio,
        "delay_ms": delay_ms,
        "speed": speed,
        "profile": profile,
        "intensity": intensity,
        "style": style,
        "weights": weights,
        "threads": threads,
    }
    settings = Config.load(flags, config)
    if sample == (file is not None):
        raise ConfigError("name one sound file to play, or --sample")

    from pmmlink.cli.progress import make_console
    from pmmlink.resources import sample_speech
    from pmmlink.sources import FileSource

    console = make_console()
    with FileSource(file if file is not None else sample_speech()) as source:
        _play(source, settings, console)


def _play(source: FileSource, settings: Config, console: Console) -> None:
    from pmmlink.retarget import load_profile
    from pmmlink.runtime.playback import Playback
    from pmmlink.runtime.session import Session
    from pmmlink.sinks import make_sink

    if settings.file is not None:
        console.print(f"settings from {settings.file}")
    # What is cheap to refuse is refused before the model is loaded.
    targets = settings.to or (DEFAULT_TARGET,)
    if not settings.to:
        console.print(f"no --to given: sending to {DEFAULT_TARGET}")
    sinks = [make_sink(url) for url in targets]
    character = load_profile(settings.profile, settings.intensity)
    paced = settings.speed != "max"

    from pmmlink.model.animator import load_animator

    animator = load_animator(settings.weights, settings.style, settings.threads)
    output = _open_output(source, console) if paced and settings.audio else None
    session = Session(
        sinks,
        rate_hz=source.rate_hz,
        subject=settings.subject,
        fps=settings.fps,
        profile=character,
        animator=animator,
        lossless=not paced,
        on_event=console.print,
    )
    playback = Playback(
        source,
        session.pipeline,
        session,
        output=output,
        paced=paced,
        delay_s=settings.delay_ms / 1e3,
        on_event=console.print,
    )
    console.print(_budget(session, output, paced))
    with session:
        _watch(playback, session, source, console)
    _summary(playback, session, source, character.name, console)
    if playback.interrupted:
        raise typer.Exit(STOPPED)


def _open_output(source: FileSource, console: Console) -> SoundOutput | None:
    from pmmlink.runtime.clock import SystemTime
    from pmmlink.runtime.output import SoundOutput
    from pmmlink.runtime.portaudio import PortAudioDevice

    try:
        device = PortAudioDevice(source.rate_hz, source.channels)
    except RuntimeFault as fault:
        console.print(f"silent: {fault}; frames follow the system's clock")
        return None
    return SoundOutput(device, source.rate_hz, source.channels, SystemTime())


def _budget(session: Session, output: SoundOutput | None, paced: bool) -> str:
    text = f"latency: {session.pipeline.budget}"
    if output is not None:
        text += f", and {output.device.name} {output.device.latency_s * 1e3:.1f} ms"
    return f"{text}, all made up for by reading ahead" if paced else text


def _watch(playback: Playback, session: Session, source: FileSource, console: Console) -> None:
    """Show the playback until it ends; turn Ctrl-C into a soft stop."""
    from pmmlink.cli.progress import LiveView

    def lines() -> list[str]:
        compute = session.pipeline.compute
        at = playback.progress()
        rtf = f"real-time factor {compute.real_time_factor:.3f}"
        state = f"frames {at.frames}  lag {at.lag_s * 1e3:.1f} ms  {rtf}"
        if at.underruns:
            state += f"  underruns {at.underruns}"
        sent = [f"{url} sent {stats.sent} dropped {stats.dropped}" for url, stats in session.stats.items()]
        return [state, *sent]

    total_s = source.length / source.rate_hz if source.length is not None else None
    view = LiveView(console, Path(source.name).name, total_s, lambda: playback.progress().position_s, lines)
    with termination_as_interrupt(), view:
        playback.start()
        try:
            while not playback.wait(_POLL_S):
                view.tick()
        except KeyboardInterrupt:
            playback.stop()
            playback.wait()


def _summary(
    playback: Playback, session: Session, source: FileSource, character: str, console: Console
) -> None:
    from pmmlink.cli.progress import clock_text, sparkline

    trace, compute, lag = playback.trace, session.pipeline.compute, playback.lag
    verb = "stopped" if playback.interrupted else "played"
    console.print(
        f"{verb} {Path(source.name).name}: {trace.frames} frames at {session.pipeline.fps} fps for "
        f"{clock_text(playback.progress().position_s)} of sound, "
        f"subject {session.subject}, profile {character}"
    )
    for url, stats in session.stats.items():
        error = f"  last error: {stats.last_error}" if stats.last_error else ""
        console.print(f"  {url}  sent {stats.sent}  dropped {stats.dropped}{error}")
    if lag.count:
        console.print(f"  lag behind the sound  {_percentiles(lag)}  max {lag.largest_s * 1e3:.1f} ms")
    rtf = f"real-time factor {compute.real_time_factor:.3f}"
    console.print(f"  compute per frame  {_percentiles(compute.per_frame)} ms  {rtf}")
    course = trace.course(64)
    peak = max([*course, 0.05])  # a mouth that rests must not be drawn as one that trembles
    console.print(
        f"  mouth  |{sparkline([v / peak for v in course], console)}|  {trace.curve}, full height {peak:.2f}"
    )
    ranges = trace.ranges()
    shown = (
        f"{name} {ranges[name][0]:.2f}-{ranges[name][1]:.2f}" for name in _SHOWN_CURVES if name in ranges
    )
    console.print(f"  curves  {'  '.join(shown)}")


def _percentiles(histogram: Histogram) -> str:
    return "  ".join(f"p{p} {histogram.percentile_s(p) * 1e3:.1f}" for p in (50, 95, 99))
