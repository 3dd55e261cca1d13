"""``pmmlink eval --data``: the paper's protocols on recorded takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pmmlink.errors import ConfigError, DataError
from pmmlink.strict_yaml import nearest

if TYPE_CHECKING:
    from pmmlink.eval.lip_vertices import Lips
    from pmmlink.eval.protocol import ProtocolReport
    from pmmlink.train.datasets.base import Dataset, Protocol, Split, Take

_PARTS = {"train": "train", "dev": "val", "val": "val", "test": "test"}
_LIP_TAKES = 12
"""Training takes from which lips are derived: two seconds of speech show them."""


def evaluate_protocol(
    folders: Sequence[Path],
    protocol: str,
    seed: int,
    part: str,
    weights: Path | None,
    limit: int | None,
    lip_vertices: Path | None,
    threads: int,
    outputs: Sequence[Path],
) -> dict[Path, str]:
    """Measures, and returns the text of each report; without outputs it is printed.

    Raises:
        PmmlinkError: the data, the weights or a flag cannot be used.
    """
    from rich.console import Console
    from rich.progress import Progress

    from pmmlink.eval.adapter import load_speech_model
    from pmmlink.eval.protocol import ProtocolReport, evaluate_takes
    from pmmlink.train.datasets.base import PROTOCOLS, open_dataset, split_takes

    if protocol not in PROTOCOLS:
        raise ConfigError(f"--protocol {protocol}: no such protocol; {nearest(protocol, PROTOCOLS)}")
    if part not in _PARTS:
        raise ConfigError(f"--split {part}: no such part; choose train, val or test")
    known: Protocol = protocol
    sets = [open_dataset(folder) for folder in folders]
    kinds = {(dataset.kind, dataset.outputs) for dataset in sets}
    if len(kinds) > 1:
        raise DataError("--data: the data sets have different outputs; measure them one by one")
    if lip_vertices and sets[0].kind != "vertices":
        raise ConfigError("--lip-vertices is for meshes; these takes have curves")
    splits = [split_takes(dataset, known, seed) for dataset in sets]
    chosen = [take for split in splits for take in getattr(split, _PARTS[part])]
    if limit:
        chosen = _limited(chosen, limit)
    trained = [style for split in splits for style in split.train_styles]

    model = load_speech_model(weights, threads)
    report = ProtocolReport(model.name, _about(sets, protocol, seed, part, limit), sets[0].kind)
    report.parts = _counts(splits)
    report.remarks = _remarks(weights, protocol, seed, trained, model.styles)
    lips = _lips(sets, splits, lip_vertices, report)
    templates = {name: mesh for dataset in sets for name, mesh in (dataset.templates or {}).items()}
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("evaluating", total=None)
        evaluate_takes(
            model,
            chosen,
            trained,
            report,
            lips=lips,
            templates=templates or None,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    return _texts(report, outputs)


def _about(sets: Sequence[Dataset], protocol: str, seed: int, part: str, limit: int | None) -> dict[str, str]:
    about = {"data": ", ".join(f"{dataset.path.resolve().name} ({dataset.format})" for dataset in sets)}
    about |= {"protocol": protocol, "seed": str(seed), "part": _PARTS[part]}
    if limit:
        about["limit"] = f"{limit} takes of each subject"
    return about


def _counts(splits: Sequence[Split]) -> dict[str, tuple[int, int]]:
    parts: dict[str, tuple[int, int]] = {}
    for part in ("train", "val", "test"):
        takes = [take for split in splits for take in getattr(split, part)]
        parts[part] = (len(takes), len({take.subject for take in takes}))
    return parts


def _remarks(
    weights: Path | None, protocol: str, seed: int, trained: Sequence[str], stored: Sequence[str]
) -> list[str]:
    from pmmlink.model.checkpoint import read_card

    remarks = []
    said = read_card(weights)[1].get("protocol")
    if said is None:
        remarks.append(
            "The weights do not say under which protocol they were trained: whether they have seen the "
            "subjects of this part is for the reader to know."
        )
    elif said != f"{protocol}, seed {seed}":
        remarks.append(f"The weights were trained under {said}: they may have seen subjects of this part.")
    if not set(trained) & set(stored):
        remarks.append(
            "None of the training styles is stored in the weights: every style they hold was used instead."
        )
    return remarks


def _lips(
    sets: Sequence[Dataset], splits: Sequence[Split], given: Path | None, report: ProtocolReport
) -> Lips | None:
    from pmmlink.eval.lip_vertices import find_lips

    if sets[0].kind != "vertices":
        return None
    takes = [take for split in splits for take in split.train]
    offsets = [take.load().targets for take in takes[:: max(1, len(takes) // _LIP_TAKES)]]
    template = next(iter((sets[0].templates or {}).values()))
    lips = find_lips(template, offsets, given)
    report.about["lips"] = f"{len(lips.vertices)} of {len(template)} vertices, {lips.origin}"
    return lips


def _limited(takes: Sequence[Take], limit: int) -> list[Take]:
    """Of each subject at most ``limit``, spread evenly."""
    kept = []
    for subject in dict.fromkeys(take.subject for take in takes):
        own = [take for take in takes if take.subject == subject]
        count = min(limit, len(own))
        kept += [own[i * len(own) // count] for i in range(count)]
    return kept


def _texts(report: ProtocolReport, outputs: Sequence[Path]) -> dict[Path, str]:
    from pmmlink.eval.protocol_html import to_html
    from pmmlink.eval.protocol_report import to_json, to_markdown

    if not outputs:
        typer.echo(to_markdown(report))
    texts = {}
    for path in outputs:
        suffix = path.suffix.lower()
        if suffix == ".json":
            texts[path] = json.dumps(to_json(report), indent=1, ensure_ascii=False) + "\n"
        else:
            texts[path] = to_html(report) if suffix == ".html" else to_markdown(report)
    return texts
