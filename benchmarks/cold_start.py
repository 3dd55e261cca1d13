"""A voice that begins with a stream's first sample: is its first second heard as well as any other?

    python benchmarks/cold_start.py --corpus corpus --split dev --limit 30 --seconds 1.2

Clips are cut into pieces. "cold" runs each piece as a stream of its own; "warm" takes the same stretch out of
the run of the whole clip. ``--lead 0`` shows what the silence before every stream is for.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch

from pmmlink.eval.speech import ClipScores, Phone, measure, summarise
from pmmlink.eval.suite import phones_of, pick
from pmmlink.model.checkpoint import load_model
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.corpus.reader import load_manifest
from pmmlink.types import MODEL_FPS, SAMPLE_RATE_HZ, FloatArray

SOURCES = ("kokoro", "kerstin_de", "speechocean762")
_LEAST_PHONE_S = 0.03


def load(weights: Path | None, lead: int | None) -> PMMTalk:
    """A model, with another lead than its own if one is given."""
    model, _ = load_model(weights)
    if lead is not None:
        ear = dataclasses.replace(model.config.audio_encoder, lead=lead)
        other = PMMTalk(dataclasses.replace(model.config, audio_encoder=ear))
        other.load_state_dict(model.state_dict())
        model = other
    return model.eval()


def run(model: PMMTalk, audio: FloatArray) -> FloatArray:
    """``[N]`` samples → ``[T, 32]``."""
    with torch.inference_mode():
        curves: FloatArray = model(torch.from_numpy(audio)[None, :, None])[0].numpy()
    return curves


def within(phones: list[Phone], start_s: float, end_s: float) -> list[Phone]:
    """What of the phones lies in a stretch, in its own time; slivers at its edges are left out."""
    cut = [(name, max(a, start_s) - start_s, min(b, end_s) - start_s) for name, a, b in phones]
    return [(name, a, b) for name, a, b in cut if b - a > _LEAST_PHONE_S]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--split", default="dev", choices=["dev", "test"])
    parser.add_argument("--limit", type=int, default=30, help="clips of each source")
    parser.add_argument("--seconds", type=float, default=1.2, help="length of a piece, a multiple of 0.1 s")
    parser.add_argument(
        "--lead", type=int, help="tokens of silence before a stream, instead of the model's own"
    )
    parser.add_argument("--weights", type=Path, help="other weights than the shipped ones")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load(args.weights, args.lead)
    scores: dict[tuple[str, str], list[ClipScores]] = {}
    clips = [c for c in load_manifest(args.corpus, SOURCES, split=args.split) if c.phones]
    for clip in pick(clips, args.limit):
        audio, phones = clip.load_audio(), phones_of(clip)
        whole = run(model, audio)
        for start_s in np.arange(0.0, clip.duration_s - args.seconds, args.seconds).round(1):
            end_s = start_s + args.seconds
            piece = audio[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
            cold, first = run(model, piece), round(start_s * MODEL_FPS)
            spoken = within(phones, start_s, end_s)
            for kind, curves in (("cold", cold), ("warm", whole[first : first + len(cold)])):
                scores.setdefault((clip.source, kind), []).append(measure(curves, spoken))
    print(f"P/B/M recall / precision, F/V tuck, in pieces of {args.seconds:g} s")
    for (source, kind), found in scores.items():
        figures = summarise(found)
        recall, precision, tuck = (
            figures[name] for name in ("closure_recall", "closure_precision", "tuck_recall")
        )
        said = f"{recall.value:.3f} / {precision.value:.3f}  {tuck.value:.3f}  ({recall.count})"
        print(f"{source:16s} {kind}  {said}")


if __name__ == "__main__":
    main()
