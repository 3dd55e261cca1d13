"""Curves from phone times: the articulate mouth that the default style learns.

Three layers, from soft to hard:

1. **Coarticulation.** Each channel is the mean of the poses of the phones around, weighted by their
   dominance, which falls off exponentially on both sides of the phone (Cohen & Massaro, "Modeling
   coarticulation in synthetic visual speech", 1993). Diphthongs are two poses.
2. **Constraints.** What a viewer sees go wrong is enforced on the frame grid, not left to blending: the
   lips touch in P, B and M for at least one frame however short the phone, the lower lip tucks under the
   teeth in F and V at a small gap, an open vowel between two closures still opens.
3. **Rest.** In a silence longer than 120 ms every curve is zero and stays there; a shorter pause
   goes part of the way.

Frame ``k`` is the mouth at exactly ``k / fps`` seconds. Numpy only; about a millisecond per second of
speech, so training computes targets on the fly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from pmmlink.errors import DataError
from pmmlink.phones import (
    BILABIALS,
    LABIODENTALS,
    OPEN_VOWELS,
    PHONE_INDEX,
    SILENCE,
    is_vowel,
)
from pmmlink.train.face import compose, solve_gap, vary
from pmmlink.train.spans import Phone, Span, monophthongs, segments_of
from pmmlink.train.visemes import CHANNEL_GROUP, CHANNELS, VisemeTable, viseme_table
from pmmlink.types import MODEL_FPS, FloatArray

Array = npt.NDArray[np.float64]
REST_AFTER_S = 0.12
"""A silence at least this long brings the mouth to rest; half as long and less leaves it as it is."""

# How long the lips take to shut and to part, and the part of a neighbour's time they may take for it.
_LIP_RAMP_S = 0.065
_NEIGHBOUR_SHARE = 0.42
_SETTLE_S, _PREPARE_S = 0.11, 0.10
# Where the burst ends the closure of P and B, as a part of the phone; the rest is aspiration or voice.
_BURST = {"P": 0.60, "B": 0.75}
_SHORTEST_CLOSURE_S = 0.05
_OPEN_FLOOR = 0.66
_STRESS_JAW = {0: 0.85, 1: 1.06, 2: 1.0}
_JAW_PER_DB = 0.02
_REACH_S = 0.5


@dataclass(frozen=True, slots=True)
class Targets:
    """What a clip's mouth should do.

    Attributes:
        curves: ``[T, 32]`` float32 in [0, 1], order of ``MODEL_32``.
        closure: ``[T]`` in [0, 1]: how far P, B or M shuts the lips.
        tuck: ``[T]`` in [0, 1]: how far F or V tucks the lower lip.
        rounding: ``[T]`` in [0, 1]: pucker and funnel asked for by the phones.
        rest: ``[T]`` in [0, 1]: how far the mouth is at rest in silence.
        weight: ``[T]`` 1 where the phones say what the mouth does, 0 inside unknown symbols.
    """

    curves: FloatArray
    closure: FloatArray
    tuck: FloatArray
    rounding: FloatArray
    rest: FloatArray
    weight: FloatArray


@cache
def _default_table() -> VisemeTable:
    return viseme_table()


def curves_from_phones(
    phones: Sequence[Phone],
    frames: int,
    fps: Fraction = MODEL_FPS,
    *,
    stress: Sequence[int | None] | None = None,
    loudness_db: npt.NDArray[np.floating] | None = None,
    effort: float = 1.0,
    seed: int | None = None,
    table: VisemeTable | None = None,
) -> Targets:
    """Articulate curves of a clip.

    Args:
        phones: in order of time; stretches without a phone are silence.
        frames: number of frames to make.
        fps: frame rate.
        stress: lexical stress of each phone (0, 1, 2 or None); without it the digits of the names count.
        loudness_db: ``[frames]`` level of the sound; only its movement about the median of speech counts.
        effort: 1 is the default style; less mumbles, more over-articulates. Closures stay complete.
        seed: adds smooth micro-variation of at most a few hundredths; None adds none.
        table: poses and dominances; the articulate default without it.

    Raises:
        DataError: a phone ends before it starts, phones are out of order, or lengths disagree.

    >>> from pmmlink.lips import lip_gap_mm
    >>> t = curves_from_phones([("AA1", 0.2, 0.4), ("M", 0.4, 0.46), ("AA1", 0.46, 0.7)], 30)
    >>> bool((lip_gap_mm(t.curves)[12:14] < 0.5).any()), float(t.closure.max())
    (True, 1.0)
    """
    table = table or _default_table()
    segments = segments_of(phones, stress, frames / float(fps))
    rate = float(fps)
    time = np.arange(frames) / rate
    channels = _blend(segments, time, rate, table, effort)
    if loudness_db is not None:
        channels[:, 0] *= loudness_gain(loudness_db, segments, time, rate)
    _hold_open_vowels(channels[:, 0], segments, rate, table, effort)

    closure, tuck, rest = constraints(segments, frames, rate)
    curves = compose(channels, closure, tuck)
    if seed is not None:
        vary(curves, rate, seed)
    solve_gap(curves, channels, closure, tuck)
    curves *= (1.0 - rest)[:, None]
    np.clip(curves, 0.0, 1.0, out=curves)

    rounding = np.clip((channels[:, 1] + channels[:, 2]) / 0.6, 0.0, 1.0) * (1.0 - rest)
    weight = np.ones(frames)
    for segment in segments:
        if not segment.known:
            weight[ceil(segment.start * rate) : ceil(segment.end * rate)] = 0.0
    as_float = [a.astype(np.float32) for a in (curves, closure, tuck, rounding, rest, weight)]
    return Targets(*as_float)


def _blend(segments: list[Span], time: Array, rate: float, table: VisemeTable, effort: float) -> Array:
    """``[T, channels]``: dominance-weighted mean of the poses."""
    frames = len(time)
    total = np.full((frames, len(table.rise_s)), 1e-9)
    blended = np.zeros((frames, len(CHANNELS)))
    for segment in segments:
        for phone, start, end in monophthongs(segment):
            first = max(0, floor((start - _REACH_S) * rate))
            last = min(frames, ceil((end + _REACH_S) * rate))
            if first >= last:
                continue
            index = PHONE_INDEX[phone]
            pose = table.pose[index] * effort
            if is_vowel(phone) and segment.stress is not None:
                pose[0] *= _STRESS_JAW.get(segment.stress, 1.0)
            t = time[first:last, None]
            core = table.core_share * (end - start)
            distance = np.maximum(start + core - t, 0.0) / table.rise_s
            distance += np.maximum(t - (end - core), 0.0) / table.fall_s
            # sqrt(1 + d²) - 1 instead of d: the same exponential flanks without a corner at the core.
            weight = table.dominance[index] * np.exp(0.7 - np.sqrt(0.49 + distance * distance))
            total[first:last] += weight
            blended[first:last] += weight[:, CHANNEL_GROUP] * pose
    mean: Array = blended / total[:, CHANNEL_GROUP]
    return mean


def loudness_gain(
    loudness_db: npt.NDArray[np.floating], segments: list[Span], time: Array, rate: float
) -> Array:
    """``[T]`` factor on the jaw: louder syllables open wider, within a third either way."""
    level = np.asarray(loudness_db, np.float64)
    if level.shape != time.shape:
        raise DataError(f"loudness has shape {level.shape}, {time.shape[0]} frames are wanted")
    spoken = np.zeros(len(level), bool)
    for segment in segments:
        if is_vowel(segment.phone):
            spoken[ceil(segment.start * rate) : ceil(segment.end * rate)] = True
    if not spoken.any():
        return np.ones(len(level))
    # Over a syllable (about 200 ms): the level of single consonants says nothing about the jaw.
    width = max(1, round(0.2 * rate))
    kernel = np.hanning(width + 2)[1:-1]
    voiced: Array = np.where(spoken, level, 0.0)
    mass = np.convolve(spoken.astype(float), kernel, "same")
    smooth = np.convolve(voiced, kernel, "same") / np.maximum(mass, 1e-6)
    middle = float(np.median(level[spoken]))
    smooth = np.where(mass > 1e-3, smooth, middle)
    gain: Array = np.clip(1.0 + _JAW_PER_DB * (smooth - middle), 0.75, 1.3)
    return gain


def _hold_open_vowels(
    jaw: Array, segments: list[Span], rate: float, table: VisemeTable, effort: float
) -> None:
    """Raises the jaw's path in the middle of open vowels that their neighbours would swallow."""
    frames = len(jaw)
    for segment in segments:
        if segment.phone not in OPEN_VOWELS:
            continue
        middle = segment.start + 0.45 * segment.duration
        centre = round(middle * rate)
        if not 0 <= centre < frames:
            continue
        missing = _OPEN_FLOOR * effort * table.pose[PHONE_INDEX[segment.phone], 0] - jaw[centre]
        if missing > 0:
            half = max(0.06, 0.6 * segment.duration)
            first, last = max(0, ceil((middle - half) * rate)), min(frames, ceil((middle + half) * rate))
            phase = (np.arange(first, last) - centre) / (half * rate)
            jaw[first:last] += missing * np.cos(0.5 * np.pi * np.clip(phase, -1, 1)) ** 2


