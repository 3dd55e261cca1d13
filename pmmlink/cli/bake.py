"""``pmmlink bake``: sound files become Live Link Face recordings, faster than real time."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmmlink.cli import options
from pmmlink.config import Config, help_of
from pmmlink.errors import CheckpointError

if TYPE_CHECKING:
    from rich.console import Console

    from pmmlink.runtime.batch import Outcome
    from pmmlink.runtime.worklist import Done, Job, Settings


def bake(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="Sound or film files, or folders of them.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="OUT", help="OUT.csv for one input; else a folder: <stem>.csv each."
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Bake again what is already done.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", metavar="N", help=help_of("jobs"))] = None,
    subject: options.Subject = None,
    fps: options.Fps = None,
    profile: options.ProfileFile = None,
    intensity: options.Intensity = None,
    style: options.Style = None,
    weights: options.Weights = None,
    threads: options.Threads = None,
    config: options.ConfigFile = None,
) -> None:
    """Bake sound to Live Link Face recordings (CSV), faster than real time.

    A recording that is newer than its sound and was made with the same settings is skipped. A bad file does
    not stop the rest: it is listed at the end, and the exit code is 1 (2 if it was the only input).
    """
    flags = {
        "jobs": jobs,
        "subject": subject,
        "fps": fps,
        "profile": profile,
        "intensity": intensity,
        "style": style,
        "weights": weights,
        "threads": threads,
    }
    config_read = Config.load(flags, config)

    from pmmlink.cli.progress import make_console
    from pmmlink.retarget import load_profile
    from pmmlink.runtime.worklist import Done, Settings, plan

    settings = Settings(
        fps=config_read.fps,
        profile=load_profile(config_read.profile, config_read.intensity),
        style=config_read.style,
        weights=config_read.weights,
        threads=config_read.threads,
        subject=config_read.subject,
    )
    console = make_console()
    if config_read.file is not None:
        console.print(f"settings from {config_read.file}")
    work = plan(inputs, out)
    done = Done(settings.fingerprint())
    todo = [job for job in work if force or not done.has(job)]
    if len(todo) < len(work):
        console.print(
            f"{len(work) - len(todo)} of {len(work)} already done with these settings (--force bakes again)"
        )
    failed = _bake_all(todo, settings, config_read.jobs, done, console)
    if failed:
        if len(work) == 1 and failed[0].error is not None:
            raise failed[0].error
        console.print(f"{len(failed)} of {len(work)} failed:")
        for outcome in failed:
            console.print(f"  {outcome.error}")
        raise typer.Exit(1)


def _bake_all(
    todo: list[Job], settings: Settings, workers: int, done: Done, console: Console
) -> list[Outcome]:
    """Bake, showing progress; the outcomes that failed."""
    from pmmlink.cli.progress import LiveView, clock_text
    from pmmlink.runtime.batch import run

    at: dict[Path, float] = {}
    failed: list[Outcome] = []
    finished = 0
    frames = 0
    sound_s = 0.0
    started = time.perf_counter()

    def lines() -> list[str]:
        wall_s = time.perf_counter() - started
        return [
            f"{finished} of {len(todo)} files",
            f"{(sound_s + sum(at.values())) / wall_s:.1f} x real time",
        ]

    view = LiveView(console, "bake", None, lambda: sound_s + sum(at.values()), lines)

    def progress(job: Job, seconds: float) -> None:
        at[job.source] = seconds
        view.tick()

    with view, closing(run(todo, settings, workers, progress)) as outcomes:
        for outcome in outcomes:
            finished += 1
            at.pop(outcome.job.source, None)
            if isinstance(outcome.error, CheckpointError):
                raise outcome.error  # it would meet every file
            if outcome.result is None:
                failed.append(outcome)
                continue
            done.add(outcome.job)
            result = outcome.result
            frames += result.frames
            sound_s += result.sound_s
            view.note(
                f"{outcome.job.source} -> {outcome.job.out}  {clock_text(result.sound_s)}  "
                f"{result.frames} frames  {result.sound_s / result.wall_s:.1f} x real time"
            )
    if len(todo) > 1:
        wall_s = time.perf_counter() - started
        console.print(
            f"baked {len(todo) - len(failed)} of {len(todo)}: {frames} frames, "
            f"{clock_text(sound_s)} of sound in {wall_s:.1f} s, {sound_s / wall_s:.1f} x real time"
        )
    return failed
