"""``pmmlink calibrate``: a profile from an actor's take, from a resting face, or by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmmlink.cli import options
from pmmlink.cli.out_file import check_out
from pmmlink.config import Config
from pmmlink.errors import ConfigError
from pmmlink.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from rich.console import Console

    from pmmlink.model.animator import Animator
    from pmmlink.retarget.fit import CurveFit, Fit
    from pmmlink.runtime.calibrate import ActorTake
    from pmmlink.types import FloatArray

_PLOTTED = 6
_PLOTTED_S = 15.0


def calibrate(
    take: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TAKE.csv]", help="An actor's Live Link Face recording; by hand: any take or speech."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE.yaml", help="The profile to write.")
    ] = None,
    by_hand: Annotated[
        Path | None,
        typer.Option(
            "--by-hand",
            metavar="PROFILE",
            help="Tune this profile with sliders next to the moving head; without a take to sample speech.",
        ),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option("--audio", metavar="FILE", help="The sound recorded with the take.")
    ] = None,
    neutral: Annotated[
        Path | None,
        typer.Option("--neutral", metavar="REST.csv", help="A recording of the resting face; taken off."),
    ] = None,
    fit_style: Annotated[
        Path | None,
        typer.Option("--fit-style", metavar="FILE.json", help="Also fit the speaking style, and write it."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw the curves (needs matplotlib).")
    ] = None,
    profile: options.ProfileFile = None,
    style: options.Style = None,
    weights: options.Weights = None,
    threads: options.Threads = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="By hand: serve the page on this address.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="By hand: serve the page on this port.")
    ] = 8765,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="By hand: open a browser on the page.")
    ] = True,
    config: options.ConfigFile = None,
) -> None:
    """Fit a profile to an actor: gains, offsets and delay so that the model's curves meet the recorded ones.

    With --neutral alone the profile takes that resting face off. What the take cannot say stays as it is, and
    is listed. --profile names the profile to begin from: what is not fitted is taken from it.

    By hand, the browser shows sliders beside the head, which speaks TAKE.csv (--audio FILE), SPEECH.wav or
    the sample: [bold]pmmlink calibrate --by-hand anna.yaml speech.wav[/bold]
    """
    flags = {"profile": profile, "style": style, "weights": weights, "threads": threads}
    settings = Config.load(flags, config)
    if by_hand is not None:
        if neutral is not None or fit_style is not None or plot is not None:
            raise ConfigError(
                "--by-hand goes with a take, --audio and -o; --neutral, --fit-style, --plot fit"
            )
        from pmmlink.cli.by_hand import Page, tune

        tune(by_hand, take, audio, out, settings, Page(host, port, open_browser))
        return
    if out is None:
        raise ConfigError("name the profile to write: -o anna.yaml; or tune one by hand: --by-hand anna.yaml")
    if (take is None) != (audio is None):
        raise ConfigError("a take needs its sound, and the sound its take: TAKE.csv --audio FILE")
    if take is None and neutral is None:
        raise ConfigError("name a take with its sound (TAKE.csv --audio FILE), or --neutral REST.csv")
    if take is None and (fit_style is not None or plot is not None):
        raise ConfigError("--fit-style and --plot need a take: TAKE.csv --audio FILE")

    from pmmlink.cli.progress import make_console
    from pmmlink.retarget import load_profile, save_profile

    console = make_console()
    # What is cheap to refuse is refused before the model is loaded.
    base = load_profile(settings.profile)
    check_out(out, ".yaml", ".yml")
    if take is None or audio is None:
        from pmmlink.runtime.calibrate import neutral_profile

        if neutral is not None:
            character = neutral_profile(neutral, out.stem, base)
            save_profile(character, out, f"Made by pmmlink calibrate from the rest in {neutral.name}.")
            resting = ", ".join(f"{curve} {value:.2f}" for curve, value in character.neutral.items())
            console.print(f"{out}: takes off {resting or 'nothing: the face rests at zero already'}")
        return
    if fit_style is not None:
        check_out(fit_style, ".json")
    if plot is not None:
        check_out(plot, ".png", ".svg", ".pdf")
        _need_matplotlib()

    from pmmlink.runtime.calibrate import before_gains, load_actor_take, predict, profile_of
    from pmmlink.runtime.calibrate import calibrate as fit_take

    actor = load_actor_take(take, audio, neutral)
    for note in actor.notes:
        console.print(note)

    from pmmlink.model.animator import load_animator

    animator = load_animator(settings.weights, settings.style, settings.threads)
    predicted = before_gains(base, predict(animator, actor.sound))
    fit = fit_take(predicted, actor)
    if fit_style is not None:
        styled = _fit_style(animator, settings.style, actor, fit.delay_frames, fit_style, console)
        if styled is None:
            fit_style = None
        else:
            predicted = before_gains(base, predict(styled, actor.sound))
            fit = fit_take(predicted, actor)
    _report(fit, console)
    character = profile_of(fit, out.stem, base)
    comment = f"Made by pmmlink calibrate from {take.name} and {audio.name}"
    comment += f", for --style {fit_style.name}." if fit_style else "."
    save_profile(character, out, comment)
    style_flag = f" --style {fit_style}" if fit_style else ""
    console.print(f"{out}: written; use it with --profile {out}{style_flag}")
    if plot is not None:
        _draw(predicted, actor, fit, plot)
        console.print(f"{plot}: written")


def _need_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise ConfigError("--plot needs matplotlib: pip install matplotlib")


def _fit_style(
    animator: Animator, style: str, actor: ActorTake, delay_frames: float, path: Path, console: Console
) -> Animator | None:
    """The model with the fitted style, which is written; None when it is no better than the one before."""
    from pmmlink.model.animator import Animator
    from pmmlink.model.style_fit import fit_style
    from pmmlink.model.styles import save_style, style_vector

    model = animator.model
    lag = round(delay_frames)
    sound = actor.sound[max(0, -lag) * SAMPLE_RATE_HZ // 30 :]
    found = fit_style(model, [(sound, actor.recorded[max(0, lag) :])], style_vector(model, style))
    held_out = f"{found.held_out_before:.4f} -> {found.held_out_after:.4f}"
    if found.kept:
        console.print(f"style {style} kept, {path} not written: {found.kept} ({held_out})")
        return None
    save_style(path, model, found.vector)
    console.print(
        f"{path}: style fitted, error {found.error_before:.4f} -> {found.error_after:.4f}; "
        f"on the held-out quarter {held_out}"
    )
    return Animator(model, str(path))


def _report(fit: Fit, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("curve")
    for title in ("gain", "offset", "trust", "before", "after", "held out", ""):
        table.add_column(title, justify="right" if title else "left")
    for result in fit.curves:
        if result.kept:
            continue
        table.add_row(
            result.curve,
            f"{result.gain:.2f}",
            f"{result.offset:+.3f}",
            f"{result.confidence:.2f}",
            f"{result.error_before:.4f}",
            f"{result.error_after:.4f}",
            f"{result.held_out_before:.4f} -> {result.held_out_after:.4f}",
        )
    fitted = [result for result in fit.curves if not result.kept]
    if fitted:
        console.print(table)
        before = sum(result.error_before for result in fitted) / len(fitted)
        after = sum(result.error_after for result in fitted) / len(fitted)
        console.print(f"mean absolute error of {len(fitted)} curves: {before:.4f} -> {after:.4f}")
    reasons: dict[str, list[str]] = {}
    for result in fit.curves:
        if result.kept:
            reasons.setdefault(result.kept, []).append(result.curve)
    for reason, curves in reasons.items():
        console.print(f"kept: {', '.join(curves)}: {reason}")
    kept = f" ({fit.delay_kept}: kept)" if fit.delay_kept else ""
    console.print(f"delay {fit.delay_ms:+.0f} ms{kept}, correlation {fit.correlation:.2f}")


def _draw(rows: FloatArray, actor: ActorTake, fit: Fit, path: Path) -> None:
    """Recorded, predicted and fitted curves over time: those that move most, where they move most."""
    import matplotlib as mpl

    mpl.use("Agg")
    import numpy as np
    from matplotlib import pyplot as plt

    from pmmlink.curves import MODEL_32, mirror_of

    count = min(len(rows), len(actor.recorded))
    fitted = [result for result in fit.curves if not result.kept] or list(fit.curves)
    spread = {r.curve: float(actor.recorded[:, MODEL_32.index(r.curve)].std()) for r in fitted}
    shown: list[CurveFit] = []
    for result in sorted(fitted, key=lambda r: -spread[r.curve]):
        if mirror_of(result.curve) not in {other.curve for other in shown}:  # both sides look alike
            shown.append(result)
    shown = shown[:_PLOTTED]
    columns = [MODEL_32.index(result.curve) for result in shown]
    first, last = _busiest(actor.recorded[:count, columns], round(_PLOTTED_S * 30))
    part = slice(first, last)
    seconds = np.arange(count) / 30
    figure, axes = plt.subplots(len(shown), 1, figsize=(12, 1.7 * len(shown) + 1), sharex=True, squeeze=False)
    for axis, result, column in zip(axes[:, 0], shown, columns, strict=True):
        x = np.interp(np.arange(count) - fit.delay_frames, np.arange(count), rows[:count, column])
        after = np.clip(result.gain * x + result.offset, 0, 1)
        recorded = actor.recorded[part, column]
        axis.fill_between(seconds[part], recorded, color="0.85")
        axis.plot(seconds[part], recorded, label="recorded", color="0.4", linewidth=1)
        axis.plot(seconds[part], rows[part, column], label="before", color="tab:red", linewidth=0.9)
        axis.plot(seconds[part], after[part], label="after", color="tab:blue", linewidth=1.5)
        what = f"gain {result.gain:.2f}, offset {result.offset:+.3f}, trust {result.confidence:.2f}"
        error = f"error {result.error_before:.3f} → {result.error_after:.3f}"
        axis.set_title(f"{result.curve}: {result.kept or f'{what}; {error}'}", loc="left", fontsize=9)
        axis.set_xlim(first / 30, last / 30)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1, 0].set_xlabel(f"seconds of the take; the face follows by {fit.delay_ms:.0f} ms")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _busiest(recorded: FloatArray, length: int) -> tuple[int, int]:
    """The stretch of ``[T, C]`` of at most ``length`` frames in which most moves."""
    import numpy as np

    if len(recorded) <= length:
        return 0, len(recorded)
    moved = np.concatenate([[0.0], np.nancumsum(np.nansum(np.abs(np.diff(recorded, axis=0)), axis=1))])
    first = int(np.argmax(moved[length - 1 :] - moved[: len(moved) - length + 1]))
    return first, first + length
