"""Turns a training checkpoint into shippable weights with their model card.

python -m pmmlink.train.export --run runs/a/fuse --corpus corpus --out compact.safetensors
pmmlink eval --corpus corpus --weights compact.safetensors -o eval.json
python -m pmmlink.train.export --run runs/a/fuse --corpus corpus --figures eval.json --out compact.safetensors
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pmmlink.errors import DataError, PmmlinkError
from pmmlink.model.checkpoint import read_card, save_model, sha256_of
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.compact import (
    FUSE,
    HELD_OUT_SOURCES,
    IMAGE_PARTS,
    image_columns,
    new_model,
    weights_of,
)
from pmmlink.train.corpus.reader import load_manifest

_INTENDED_USE = (
    "Real-time mouth animation of virtual characters from speech. Not for impersonating people, "
    "not for judging speech, health or emotion."
)
_LIMITS = [
    "Mouth, jaw, cheeks and nose only; no emotion, eyes, brows or head.",
    "Trained mostly on English, and German of one woman; Mandarin, French, Spanish, Italian and Russian "
    "come from synthetic voices.",
    "Most targets are made by rules from phone times; measured faces are one man and one woman.",
    "Singing, whispering, shouting and overlapping speakers were not trained on.",
    "Voices unlike those of training, in noisy recordings: lips close too often.",
]
_BIAS = (
    "The recorded English of the training set is read by Mandarin-speaking adults and children, and by one "
    "Englishman; other native English comes from synthetic voices, though natural ones. Figures by voice, "
    "sex, age and language: evaluation report."
)


def corpus_facts(corpus: Path) -> dict[str, Any]:
    """Minutes, speakers and licences of each training source, and a hash over the clips' ids and lengths."""
    digest = hashlib.sha256()
    minutes: dict[str, float] = defaultdict(float)
    speakers: dict[str, set[str]] = defaultdict(set)
    licences: dict[str, str] = {}
    for clip in load_manifest(corpus, split="train"):
        if clip.source in HELD_OUT_SOURCES:
            continue
        digest.update(f"{clip.source}/{clip.id}/{clip.samples}\n".encode())
        minutes[clip.source] += clip.duration_s / 60
        speakers[clip.source].add(clip.speaker)
        licences[clip.source] = clip.licence
    facts: dict[str, Any] = {
        name: f"{minutes[name]:.0f} min, {len(speakers[name])} speakers, {licences[name]}"
        for name in sorted(minutes)
    }
    facts["sha256 of ids and lengths"] = digest.hexdigest()
    return facts


def figures_of(report: dict[str, Any]) -> dict[str, str]:
    """The card's lines of a JSON report of ``pmmlink eval``: every bar, then source by source."""
    asked = ", ".join(f"{key} {value}" for key, value in report["about"].items())
    lines = {"measured": f"{asked}: {len(report['clips'])} clips, {len(report['speakers'])} speakers"}
    for bar in report["bars"]:
        found = bar["measured"]
        said = f"bar {bar['bar']}: {bar['state']}"
        lines[bar["measure"]] = said if found is None else f"{_cell(found)}, {found['count']}; {said}"
    for name, group in {**report["groups"]["source"], "all clips": report["overall"]}.items():
        recall, precision = group["closure_recall"], group["closure_precision"]
        if recall["count"]:
            figures = " / ".join(_cell(figure, bare=True) for figure in (recall, precision))
            lines[f"P/B/M recall / precision, {name}"] = f"{figures} ({recall['count']})"
    return lines


def _cell(figure: dict[str, Any], *, bare: bool = False) -> str:
    value, low, high = ("-" if figure[k] is None else f"{figure[k]:.3f}" for k in ("value", "low", "high"))
    return value if bare else f"{value} [{low}, {high}]"


def _figures(report: Path | None, more: Path | None) -> dict[str, str] | str:
    lines: dict[str, str] = {}
    if report is not None:
        lines = figures_of(json.loads(report.read_text(encoding="utf-8")))
    if more is not None:
        lines |= json.loads(more.read_text(encoding="utf-8"))
    return lines or "not measured yet"


def card(run: Path, corpus: Path, figures: dict[str, str] | str) -> dict[str, Any]:
    """The model card that travels inside the weights."""
    settings = {}
    for stage in ("encoders", "mouth", "fuse"):
        path = run.parent / stage / "run.json"
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf-8"))
            settings[stage] = {k: v for k, v in kept.items() if k not in ("corpus", "out")}
    return {
        "licence": "Apache-2.0",
        "intended use": _INTENDED_USE,
        "limits": _LIMITS,
        "bias": _BIAS,
        "starting point": "phone recogniser of PyPI hama 1.7.0 (Apache-2.0), cut to the look-ahead",
        "teachers": "the same recogniser with its full context; Whisper base's encoder (MIT)",
        "training data": corpus_facts(corpus),
        "training": {stage: json.dumps(values) for stage, values in settings.items()},
        "command": "pmmlink data build, python -m pmmlink.train.{teachers,compact,mouth,export}; see "
        "docs/model-log.md",
        "figures": figures,
    }