def constraints(segments: list[Span], frames: int, rate: float) -> tuple[Array, Array, Array]:
    """Closure, tuck and rest, each ``[T]``."""
    closure, tuck, rest = np.zeros(frames), np.zeros(frames), np.zeros(frames)
    for i, segment in enumerate(segments):
        before = segments[i - 1] if i else None
        after = segments[i + 1] if i + 1 < len(segments) else None
        start, end = segment.start, segment.end
        if segment.phone in BILABIALS or segment.phone in LABIODENTALS:
            hold = segment.duration * _BURST.get(segment.phone, 1.0)
            hold = max(hold, min(_SHORTEST_CLOSURE_S, segment.duration))
            held = _on_grid(start - 0.005, start + hold - 0.005, rate, frames)
            if held is None:
                continue
            track = closure if segment.phone in BILABIALS else tuck
            _plateau(track, rate, held, (_ramp(before), _ramp(after)))
        elif segment.phone == SILENCE and segment.known and segment.duration > 0.5 * REST_AFTER_S:
            settle, prepare = min(_SETTLE_S, 0.4 * segment.duration), min(_PREPARE_S, 0.4 * segment.duration)
            # Lips that are shut on either side of the pause stay shut through it.
            opens_from = before is not None and before.phone not in BILABIALS
            opens_to = after is not None and after.phone not in BILABIALS
            first = start + settle - 0.01 if opens_from else start
            last = end - prepare + 0.01 if opens_to else end
            full = min(1.0, 2.0 * segment.duration / REST_AFTER_S - 1.0)
            _plateau(rest, rate, (first, max(first, last)), (settle, prepare), full)
    return closure, tuck, rest


