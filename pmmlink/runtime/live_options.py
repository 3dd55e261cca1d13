"""How a live session behaves, and what it asks of those that it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from pmmlink.retarget.idle import IdleFace
from pmmlink.retarget.smooth import OneEuro
from pmmlink.types import MODEL_FPS, CurveFrame, FloatArray

HOPS_S = {"low": 0.005, "balanced": 0.01, "quality": 0.02}
"""``--latency``: sound taken from the device and given to the model at once."""

MONITOR_DELAY_S = 0.15
"""With a monitor: what face and sound trail the microphone by, the hop apart."""


class FrameTarget(Protocol):
    """Where frames go: a fan-out of sinks."""

    def send(self, frame: CurveFrame) -> None: ...


class SoundTap(Protocol):
    """Gets the sound of the stream as it is used: a recording, a monitor."""

    def sound(self, samples: FloatArray, rate_hz: int, captured_s: float) -> None:
        """``[N]`` follow on what came before; the last was in the air at ``captured_s``."""
        ...

    def frame(self, frame: CurveFrame) -> None:
        """A frame was sent."""
        ...


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How the live loop behaves.

    Attributes:
        fps: frame rate of the frames.
        hop_s: sound given to the model at once.
        gate: let only voices move the mouth.
        gain_db: microphone gain; None adjusts it.
        smoothing: One-Euro filters by group of curves, where the profile sets none of its own.
        idle: eyes and head are moved by this, if given; frames then flow before the first sound.
        delay_s: frames leave so long after their sound was captured; None: as soon as they are final.
    """

    fps: Fraction = MODEL_FPS
    hop_s: float = HOPS_S["balanced"]
    gate: bool = True
    gain_db: float | None = 0.0
    smoothing: Mapping[str, OneEuro] = field(default_factory=dict)
    idle: IdleFace | None = None
    delay_s: float | None = None
