"""One sound file to one Live Link Face recording, as fast as the machine can."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pmmlink.errors import RuntimeFault
from pmmlink.retarget import Profile
from pmmlink.runtime.base import Animator
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.sinks.csv import CsvSink
from pmmlink.sources import FileSource
from pmmlink.types import MODEL_FPS

BLOCK_S = 0.5


@dataclass(frozen=True, slots=True)
class BakeResult:
    """What a bake made.

    Attributes:
        frames: rows written.
        sound_s: duration of the sound.
        wall_s: time it took.
    """

    frames: int
    sound_s: float
    wall_s: float


def bake_file(
    source: Path | str,
    out: Path | str,
    *,
    animator: Animator | None = None,
    fps: Fraction = MODEL_FPS,
    profile: Profile | None = None,
    subject: str = "pmmlink",
    block_s: float = BLOCK_S,
    on_progress: Callable[[float], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> BakeResult:
    """Bake a file. The recording appears whole or not at all.

    Args:
        source: sound or film.
        out: the CSV to write; its folder must exist.
        animator: the model; None loads the shipped weights.
        fps: frame rate of the rows.
        profile: the character; None leaves the curves as they are.
        subject: name of the face.
        block_s: seconds of sound worked on at once. The result does not depend on it.
        on_progress: told the seconds of sound done.
        stopped: asked after each block; True gives the bake up.

    Raises:
        AudioError: the sound cannot be used.
        TargetError: the output cannot be written.
        RuntimeFault: the disk is full, or the bake was stopped.
    """
    started = time.perf_counter()
    with FileSource(source) as sound:
        sink = CsvSink(Path(out))
        if animator is None:
            from pmmlink.model.animator import load_animator

            animator = load_animator()
        pipeline = Pipeline(animator, sound.rate_hz, fps=fps, profile=profile)
        # Leaving by an exception throws the partial file away, from the moment on that it is there.
        with sink:
            sink.open(pipeline.curves, fps, subject)
            size = max(1, round(block_s * sound.rate_hz))
            while (block := sound.read(size)) is not None:
                if stopped():
                    raise RuntimeFault(f"{source}: stopped")
                for frame in pipeline.push(block.mono()):
                    sink.send(frame)
                on_progress(pipeline.compute.sound_s)
            for frame in pipeline.flush():
                sink.send(frame)
    if sink.stats.dropped:
        raise RuntimeFault(f"{source}: {sink.stats.last_error}; do the weights fit?")
    return BakeResult(sink.stats.sent, pipeline.compute.sound_s, time.perf_counter() - started)
