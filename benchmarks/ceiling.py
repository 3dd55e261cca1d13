"""How far do listeners that hear whole clips get on our labels? An upper mark for a streaming model.

    python benchmarks/ceiling.py --corpus corpus --whisper FOLDER --limit 80

The teachers (:mod:`pmmlink.train.teachers`: the phone recogniser with its full context and Whisper base's
encoder, 22 M parameters) have heard the training clips, and hear clips of the test split. A reader of phones
learns on the former and tells P, B and M in the latter; its log-odds shut a mouth that is open otherwise,
through the same lip seal, and closures are counted as ``pmmlink eval`` counts them. What is still missed
or false is the labels' timing, the listeners' hearing, or both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from pmmlink.curves import MODEL_32
from pmmlink.eval.speech import ClipScores, measure, summarise
from pmmlink.eval.suite import phones_of, pick
from pmmlink.model.closure_evidence import ClosureEvidence
from pmmlink.model.lip_seal import LipSeal
from pmmlink.train.corpus.reader import load_manifest
from pmmlink.train.corpus.recogniser_features import RecogniserFeatures
from pmmlink.train.teacher_phones import teach
from pmmlink.train.teachers import Listener, WhisperFeatures, heard, heard_path, joined

SOURCES = ("asterisk_en", "librivox", "speechocean762", "kokoro", "piper_joe", "kerstin_de")
LIMITS = ((0.15, 0.35), (0.25, 0.5), (0.5, 0.8))


def main() -> None:
    """Teach, listen and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=80, help="clips of each source")
    args = parser.parse_args()

    taught = [c for c in load_manifest(args.corpus, split="train") if c.phones and heard_path(c).exists()]
    print(f"{len(taught)} training clips heard", flush=True)
    reader = teach(taught, heard, lambda note: print(note, flush=True))
    torch.set_num_threads(1)
    listeners: list[Listener] = [RecogniserFeatures(), WhisperFeatures(args.whisper)]
    evidence = ClosureEvidence()
    tests = [c for c in load_manifest(args.corpus, SOURCES, split="test") if c.phones and c.duration_s < 29]
    scores: dict[tuple[str, tuple[float, float]], list[ClipScores]] = {}
    for clip in pick(tests, args.limit):
        log_p = reader.log_p(joined(clip.load_audio(), listeners))
        with torch.inference_mode():
            odds = evidence(torch.from_numpy(log_p)[None])[0, :, :1].numpy()
        curves = np.zeros((len(odds), len(MODEL_32)), np.float32)
        curves[:, MODEL_32.index("jawOpen")] = 0.3
        for limits in LIMITS:
            shut = LipSeal(*limits)(torch.from_numpy(np.concatenate([curves, odds], axis=1))).numpy()
            scores.setdefault((clip.source, limits), []).append(measure(shut, phones_of(clip)))
    print("P/B/M recall / precision with the seal at " + ", ".join(map(str, LIMITS)))
    for source in SOURCES:
        found = [summarise(scores[source, limits]) for limits in LIMITS if (source, limits) in scores]
        if found:
            count = found[0]["closure_recall"].count
            said = "   ".join(
                f"{f['closure_recall'].value:.3f} / {f['closure_precision'].value:.3f}" for f in found
            )
            print(f"{source:16s} {said}   ({count})")


if __name__ == "__main__":
    main()
