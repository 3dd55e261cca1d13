"""Which weights, and which settings of the seal and the smoothing, are better on the dev split?

    python benchmarks/dev.py --corpus corpus pmmlink/assets/compact.safetensors runs/a/fuse
    python benchmarks/dev.py --corpus corpus runs/a/fuse --blend pmmlink/assets/compact.safetensors 0.5 \\
        --seal 0.15 0.35 --seal 0.2 0.45 --smoothing 0 --smoothing 0.1
    python benchmarks/dev.py --corpus corpus --list

The tables of ``docs/model-log.md``: all weights hear the same clips, clean and in 10 dB of babble and of
street noise, and what they do is counted as ``pmmlink eval`` counts it. WEIGHTS is a file, or the folder of
a stage of a training run, which gets the settings of the shipped weights. Each model runs once; settings are
tried on what it gave.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pmmlink.errors import PmmlinkError
from pmmlink.eval.conditions import conditions
from pmmlink.eval.speech import ClipScores, Phone, measure, summarise
from pmmlink.eval.statistics import Estimate
from pmmlink.eval.suite import BABBLE_POOL, CLEAN, noise_seed, phones_of, pick, speech_mask, spread
from pmmlink.model.checkpoint import SHIPPED, load_model
from pmmlink.model.frame_smoothing import FrameSmoothing
from pmmlink.model.lip_seal import LipSeal
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.compact import weights_of
from pmmlink.train.corpus.reader import Clip, load_manifest
from pmmlink.train.export import blended, trained

SOURCES = (
    "asterisk_fr",
    "asterisk_it",
    "flite",
    "grid_s1",
    "kerstin_de",
    "kokoro",
    "kokoro_wide",
    "speechocean762",
)
NOISES = ("babble 10 dB", "street 10 dB")
MEANS = {
    "F/V tuck": "tuck_recall",
    "open vowels": "open_vowel_recall",
    "rounding AUC": "rounding_auc",
    "openness ρ": "openness_rho",
    "silence": "silence_motion",
}
KEPT = ("phone_share", "phone_memory", "least_gap_mm")
"""Settings that are no part of training, and that a run's folder takes from the shipped weights."""


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """One clip in one condition.

    Attributes:
        source: of the clip.
        condition: clean or the noise's name.
        phones: of the clip.
        sound: ``[N]`` at 16 kHz.
    """

    source: str
    condition: str
    phones: list[Phone]
    sound: np.ndarray


def hear(clips: Sequence[Clip], noisy: int) -> list[Heard]:
    """The clips, and ``noisy`` of each source once more in each noise."""
    pool = [clip.load_audio() for clip in spread(list(clips), BABBLE_POOL)]
    noises = [condition for condition in conditions(pool) if condition.name in NOISES]
    out = []
    for source in SOURCES:
        own = [clip for clip in clips if clip.source == source]
        spoilt = {clip.id for clip in spread(own, noisy)} if noisy else set()
        for clip in own:
            sound, phones = clip.load_audio(), phones_of(clip)
            out.append(Heard(source, CLEAN, phones, sound))
            if clip.id in spoilt:
                speech = speech_mask(phones, len(sound))
                for noise in noises:
                    noised = noise.apply(sound, speech, noise_seed(clip))
                    out.append(Heard(source, noise.name, phones, noised))
    return out


def read(weights: Path, blend: tuple[Path, float] | None) -> tuple[PMMTalk, tuple[float, float], float]:
    """A model without smoothing, and the limits of the seal and the smoothing that are its own."""
    finished, _ = load_model(SHIPPED if weights.is_dir() else weights)
    own = finished.lip_seal or LipSeal()
    low, high = own.limits.tolist()
    if weights.is_dir():
        model = trained(weights, **{name: getattr(finished.config, name) for name in KEPT})
    else:
        model = PMMTalk(dataclasses.replace(finished.config, smoothing=0.0))
        model.load_state_dict(finished.state_dict())
    if blend:
        blended(model, model.state_dict(), weights_of(blend[0]), blend[1])
    return model.eval(), (low, high), finished.config.smoothing


