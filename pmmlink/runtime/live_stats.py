"""What a live session knows about itself."""

from __future__ import annotations

import math

import numpy as np

from pmmlink.runtime.stats import CurveTrace, Histogram
from pmmlink.types import CurveFrame, FloatArray

PARTS = ("awaited", "early", "compute", "wait", "send")
"""What a frame's latency is made of: sound awaited until it is final, and from there on. ``early`` is work
done while sound is still awaited, and delays nothing."""


class LiveStats:
    """Figures of a live session; written by its loop, read by anybody.

    Attributes:
        latency: from the delivery of a frame's sound to the frame handed to the targets.
        parts: the same by part: ``awaited`` (look-ahead, hop, resampler), ``early`` (work on a frame before
            its last sound came: resampling, painting the mouth), ``compute`` (model and all around it from
            then on, for each frame), ``wait`` (from the last sound it needed to sending, compute included),
            ``send``.
        frames: frames sent.
        dropped: frames given up because they were late or their sound was skipped.
        gaps: times that sound began again after silence had been filled in.
        interrupts: barge-ins.
        lost: samples lost by intakes that are no longer in force.
        overflows: overflows that those reported.
        level_db: loudness of the newest sound, dBFS.
        last: the newest frame.
        trace: ranges and course of the curves.
    """

    def __init__(self) -> None:
        self.latency = Histogram()
        self.parts = {name: Histogram() for name in PARTS}
        self.frames = 0
        self.dropped = 0
        self.gaps = 0
        self.interrupts = 0
        self.lost = 0
        self.overflows = 0
        self.level_db = -120.0
        self.last: CurveFrame | None = None
        self.trace = CurveTrace()

    def heard(self, samples: FloatArray) -> None:
        """Take note of sound."""
        power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
        here = 10 * math.log10(power + 1e-12)
        # Falls slowly, as meters do.
        self.level_db = max(here, self.level_db - 0.5)

    def sent(self, frame: CurveFrame, awaited_s: float, wait_s: float, send_s: float, total_s: float) -> None:
        """A frame was handed over."""
        self.frames += 1
        self.last = frame
        self.parts["awaited"].add(awaited_s)
        self.parts["wait"].add(wait_s)
        self.parts["send"].add(send_s)
        self.latency.add(total_s)
        self.trace.add(frame)
