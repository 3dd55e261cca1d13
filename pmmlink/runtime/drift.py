"""Two crystals: how far apart do they run, and how is sound carried from one to the other without clicks?"""

from __future__ import annotations

import math

from pmmlink.dsp.sinc import Varispeed
from pmmlink.types import FloatArray


class ClockTrack:
    """The host time of a device's sample 0, as its sample counts and time stamps tell.

    Stamps jitter by milliseconds and crystals creep (200 ppm are 12 ms a minute): a one-pole filter of half a
    second takes the jitter out and trails the creep by 0.1 ms. A jump, as after a dropout, is followed at
    once.

    Attributes:
        origin_s: host time of sample 0; None before the first stamp.
    """

    _SMOOTHING_S = 0.5
    _JUMP_S = 0.05

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.origin_s: float | None = None

    def stamp(self, sample: int, at_s: float, count: int) -> None:
        """Sample ``sample`` is at a host time; ``count`` samples passed since the last stamp."""
        measured = at_s - sample / self.rate_hz
        if self.origin_s is None or abs(measured - self.origin_s) > self._JUMP_S:
            self.origin_s = measured
            return
        share = -math.expm1(-count / self.rate_hz / self._SMOOTHING_S)
        self.origin_s += share * (measured - self.origin_s)


class DriftCorrector:
    """Adaptive resampling that holds a delay: a loop of proportion and integral on the delay's error.

    The integral settles at the difference of the two crystals, which is thereby estimated. The pace changes
    by at most 0.5 %, 9 cents, and only bit by bit, so nothing clicks and nobody hears it.

    Args:
        rate_in_hz: rate of the sound.
        rate_out_hz: rate of the device that plays it.
    """

    _PROPORTION = 0.05
    _INTEGRAL = 0.0008
    _MOST = 0.005

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        self._varispeed = Varispeed(rate_in_hz, rate_out_hz)
        self._integral = 0.0

    @property
    def drift_ppm(self) -> float:
        """How much faster the source's crystal runs than the player's, parts per million."""
        return self._integral * 1e6

    @property
    def pending(self) -> float:
        """Input samples that no output stands for yet."""
        return self._varispeed.pending

    def correct(self, error_s: float, seconds: float) -> None:
        """The delay was too long by ``error_s`` (negative: too short) during the last ``seconds``."""
        bound = max(-0.05, min(0.05, error_s))
        self._integral += self._INTEGRAL * bound * seconds
        self._integral = max(-self._MOST, min(self._MOST, self._integral))
        change = self._integral + self._PROPORTION * bound
        self._varispeed.speed = 1.0 + max(-self._MOST, min(self._MOST, change))

    def push(self, samples: FloatArray) -> FloatArray:
        """``[N]`` of the source as samples of the player."""
        return self._varispeed.push(samples)
