"""``pmmlink eval``: measures how well a model's mouth follows speech."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmmlink.errors import ConfigError, InputError, RuntimeFault
from pmmlink.whole_file import whole_file

if TYPE_CHECKING:
    from pmmlink.eval.suite import SpeechReport
    from pmmlink.train.corpus.reader import Clip


class Suite(str, Enum):
    """What can be measured."""

    speech = "speech"


_REPORTS = (".md", ".json")
_PICTURES = (".png", ".svg", ".pdf")


def evaluate(
    corpus: Annotated[Path | None, typer.Option(help="Folder made by 'pmmlink data build'.")] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Data set of takes, parted by --protocol; repeatable. Instead of --corpus."),
    ] = None,
    suite: Annotated[Suite, typer.Option(help="Corpus: what to measure.")] = Suite.speech,
    protocol: Annotated[
        str | None,
        typer.Option(help="Takes: cross-subject (the default), cross-gender, cross-take or public."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Takes: of the draw that parts them.")] = 0,
    lip_vertices: Annotated[
        Path | None, typer.Option(help="Meshes: file of the lips' vertex numbers; derived without it.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights; the shipped ones without it.")] = None,
    split: Annotated[str, typer.Option(help="Part: train, test, or dev (of takes: val).")] = "test",
    source: Annotated[list[str] | None, typer.Option(help="Corpus: only this source; repeatable.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many clips of each source, or takes of each subject."),
    ] = None,
    noisy: Annotated[
        int, typer.Option(min=0, help="Corpus: clips on which noise and level are varied.")
    ] = 40,
    plot: Annotated[
        str | None, typer.Option(help="Corpus: only draw this clip (SOURCE/ID) to -o FILE.png.")
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Report to .md or .json, of takes also .html; repeatable."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads for the model.")] = 1,
) -> None:
    """Measures a model: on a corpus with phones, or on recorded takes by the paper's protocols.

    A corpus gives closures, openness, rounding, stillness, noise. Takes give LVE and ALE on subjects (or
    sentences) the model was not trained on, with closures, lag and jitter beside them. Prints the report, or
    writes it to the files that -o names. A missed bar is reported as missed; the exit code says only whether
    the measuring worked.
    """
    outputs = output or []
    if data:
        from pmmlink.cli.eval_takes import evaluate_protocol

        if corpus or source or plot:
            raise ConfigError("--data is measured by itself: leave out --corpus, --source and --plot")
        _check_suffixes(outputs, (*_REPORTS, ".html"))
        texts = evaluate_protocol(
            data, protocol or "cross-subject", seed, split, weights, limit, lip_vertices, threads, outputs
        )
        _write_texts(texts)
        return
    if corpus is None:
        raise ConfigError("what to measure on? Give --corpus FOLDER or --data FOLDER")
    if protocol or lip_vertices:
        raise ConfigError("--protocol and --lip-vertices are for takes: give --data FOLDER")
    _check_suffixes(outputs, _PICTURES if plot else _REPORTS)
    _evaluate_corpus(corpus, suite, weights, split, source, limit, noisy, plot, outputs, threads)


def _evaluate_corpus(
    corpus: Path,
    suite: Suite,
    weights: Path | None,
    split: str,
    source: list[str] | None,
    limit: int | None,
    noisy: int,
    plot: str | None,
    outputs: Sequence[Path],
    threads: int,
) -> None:
    from pmmlink.train.corpus.reader import load_manifest

    clips = load_manifest(corpus, source, split)
    if not clips:
        raise InputError(f"{corpus}: no clips in split {split!r}; choose train, dev or test")
    if plot:
        _draw(clips, plot, outputs, weights, threads)
        return
    trained = frozenset(clip.speaker for clip in load_manifest(corpus, split="train"))
    about = {"suite": suite.value, "split": split}
    about["sources"] = ", ".join(sorted({clip.source for clip in clips}))
    if limit:
        about["limit"] = str(limit)

    from rich.console import Console
    from rich.progress import Progress

    from pmmlink.eval.adapter import AnimatorModel
    from pmmlink.eval.suite import evaluate as run_suite
    from pmmlink.eval.suite import pick

    model = AnimatorModel(weights, threads)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("evaluating", total=None)
        report = run_suite(
            model,
            pick(clips, limit),
            about=about,
            trained_speakers=trained,
            condition_clips=noisy,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    _write(report, outputs)


def _check_suffixes(outputs: Sequence[Path], allowed: Sequence[str]) -> None:
    for path in outputs:
        if path.suffix.lower() not in allowed:
            raise ConfigError(f"-o {path}: cannot write that; the name must end in {' or '.join(allowed)}")


def _draw(
    clips: Sequence[Clip], name: str, outputs: Sequence[Path], weights: Path | None, threads: int
) -> None:
    from pmmlink.eval.adapter import AnimatorModel
    from pmmlink.eval.plot import draw_take
    from pmmlink.eval.suite import phones_of

    chosen = next((clip for clip in clips if name in (clip.id, f"{clip.source}/{clip.id}")), None)
    if chosen is None:
        first = f"{clips[0].source}/{clips[0].id}"
        raise InputError(f"--plot {name}: no such clip in this split; the first is {first}")
    if not outputs:
        raise ConfigError("--plot needs -o FILE.png")
    audio = chosen.load_audio()
    curves = AnimatorModel(weights, threads).predict(audio)
    for path in outputs:
        draw_take(path, curves, phones_of(chosen), audio, f"{chosen.source}/{chosen.id}: {chosen.text}")
        typer.echo(f"wrote {path}")


def _write(report: SpeechReport, outputs: Sequence[Path]) -> None:
    from pmmlink.eval.report import to_json, to_markdown

    if not outputs:
        typer.echo(to_markdown(report))
    texts = {}
    for path in outputs:
        as_json = path.suffix.lower() == ".json"
        texts[path] = json.dumps(to_json(report), indent=1) + "\n" if as_json else to_markdown(report)
    _write_texts(texts)


def _write_texts(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        try:
            with whole_file(path) as partial:
                partial.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise RuntimeFault(f"{path}: cannot write the report ({error.strerror or error})") from error
        typer.echo(f"wrote {path}")
