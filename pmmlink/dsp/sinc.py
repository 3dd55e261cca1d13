"""Sample-rate conversion with 2 ms of delay, for live sound.

libsoxr works in blocks and trails its input by up to 50 ms, which a face that answers at once cannot
spare. Here every output sample is one windowed-sinc interpolation (J. O. Smith, "Digital Audio
Resampling"), final as soon as half the kernel behind it has arrived.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

Float64Array = npt.NDArray[np.float64]

_CROSSINGS = 32
"""Zero crossings of the kernel on each side, at the lower of the two rates."""

_KAISER_BETA = 8.0
_PASS = 0.92
"""Cut-off as a share of the lower Nyquist frequency: what lies above must not fold back."""


def _kernel(distance: Float64Array, half: int, cutoff: float) -> Float64Array:
    """Windowed sinc at distances in input samples, ``half`` on each side, normalised by the caller."""
    inside = np.clip(1.0 - (distance / half) ** 2, 0.0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    return np.asarray(np.sinc(distance * cutoff) * window, np.float64)


def _table(offsets: Float64Array, half: int, cutoff: float) -> FloatArray:
    """``[len(offsets), 2 * half]`` taps: row i interpolates at ``offsets[i]`` behind the middle sample."""
    at = np.arange(-half + 1, half + 1)[None, :] - offsets[:, None]
    taps = _kernel(at, half, cutoff)
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)


def _windows(samples: FloatArray, width: int) -> FloatArray:
    """Every run of ``width`` samples, ``[N - width + 1, width]``, without copying.

    As numpy's ``sliding_window_view``, whose checks cost more than ten milliseconds of sound are worth.
    """
    shape, step = (len(samples) - width + 1, width), samples.itemsize
    windows: FloatArray = np.ndarray(shape, samples.dtype, samples, strides=(step, step))
    return windows


class LiveResampler:
    """Streaming conversion of mono sound between two fixed rates; equal rates pass through.

    Output sample ``i`` stands at ``i / rate_out`` seconds of the input; any cutting gives the same output.
    Positions are integers over a common denominator, so nothing adds up over hours.

    Attributes:
        latency_s: how long output trails its input, seconds.
    """

    def __init__(self, rate_in_hz: int, rate_out_hz: int = SAMPLE_RATE_HZ) -> None:
        self.rate_in_hz, self.rate_out_hz = rate_in_hz, rate_out_hz
        ratio = Fraction(rate_in_hz, rate_out_hz)
        # Output n lies at input position n * _p / _q.
        self._p, self._q = ratio.numerator, ratio.denominator
        self._through = ratio == 1
        self._half = _CROSSINGS * max(1, -(-self._p // self._q))
        self.latency_s = 0.0 if self._through else self._half / rate_in_hz
        if not self._through:
            self._taps = _table(
                np.arange(self._q) / self._q, self._half, _PASS * min(1.0, rate_out_hz / rate_in_hz)
            )
        # Zeros stand for the silence before the first sample.
        self._kept = np.zeros(self._half - 1, np.float32)
        self._kept_at = 1 - self._half
        self._emitted = 0

    def push(self, samples: FloatArray) -> FloatArray:
        """Take float32 samples ``[N]``; give what is final."""
        if self._through:
            return samples
        self._kept = np.concatenate((self._kept, samples))
        received = self._kept_at + len(self._kept)
        # Final: the input position's whole part plus half a kernel has arrived.
        end = max(self._emitted, -(-(received - self._half) * self._q // self._p))
        if end == self._emitted:
            return self._kept[:0]
        position = np.arange(self._emitted, end, dtype=np.int64) * self._p
        whole = position // self._q
        rows = _windows(self._kept, 2 * self._half)[whole - self._half + 1 - self._kept_at]
        out = np.einsum("nk,nk->n", rows, self._taps[position - whole * self._q])
        self._emitted = end
        first = end * self._p // self._q - self._half + 1
        self._kept = self._kept[first - self._kept_at :].copy()
        self._kept_at = first
        return np.asarray(out, np.float32)

    def flush(self) -> FloatArray:
        """What the end of the stream still owes. Nothing may be pushed afterwards."""
        if self._through:
            return np.zeros(0, np.float32)
        total = -(-(self._kept_at + len(self._kept)) * self._q // self._p)
        owed = total - self._emitted
        return self.push(np.zeros(2 * self._half, np.float32))[:owed]


class Varispeed:
    """Mono sound between two rates, a little faster or slower as asked, without clicks.

    Attributes:
        speed: source seconds per output second; may be set between calls. 1 is the nominal pace.
    """

    _PHASES = 512

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        self.speed = 1.0
        self._step = rate_in_hz / rate_out_hz
        self._half = _CROSSINGS * max(1, int(np.ceil(self._step)))
        cutoff = _PASS * min(1.0, 1 / self._step)
        self._taps = _table(np.arange(self._PHASES + 1) / self._PHASES, self._half, cutoff)
        self._kept = np.zeros(2 * self._half, np.float32)
        self._next = float(self._half)

    @property
    def pending(self) -> float:
        """Input samples taken that no output stands for yet, half a kernel included."""
        return len(self._kept) - self._next

    def push(self, samples: FloatArray) -> FloatArray:
        """Take ``[N]`` at the input's rate; give what is final at the output's."""
        self._kept = np.concatenate((self._kept, samples))
        step = self._step * self.speed
        end = len(self._kept) - self._half
        position = self._next + step * np.arange(max(0, int(np.ceil((end - self._next) / step))))
        # Rounding may put the last one at the end itself, where half a kernel has not arrived yet.
        position = position[position < end]
        if not len(position):
            return self._kept[:0]
        whole = position.astype(np.int64)
        phase = (position - whole) * self._PHASES
        below = phase.astype(np.int64)
        weight = (phase - below).astype(np.float32)[:, None]
        taps = self._taps[below] * (1 - weight) + self._taps[below + 1] * weight
        rows = _windows(self._kept, 2 * self._half)[whole - self._half + 1]
        out = np.einsum("nk,nk->n", rows, taps)
        self._next += step * len(position)
        spent = int(self._next) - self._half
        self._kept, self._next = self._kept[spent:].copy(), self._next - spent
        return np.asarray(out, np.float32)
