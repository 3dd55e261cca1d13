"""FACEGOOD-Audio2Face: four Mandarin takes of one woman with the rig's own curves; no transcript."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.errors import DataError
from pmmlink.train.corpus.base import LABEL_FPS, Job, Made, Source, read_audio
from pmmlink.train.corpus.curve_csv import read_curves
from pmmlink.types import SAMPLE_RATE_HZ

DEAD = (
    *("mouthClose", "mouthFrownLeft", "mouthFrownRight", "mouthShrugLower", "jawForward"),
    *("jawLeft", "jawRight", "mouthLeft", "mouthRight"),
)
"""All zero in the files because the rig has no such curve (or the take never used it): no label in truth."""

_SPLITS = {
    "1114_2_01": (("", "train", 0.0, 1.0),),
    "1114_2_02": (("", "train", 0.0, 1.0),),
    "1114_2_03": (("_a", "train", 0.0, 0.7), ("_b", "dev", 0.7, 1.0)),
    "1114_2_04": (("", "test", 0.0, 1.0),),
}
"""Take → parts as (suffix, split, from, to), in fractions of its length."""


class Facegood(Source):
    """446 s; the last take is test, the end of the third is dev."""

    name = "facegood_zh"
    licence = "MIT (FACEGOOD-Audio2Face)"
    version = 1

    def jobs(self, material: Path) -> Iterable[Job]:
        root = material / "facegood_zh"
        for take, parts in _SPLITS.items():
            inputs = (root / f"{take}.flac", root / f"{take}.csv")
            if not all(path.is_file() for path in inputs):
                raise DataError(
                    f"{root}: {take}.flac or its .csv is missing; give its parent folder as --material"
                )
            for suffix, split, first, last in parts:
                yield Job(
                    id=take + suffix,
                    speaker="facegood_zh",
                    sex="f",
                    language="zh",
                    split=split,
                    text="",
                    style="facegood_zh",
                    inputs=inputs,
                    params={"from": first, "to": last},
                )

    def make(self, job: Job) -> Made:
        samples = read_audio(job.inputs[0])
        labels = read_curves(job.inputs[1])
        labels[:, MODEL_32.positions(DEAD)] = np.nan
        # Cut on whole label frames that are whole samples too: three frames are 1600 samples.
        blocks = min(len(labels) // 3, samples.size // (3 * SAMPLE_RATE_HZ // LABEL_FPS))
        a, b = (round(job.params[edge] * blocks) for edge in ("from", "to"))
        block = 3 * SAMPLE_RATE_HZ // LABEL_FPS
        return Made(samples[a * block : b * block], None, labels[3 * a : 3 * b])
