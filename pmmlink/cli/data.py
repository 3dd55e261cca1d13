"""``pmmlink data``: builds the training corpus, checks it, draws its clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmmlink.errors import ConfigError, DataError, InputError

if TYPE_CHECKING:
    from pmmlink.train.corpus.base import Source
    from pmmlink.train.corpus.builder import Tally
    from pmmlink.train.corpus.check import CorpusReport
    from pmmlink.train.datasets.check import DatasetReport

app = typer.Typer(name="data", help="The training corpus: build, check, show.", no_args_is_help=True)


def _chosen(only: list[str] | None) -> list[Source]:
    from pmmlink.train.corpus.sources import all_sources

    known = all_sources()
    for name in only or ():
        if name not in known:
            raise ConfigError(f"--only {name}: no such source; there are {', '.join(known)}")
    return [source for name, source in known.items() if not only or name in only]


@app.command("build")
def build(
    material: Annotated[
        Path, typer.Option(help="Folder with grid_s1, facegood_zh, speechocean762, …")
    ] = Path("shared/data"),
    out: Annotated[Path, typer.Option(help="Folder of the corpus.")] = Path("corpus"),
    only: Annotated[list[str] | None, typer.Option(help="Only this source; repeatable.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many clips of each source.")] = None,
) -> None:
    """Makes the corpus, or goes on where the last run stopped.

    A clip that is already there with the same sound, text and builder is left alone. A clip that cannot be
    made is named and never stops the rest; so is a source whose engine or material is missing, but then the
    command fails at its end.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pmmlink.train.corpus.builder import build_source

    console = Console(stderr=True)
    missing: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        for source in _chosen(only):
            task = bar.add_task(source.name, total=None)

            def report(clip_id: str, outcome: str, task: object = task, name: str = source.name) -> None:
                bar.advance(task)  # type: ignore[arg-type]
                if outcome not in ("made", "cached"):
                    bar.console.print(f"{name}/{clip_id}: {outcome}", style="yellow", markup=False)

            def started(total: int, task: object = task) -> None:
                bar.update(task, total=total)  # type: ignore[arg-type]

            def say(note: str, task: object = task, name: str = source.name) -> None:
                bar.update(task, description=f"{name}: {note}")  # type: ignore[arg-type]

            try:
                tally = build_source(
                    *(source, material, out),
                    jobs=jobs,
                    limit=limit,
                    report=report,
                    started=started,
                    say=say,
                )
            except DataError as error:
                missing.append(f"{source.name}: {error}")
                bar.console.print(f"{source.name} left out: {error}", style="red", markup=False)
                bar.remove_task(task)
                continue
            bar.console.print(_line(source.name, tally), markup=False, highlight=False)
    if missing:
        raise DataError(f"{len(missing)} of the sources could not be built: {'; '.join(missing)}")


def _line(name: str, tally: Tally) -> str:
    words = f"{name}: {tally.made} made, {tally.cached} already there"
    if tally.failed:
        words += f", {len(tally.failed)} failed (listed in {name}/failed.jsonl)"
    if tally.dropped:
        words += f", {tally.dropped} marked as worst aligned"
    return words


@app.command("check")
def check(
    folder: Annotated[
        Path, typer.Argument(help="A corpus of 'pmmlink data build', or a data set of takes.")
    ] = Path("corpus"),
    only: Annotated[list[str] | None, typer.Option(help="Corpus: only this source; repeatable.")] = None,
    most: Annotated[int, typer.Option(min=0, help="Problems to print.")] = 20,
    plots: Annotated[Path | None, typer.Option(help="Takes: draw each one into this folder.")] = None,
) -> None:
    """Counts a corpus or a data set and looks for damage; exits 2 when something in it cannot be used.

    A data set is a folder of subjects with Live Link Face takes, VOCASET, or sound with CSV files of curves;
    every take is read, and what is wrong is said take by take.
    """
    from pmmlink.train.corpus.reader import MANIFEST

    if not any(folder.glob(f"*/{MANIFEST}")) and folder.is_dir() and any(folder.iterdir()):
        if only:
            raise ConfigError("--only is for a corpus; name a subject's folder instead")
        _check_takes(folder, most, plots)
        return
    if plots:
        raise ConfigError("--plots is for a data set of takes; clips of a corpus are drawn by 'data show'")
    _check_corpus(folder, only, most)