def blended(model: PMMTalk, weights: dict[str, Tensor], other: dict[str, Tensor], share: float) -> None:
    """Loads weights between two trainings, one of which went on from the other, or that began alike (Wortsman
    et al. 2022, "Robust fine-tuning of zero-shot models" and "Model soups").

    The image branch is the first's alone: every fusion begins it anew, and between two there is nothing.

    Args:
        model: to load them into.
        weights: the first's.
        other: the second's, of the same sizes.
        share: of the second, 0 to 1.

    Raises:
        DataError: the second's are of other sizes.
    """
    for name, value in weights.items():
        if name not in other or other[name].shape != value.shape:
            raise DataError(f"the weights to blend do not fit: {name} is missing or of another size")
    mixed = {
        name: value.lerp(other[name], share)
        if value.is_floating_point() and not name.startswith(IMAGE_PARTS)
        else value
        for name, value in weights.items()
    }
    if "image" in model.modalities:
        columns = image_columns(model)
        mixed[FUSE][:, columns] = weights[FUSE][:, columns]
    model.load_state_dict(mixed)


def trained(run: Path, **settings: Any) -> PMMTalk:
    """The model of a stage's newest checkpoint: its average weights, in the sizes the stage was given.

    Args:
        run: folder of the stage, with ``last.pt`` and ``run.json``.
        settings: fields of :class:`.PMMTalkConfig` that training leaves open, e.g. ``phone_share``.

    Raises:
        DataError: there is no such checkpoint.
    """
    weights = weights_of(run / "last.pt")
    try:
        stage = json.loads((run / "run.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{run}: no run.json beside the checkpoint (give a stage's folder)") from error
    config = new_model(
        tuple(stage["modalities"]),
        conv_right=tuple(stage.get("conv_right", (1, 1))),
        look_ahead=stage.get("look_ahead", 0),
    ).config
    model = PMMTalk(dataclasses.replace(config, **settings))
    model.load_state_dict(weights)
    return model


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pmmlink.train.export", description=__doc__)
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of the last stage, with last.pt and run.json"
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--figures", type=Path, help="report of 'pmmlink eval -o FILE.json' for the card")
    parser.add_argument("--more", type=Path, help="JSON of further figures for the card, name: text")
    parser.add_argument("--seal", type=float, nargs=2, metavar=("LOW", "HIGH"), help="limits of the lip seal")
    parser.add_argument("--phone-share", type=float, default=0.0, help="share of ψ_TD's phones in the seal")
    parser.add_argument(
        "--phone-memory",
        type=float,
        nargs="+",
        default=(1.0,),
        help="of ψ_TD's newest token, the one before …",
    )
    parser.add_argument(
        "--least-gap", type=float, default=0.0, metavar="MM", help="where no P, B or M is heard"
    )
    parser.add_argument("--smoothing", type=float, default=0.0, help="share of the frame before in a frame")
    parser.add_argument(
        "--blend",
        nargs=2,
        metavar=("WEIGHTS", "SHARE"),
        help="mix in those of a checkpoint or weights file from the same start",
    )
    parser.add_argument("--continues", type=Path, help="weights that the training began from")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    try:
        model = trained(
            args.run,
            phone_share=args.phone_share,
            phone_memory=tuple(args.phone_memory),
            least_gap_mm=args.least_gap,
            smoothing=args.smoothing,
        )
        if args.blend:
            blended(model, model.state_dict(), weights_of(Path(args.blend[0])), float(args.blend[1]))
        if args.seal and model.lip_seal is not None:
            model.lip_seal.limits.copy_(torch.tensor(args.seal))
        said = card(args.run, args.corpus, _figures(args.figures, args.more))
        if args.continues:
            _, before = read_card(args.continues)
            told = {key: before[key] for key in ("training data", "training", "command") if key in before}
            said["continued from"] = {"sha256": sha256_of(args.continues), **told}
        if args.blend:
            blend = {"share": args.blend[1], "sha256": sha256_of(Path(args.blend[0]))}
            said["training"]["blended"] = json.dumps(blend)
        save_model(model, args.out, said)
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, sha256 {sha256_of(args.out)}")


if __name__ == "__main__":
    main()
