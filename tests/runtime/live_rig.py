"""What tests of the live loop share: virtual time, a target that remembers, and speech."""

from __future__ import annotations

import numpy as np

from pmmlink.runtime.live import Live
from pmmlink.runtime.live_options import LiveOptions
from pmmlink.sources.push import PushSource
from pmmlink.testing import LoudnessAnimator, VirtualTime
from pmmlink.types import CurveFrame

RATE = 16_000


def voice(seconds: float, rate_hz: int = RATE, level: float = 0.3) -> np.ndarray:
    """A buzz with a pitch, as voices have."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    buzz = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 12))
    return (level / 2 * buzz).astype(np.float32)


class Target:
    """Keeps each frame with the host time at which it came."""

    def __init__(self, host: VirtualTime) -> None:
        self._host = host
        self.frames: list[CurveFrame] = []
        self.times: list[float] = []

    def send(self, frame: CurveFrame) -> None:
        self.frames.append(frame)
        self.times.append(self._host.now())

    def curve(self, name: str = "jawOpen") -> np.ndarray:
        at = self.frames[0].curves.index(name)
        return np.array([frame.values[at] for frame in self.frames])

    @property
    def indices(self) -> list[int]:
        return [frame.index for frame in self.frames]


class Rig:
    """A live loop on virtual time, fed by hand."""

    def __init__(self, options: LiveOptions | None = None, rate_hz: int = RATE, **source: object) -> None:
        self.host = VirtualTime()
        self.source = PushSource(rate_hz, self.host.now, **source)  # type: ignore[arg-type]
        self.target = Target(self.host)
        self.events: list[str] = []
        self.live = Live(
            self.source,
            LoudnessAnimator(),
            self.target,
            options=options,
            host=self.host,
            on_event=self.events.append,
        )

    def run(self, seconds: float, every_s: float = 0.005) -> None:
        """Let time pass, the loop turning all the while."""
        for _ in range(round(seconds / every_s)):
            self.turn()
            self.host.sleep(every_s)
        self.turn()

    def turn(self) -> None:
        """Let the loop do all that there is to do now."""
        while self.live.step():
            pass

    def speak(self, sound: np.ndarray, block_s: float = 0.01) -> None:
        """Deliver sound in real time, the loop turning after each block."""
        size = round(block_s * self.source.intake.rate_hz)
        for at in range(0, len(sound), size):
            self.host.sleep(size / self.source.intake.rate_hz)
            self.source.push(sound[at : at + size])
            self.turn()