def _check_corpus(corpus: Path, only: list[str] | None, most: int) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from pmmlink.train.corpus.check import check_corpus

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        found = check_corpus(corpus, only, lambda done, total: bar.update(task, completed=done, total=total))
    _print_report(found, most)
    if found.damaged:
        total = sum(group.clips + group.dropped for group in found.groups.values())
        raise DataError(
            f"{corpus}: {found.damaged} of {total} clips are damaged; run 'pmmlink data build' again"
        )


def _check_takes(folder: Path, most: int, plots: Path | None) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from pmmlink.train.datasets.check import check_dataset

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        found = check_dataset(
            folder,
            plots=plots,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    _print_takes(found, most)
    if plots:
        typer.echo(f"{found.plots} pictures in {plots}")
    if found.errors:
        raise DataError(f"{folder}: {len(found.errors)} takes or files cannot be used, see above")


def _print_takes(found: DatasetReport, most: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    dataset = found.dataset
    console.print(
        f"{dataset.path}: {dataset.format}, {dataset.outputs} outputs", markup=False, soft_wrap=True
    )
    table = Table("style", "gender", "language", "good takes", "minutes", "without label")
    for name, style in found.styles.items():
        table.add_row(
            *(name, style.gender or "?", style.language, str(style.takes), f"{style.seconds / 60:.1f}"),
            str(len(style.unlabelled_curves())) if dataset.kind == "curves" else "-",
        )
    console.print(table)
    for name, style in found.styles.items():
        if still := style.still_curves():
            console.print(
                f"{name}: never move: {', '.join(still)} (mask them?)", markup=False, soft_wrap=True
            )
    odd = [f"{take}: {note}" for take, notes in found.notes.items() for note in notes]
    for note in odd[:most]:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for error in found.errors[:most]:
        console.print(f"problem: {error}", style="yellow", markup=False, soft_wrap=True)
    console.print(
        f"{sum(style.takes for style in found.styles.values())} good takes, {len(odd)} notes, "
        f"{len(found.errors)} problems"
    )


def _print_report(found: CorpusReport, most: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(
        "source", "split", "language", "clips", "minutes", "speakers", "timed", "labelled", "P B M", "dropped"
    )
    for (source, split, language), group in sorted(found.groups.items()):
        table.add_row(
            *(source, split, language, str(group.clips), f"{group.minutes:.1f}", str(group.speakers)),
            *(str(group.timed), str(group.labelled), str(group.bilabials), str(group.dropped)),
        )
    console.print(table)
    total = sum(found.phones.values())
    console.print(f"{total} phones: " + ", ".join(f"{phone} {n}" for phone, n in found.phones.most_common()))
    for (source, aligner), quantiles in sorted(found.score_quantiles.items()):
        numbers = " ".join(f"{q:.2f}" for q in quantiles)
        console.print(f"alignment score {source} ({aligner}), 5 25 50 75 95 %: {numbers}")
    for source, share in sorted(found.dip_share.items()):
        console.print(f"P and B that dip in the sound, {source}: {share:.1%}")
    for source, licence in sorted(found.licences.items()):
        console.print(f"licence {source}: {licence}", markup=False)
    for problem in found.problems[:most]:
        console.print(f"problem: {problem}", style="yellow", markup=False)
    console.print(f"{len(found.problems)} problems")


@app.command("show")
def show(
    clip: Annotated[str, typer.Argument(help="CLIP or SOURCE/CLIP of the corpus, or a sound file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write, e.g. clip.png.")],
    corpus: Annotated[Path, typer.Option(help="Folder made by 'pmmlink data build'.")] = Path("corpus"),
) -> None:
    """Draws a clip: wave, phones, the curves that training aims at, measured curves."""
    from pmmlink.train.corpus.base import read_audio
    from pmmlink.train.corpus.reader import load_manifest
    from pmmlink.train.corpus.show import draw_clip, find_clip, target_curves

    if output.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"-o {output}: the name must end in .png, .svg or .pdf")
    path = Path(clip)
    if path.is_file():
        draw_clip(output, read_audio(path), title=path.name)
    else:
        found = find_clip(load_manifest(corpus, include_dropped=True), clip)
        draw_clip(
            output,
            found.load_audio(),
            title=f"{found.source}/{found.id}: {found.text}",
            phones=found.phones,
            targets=target_curves(found),
            labels=found.load_labels(),
        )
    typer.echo(f"wrote {output}")