def run(model: PMMTalk, sounds: Sequence[Heard], name: str) -> list[Tensor]:
    """Raw output of the decoder for each sound, with progress on standard error."""
    raws = []
    with torch.inference_mode():
        for done, heard in enumerate(sounds, 1):
            raws.append(model.predict(torch.from_numpy(heard.sound)[None, :, None]).raw)
            if done % 50 == 0 or done == len(sounds):
                print(f"\r{name}: {done} of {len(sounds)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return raws


def scored(
    sounds: Sequence[Heard], raws: Sequence[Tensor], seal: LipSeal, smoothing: FrameSmoothing
) -> dict[tuple[str, str], dict[str, Estimate]]:
    """Figures by condition and source."""
    found: dict[tuple[str, str], list[ClipScores]] = defaultdict(list)
    for heard, raw in zip(sounds, raws, strict=True):
        curves = seal(torch.cat([smoothing(raw[..., :-1]), raw[..., -1:]], dim=-1))[0].numpy()
        found[heard.condition, heard.source].append(measure(curves, heard.phones))
    return {key: summarise(scores) for key, scores in found.items()}


def table(columns: dict[str, dict[tuple[str, str], dict[str, Estimate]]], real_jitter: float) -> str:
    """Markdown: P/B/M recall / precision by source and condition, then means over the sources."""
    first = next(iter(columns.values()))
    sources = [source for source in SOURCES if (CLEAN, source) in first]

    def both(figures: Sequence[dict[str, Estimate]]) -> str:
        names = ("closure_recall", "closure_precision")
        return " / ".join(f"{np.nanmean([f[name].value for f in figures]):.3f}" for name in names)

    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for source in sources:
        count = first[CLEAN, source]["closure_recall"].count
        cells = [both([figures[CLEAN, source]]) for figures in columns.values()]
        lines.append(f"| {source} ({count:.0f}) | " + " | ".join(cells) + " |")
    for condition in (CLEAN, *NOISES):
        present = [source for source in sources if (condition, source) in first]
        if present:
            cells = [both([figures[condition, s] for s in present]) for figures in columns.values()]
            lines.append(f"| {condition}, mean | " + " | ".join(cells) + " |")
    for title, name in MEANS.items():
        values = [[f[CLEAN, s][name].value for s in sources] for f in columns.values()]
        lines.append(f"| {title}, mean | " + " | ".join(f"{np.nanmean(v):.3f}" for v in values) + " |")
    if "grid_s1" in sources:
        cells = [f"{figures[CLEAN, 'grid_s1']['jitter'].value:.3f}" for figures in columns.values()]
        lines.append(f"| jitter, GRID (measured: {real_jitter:.3f}) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def listed(clips: Sequence[Clip]) -> str:
    """The speakers of dev by source, in Markdown; clip by clip where they speak in other splits too."""
    elsewhere = {clip.speaker for clip in clips if clip.split != "dev"}
    dev = [clip for clip in clips if clip.split == "dev"]
    lines = []
    for source in sorted({clip.source for clip in dev}):
        own = [clip for clip in dev if clip.source == source]
        lines.append(f"- **{source}** ({len(own)} clips)")
        for speaker in sorted({clip.speaker for clip in own}):
            ids = sorted(clip.id for clip in own if clip.speaker == speaker)
            which = ", ".join(ids) if speaker in elsewhere else f"all clips ({len(ids)})"
            lines.append(f"  - {speaker}: {which}")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", nargs="*", type=Path, help="file of weights, or folder of a stage")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=150, help="clips of each source (150)")
    parser.add_argument("--noisy", type=int, default=30, help="of which so many also in noise (30)")
    parser.add_argument("--source", action="append", choices=SOURCES, help="default: all of them")
    parser.add_argument(
        "--blend", nargs=2, metavar=("WEIGHTS", "SHARE"), help="mix these into each of the weights"
    )
    parser.add_argument("--seal", type=float, nargs=2, action="append", metavar=("LOW", "HIGH"))
    parser.add_argument("--smoothing", type=float, action="append", help="default: the weights' own")
    parser.add_argument("--list", action="store_true", help="only name the speakers and clips of dev")
    args = parser.parse_args()
    if not (args.weights or args.list):
        parser.error("name weights to measure, or --list")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    blend = (Path(args.blend[0]), float(args.blend[1])) if args.blend else None
    try:
        if args.list:
            print(listed(load_manifest(args.corpus, args.source)))
            return
        clips = [c for c in load_manifest(args.corpus, args.source or SOURCES, split="dev") if c.phones]
        clips = pick(clips, args.limit)
        sounds = hear(clips, args.noisy)
        grid = [clip for clip in clips if clip.source == "grid_s1"]
        real = [measure(np.nan_to_num(clip.load_labels()), phones_of(clip)) for clip in grid]
        columns = {}
        for weights in args.weights:
            model, limits, smoothing = read(weights, blend)
            raws = run(model, sounds, str(weights))
            for low, high in args.seal or [limits]:
                for share in args.smoothing or [smoothing]:
                    title = f"{weights}, seal ({low:.2f}, {high:.2f}), smoothing {share}"
                    columns[title] = scored(sounds, raws, LipSeal(low, high), FrameSmoothing(share))
    except PmmlinkError as error:
        raise SystemExit(f"pmmlink: {error}") from None
    print(table(columns, summarise(real)["jitter"].value if real else float("nan")))


if __name__ == "__main__":
    main()