def _on_grid(start: float, end: float, rate: float, frames: int) -> tuple[float, float] | None:
    """Stretches an interval so that a frame falls into it; None when that frame is not in the clip."""
    if ceil(start * rate - 1e-9) > floor(end * rate + 1e-9):
        nearest = round(0.5 * (start + end) * rate) / rate
        start, end = min(start, nearest), max(end, nearest)
    first = ceil(start * rate - 1e-9)
    return (start, end) if first < frames and end >= 0.0 else None


def _ramp(neighbour: Span | None) -> float:
    if neighbour is None or neighbour.phone == SILENCE:
        return _LIP_RAMP_S
    return min(_LIP_RAMP_S, max(0.02, _NEIGHBOUR_SHARE * neighbour.duration))


def _plateau(
    track: Array, rate: float, top: tuple[float, float], ramps: tuple[float, float], height: float = 1.0
) -> None:
    """Raises ``track`` to ``height`` on the interval ``top``, with smooth flanks of two lengths, in place."""
    (start, end), (rise, fall) = top, ramps
    first = max(0, ceil((start - rise) * rate))
    last = min(len(track), floor((end + fall) * rate) + 1)
    if first >= last:
        return
    t = np.arange(first, last) / rate
    x = np.clip(np.minimum((t - start) / rise, (end - t) / fall) + 1.0 + 1e-9, 0.0, 1.0)
    np.maximum(track[first:last], height * x * x * (3.0 - 2.0 * x), out=track[first:last])
