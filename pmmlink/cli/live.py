"""``pmmlink live``: a microphone or a stream of speech in, a face out."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmmlink.cli import options
from pmmlink.cli.interrupt import STOPPED, termination_as_interrupt
from pmmlink.cli.optional_value import with_optional_value
from pmmlink.config import DEFAULT_TARGET, Config, help_of
from pmmlink.errors import AudioError, ConfigError, RuntimeFault, TargetError

if TYPE_CHECKING:
    from rich.console import Console

    from pmmlink.retarget import Profile
    from pmmlink.runtime.live import Live
    from pmmlink.runtime.live_options import LiveOptions
    from pmmlink.runtime.portaudio import PortAudioDevice
    from pmmlink.runtime.record import TakeRecorder
    from pmmlink.sinks import Fanout
    from pmmlink.sources.live import LiveSource

_POLL_S = 0.05

LiveCommand = with_optional_value("--monitor")
"""The kind of command that :func:`live` is registered as."""


def live(
    device: Annotated[
        str | None,
        typer.Argument(
            metavar="[DEVICE]", help="With --mic: name, part of a name, or number; else the default."
        ),
    ] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Listen to a microphone.")] = False,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read raw mono PCM from standard input.")] = False,
    ws: Annotated[
        int | None, typer.Option("--ws", metavar="PORT", help="Take speech over a WebSocket on loopback.")
    ] = None,
    rate: Annotated[int | None, typer.Option("--rate", metavar="HZ", help=help_of("rate"))] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="s16le|f32le", help=help_of("format"))
    ] = None,
    pace: Annotated[
        str | None, typer.Option("--pace", metavar="speech|arrival", help=help_of("pace"))
    ] = None,
    latency: Annotated[
        str | None, typer.Option("--latency", metavar="low|balanced|quality", help=help_of("latency"))
    ] = None,
    gate: Annotated[bool | None, typer.Option("--gate/--no-gate", help=help_of("gate"))] = None,
    gain: Annotated[str | None, typer.Option("--gain", metavar="auto|DB", help=help_of("gain"))] = None,
    idle: Annotated[bool | None, typer.Option("--idle/--no-idle", help=help_of("idle"))] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help=help_of("seed"))] = None,
    smooth: Annotated[bool | None, typer.Option("--smooth/--no-smooth", help=help_of("smooth"))] = None,
    monitor: Annotated[
        str | None,
        typer.Option(
            "--monitor",
            metavar="[DEVICE]",
            help="Hear the microphone, delayed to fit the face; name or number.",
        ),
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="TAKE", help="Record TAKE.wav and TAKE.csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")] = False,
    to: options.To = None,
    subject: options.Subject = None,
    fps: options.Fps = None,
    profile: options.ProfileFile = None,
    intensity: options.Intensity = None,
    style: options.Style = None,
    weights: options.Weights = None,
    threads: options.Threads = None,
    config: options.ConfigFile = None,
) -> None:
    """Turn live speech into a face, frame by frame, until the sound ends, q or Ctrl-C.

    One of --mic, --stdin and --ws. On a terminal: m mutes, c makes the present face the neutral one, r starts
    and stops recording, q quits.
    """
    flags = {
        "to": to, "subject": subject, "fps": fps, "profile": profile, "intensity": intensity, "style": style,
        "weights": weights, "threads": threads, "rate": rate, "format": form, "pace": pace,
        "latency": latency, "gate": gate, "gain": gain, "idle": idle, "seed": seed, "smooth": smooth,
    }  # fmt: skip
    settings = Config.load(flags, config)
    if device is not None and not mic:
        raise ConfigError(f"{device}: a device goes with --mic; a sound file goes with pmmlink play")
    if mic + stdin + (ws is not None) != 1:
        raise ConfigError("name one source of sound: --mic [DEVICE], --stdin or --ws PORT")
    if monitor is not None and not mic:
        raise ConfigError("--monitor plays a microphone back; it goes with --mic")

    from pmmlink.cli.progress import make_console

    console = make_console()
    events: list[Callable[[str], None]] = [console.print]

    def say(text: str) -> None:
        events[-1](text)

    from pmmlink.retarget import load_profile
    from pmmlink.runtime.live import Live
    from pmmlink.sinks import Fanout, make_sink

    # What is cheap to refuse is refused before the model is loaded.
    fanout = Fanout([make_sink(url) for url in settings.to or (DEFAULT_TARGET,)], on_event=say)
    character = load_profile(settings.profile, settings.intensity)
    if record is not None and not record.absolute().parent.is_dir():
        raise TargetError(f"--record {record}: the folder {record.parent} does not exist; create it first")
    choices = _options(settings, character, monitor is not None)
    if ws is not None and not 0 <= ws <= 65535:
        raise ConfigError(f"--ws {ws}: a port is a number from 1 to 65535")
    source = _source(settings, device, mic, ws, choices.hop_s, say)

    loudspeaker = _loudspeaker(source, monitor, say) if monitor is not None else None

    from pmmlink.model.animator import load_animator

    animator = load_animator(settings.weights, settings.style, settings.threads)
    session = Live(source, animator, fanout, profile=character, options=choices, on_event=say)
    interrupted = _run(session, fanout, settings, loudspeaker, record, as_json, console, events)
    if interrupted:
        raise typer.Exit(STOPPED)


def _loudspeaker(source: LiveSource, wanted: str, say: Callable[[str], None]) -> PortAudioDevice | None:
    from pmmlink.runtime.portaudio import PortAudioDevice

    try:
        return PortAudioDevice(source.intake.rate_hz, 1, latency_s=0.03, wanted=wanted or None)
    except RuntimeFault as fault:
        say(f"no monitor: {fault}")
        return None


def _options(settings: Config, character: Profile, monitor: bool) -> LiveOptions:
    from pmmlink.curves import LIVELINK_61
    from pmmlink.retarget.idle import IdleFace
    from pmmlink.retarget.smooth import PRESET
    from pmmlink.runtime.live_options import HOPS_S, MONITOR_DELAY_S, LiveOptions

    fps = float(settings.fps)
    hop_s = HOPS_S[settings.latency]
    curves = character.rig.curves if character.rig is not None else LIVELINK_61
    return LiveOptions(
        fps=settings.fps,
        hop_s=hop_s,
        # Sound and face wait for the same instant: look-ahead, block, hop, and room for computing.
        delay_s=MONITOR_DELAY_S + 2 * hop_s if monitor else None,
        gate=settings.gate,
        gain_db=settings.gain,
        smoothing=PRESET if settings.smooth else {},
        idle=IdleFace(curves, fps, settings.seed) if settings.idle else None,
    )


def _source(
    settings: Config,
    device: str | None,
    mic: bool,
    ws: int | None,
    block_s: float,
    say: Callable[[str], None],
) -> LiveSource:
    if mic:
        from pmmlink.sources.microphone import Microphone
        from pmmlink.sources.portaudio import default_input_name, open_microphone

        tries = iter([False])
        return Microphone(
            lambda: open_microphone(device, block_s, fresh=next(tries, True)),
            default_name=default_input_name if device is None else None,
            on_event=say,
        )
    if ws is not None:
        from pmmlink.sources.websocket import WebSocketSource

        return WebSocketSource(ws, settings.rate, on_event=say)
    from pmmlink.sources.pipe import PipeSource

    return PipeSource(sys.stdin.buffer, settings.rate, settings.format, paced=settings.pace == "speech")


def _run(
    session: Live,
    fanout: Fanout,
    settings: Config,
    loudspeaker: PortAudioDevice | None,
    record: Path | None,
    as_json: bool,
    console: Console,
    events: list[Callable[[str], None]],
) -> bool:
    """Show the session until it ends; whether it was broken off."""
    from pmmlink.cli.keys import Keys
    from pmmlink.cli.live_view import LiveShow
    from pmmlink.runtime.monitor import Monitor
    from pmmlink.runtime.record import TakeRecorder

    takes: list[TakeRecorder] = []
    monitors: list[Monitor] = []
    delay_s = session.options.delay_s or 0.0

    def taking() -> TakeRecorder | None:
        return takes[-1] if takes else None

    def make_take(name: Path, position: int, rate_hz: int) -> TakeRecorder:
        take = TakeRecorder(name, position, rate_hz, settings.fps, show.note, session.curves)
        takes.append(take)
        show.note(f"recording {take.wav} and {take.csv.name}")
        return take

    def end_take() -> None:
        take = takes.pop()
        session.detach(take)
        take.close()
        show.note(f"recorded {take.seconds:.1f} s in {take.wav} and {take.csv.name}")

    def make_monitor(device: PortAudioDevice, _: int, rate_hz: int) -> Monitor:
        monitors.append(Monitor(device, rate_hz, delay_s, show.note))
        return monitors[0]

    show = LiveShow(
        console, session, lambda: fanout.stats, taking, lambda: monitors[0] if monitors else None, as_json
    )
    interrupted = False
    fanout.open(session.curves, settings.fps, settings.subject)
    try:
        with termination_as_interrupt(), Keys() as keys, show:
            events.append(show.note)
            # What is loaded by now stays: the garbage collector need not look through it between two frames.
            gc.freeze()
            session.start()
            where = ", ".join(fanout.stats)
            show.note(f"live: {session.source.name} to {where}, subject {settings.subject}")
            show.note(f"latency: {session.budget}")
            if loudspeaker is not None:
                show.note(
                    f"monitor: {loudspeaker.name}, {delay_s * 1e3:.0f} ms behind the microphone, as the face"
                )
                session.attach(partial(make_monitor, loudspeaker))
            if record is not None:
                session.attach(partial(make_take, record))
            try:
                while not session.wait(_POLL_S):
                    show.tick()
                    key = keys.pressed()
                    if key == "q":
                        session.stop()
                    elif key == "m":
                        session.muted = not session.muted
                        show.note("muted" if session.muted else "not muted any more")
                    elif key == "c":
                        session.recentre()
                        show.note("the present face is the neutral one now")
                    elif key == "r" and takes:
                        end_take()
                    elif key == "r":
                        session.attach(partial(make_take, record or Path("take")))
            except KeyboardInterrupt:
                interrupted = True
                session.stop()
                session.wait()
            finally:
                if takes:
                    end_take()
            made = session.stats.frames + session.stats.dropped
            if session.source.finished and not made and not interrupted:
                raise AudioError(
                    f"{session.source.name} ended without any sound; is the program that should write there"
                    " running, and does it write raw PCM?"
                )
            show.note(_summary(session))
            if as_json:
                show.note("end")
    finally:
        fanout.close()
    return interrupted


def _summary(session: Live) -> str:
    stats = session.stats
    latency = "  ".join(f"p{p} {stats.latency.percentile_s(p) * 1e3:.1f}" for p in (50, 95, 99))
    compute = "  ".join(f"p{p} {stats.parts['compute'].percentile_s(p) * 1e3:.1f}" for p in (50, 95))
    return (
        f"ended: {stats.frames} frames sent, {stats.dropped} dropped; "
        f"latency {latency} ms, compute {compute} ms"
    )
