"""Puts the edges of pauses where the sound is: aligners let phones run into the silence around speech.

Against exact times of synthetic voices PocketSphinx begins the first phone after a pause 19 ms early and
ends the last phone before one 20 ms late (medians, spread 43 ms).
"""

from __future__ import annotations

import numpy as np

from pmmlink.errors import DataError
from pmmlink.phones import SILENCE, is_vowel
from pmmlink.train.corpus.base import Segment
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

STEP_S = 0.005
BELOW_PEAK_DB = 42.0
ABOVE_FLOOR_DB = 8.0
LONGEST_S = 0.12
SHORTEST_S = 0.04
LONGEST_EXTRA_S = 0.12
"""Loud sound in pauses that is let pass: a click, a breath. More is a stumble or another voice."""
_PAUSE_MARGIN_S = 0.13
_AS_LOUD_DB = 12.0
_STOPS = frozenset({"P", "B", "T", "D", "K", "G", "CH", "JH"})


def trim_edges(phones: list[Segment], samples: FloatArray) -> list[Segment]:
    """Moves phone edges at pauses to where the sound begins and ends, by at most 120 ms.

    A stop's beginning is left alone: its closure is silent.

    Args:
        phones: as :func:`pmmlink.train.corpus.base.tile` makes them.
        samples: ``[N]`` float32 at 16 kHz.
    """
    heard = _heard(samples)
    trimmed = list(phones)
    for i, phone in enumerate(phones):
        if phone.phone == SILENCE:
            continue
        start_s, end_s = trimmed[i].start_s, phone.end_s
        inside = heard[int(start_s / STEP_S) : int(end_s / STEP_S) + 1]
        if not inside.any():
            continue
        first, last = np.flatnonzero(inside)[[0, -1]]
        if i and phones[i - 1].phone == SILENCE and phone.phone not in _STOPS:
            start_s += min(first * STEP_S, LONGEST_S, max(end_s - start_s - SHORTEST_S, 0.0))
        if i + 1 < len(phones) and phones[i + 1].phone == SILENCE:
            quiet_s = (inside.size - 1 - last) * STEP_S
            end_s -= min(quiet_s, LONGEST_S, max(end_s - start_s - SHORTEST_S, 0.0))
        start_s, end_s = round(float(start_s), 4), round(float(end_s), 4)
        trimmed[i] = Segment(phone.phone, start_s, end_s, phone.stress)
        if i and phones[i - 1].phone == SILENCE:
            trimmed[i - 1] = Segment(SILENCE, trimmed[i - 1].start_s, start_s)
        if i + 1 < len(phones) and phones[i + 1].phone == SILENCE:
            trimmed[i + 1] = Segment(SILENCE, end_s, phones[i + 1].end_s)
    return trimmed


def _heard(samples: FloatArray) -> np.ndarray:
    """For each 5 ms: is there speech-like level? In windows of 10 ms."""
    level_db = _level_db(samples)
    floor_db = float(np.quantile(level_db, 0.05))
    peak_db = float(np.quantile(level_db, 0.97))
    threshold_db = min(max(peak_db - BELOW_PEAK_DB, floor_db + ABOVE_FLOOR_DB), peak_db - 20.0)
    heard: np.ndarray = level_db > threshold_db
    return heard


def _level_db(samples: FloatArray) -> np.ndarray:
    """Level of each 5 ms, in windows of 10 ms."""
    step = round(STEP_S * SAMPLE_RATE_HZ)
    power = np.convolve(samples.astype(np.float64) ** 2, np.full(2 * step, 0.5 / step), mode="same")[::step]
    level_db: np.ndarray = 10.0 * np.log10(power + 1e-10)
    return level_db


def unexplained_s(phones: list[Segment], samples: FloatArray) -> float:
    """Seconds of sound in the pauses that is as loud as the speech: words that nobody wrote down.

    Args:
        phones: as :func:`pmmlink.train.corpus.base.tile` makes them.
        samples: ``[N]`` float32 at 16 kHz.
    """
    level_db = _level_db(samples)
    spoken = np.zeros(level_db.size, bool)
    paused = np.zeros(level_db.size, bool)
    for phone in phones:
        first, last = int(phone.start_s / STEP_S), int(phone.end_s / STEP_S)
        if phone.phone != SILENCE:
            spoken[first:last] = True
        else:
            margin = int(_PAUSE_MARGIN_S / STEP_S)
            paused[first + margin : max(first + margin, last - margin)] = True
    if not spoken.any():
        return 0.0
    loud = level_db > float(np.median(level_db[spoken])) - _AS_LOUD_DB
    return float((loud & paused).sum()) * STEP_S


def stretched(phones: list[Segment]) -> Segment | None:
    """A phone too long to be true (it swallowed a pause or a stumble), or None."""
    for phone in phones:
        if phone.phone != SILENCE and phone.end_s - phone.start_s > (0.6 if is_vowel(phone.phone) else 0.4):
            return phone
    return None


def refuse_stretched(phones: list[Segment]) -> None:
    """Refuses phones of which one is :func:`stretched`.

    Raises:
        DataError: names the phone.
    """
    long = stretched(phones)
    if long is not None:
        raise DataError(f"the phone {long.phone} would last {long.end_s - long.start_s:.2f} s")


def refuse_unexplained(phones: list[Segment], samples: FloatArray) -> None:
    """Refuses phones that leave more than :data:`LONGEST_EXTRA_S` of speech :func:`unexplained_s`.

    Raises:
        DataError: says how much.
    """
    extra_s = unexplained_s(phones, samples)
    if extra_s > LONGEST_EXTRA_S:
        raise DataError(f"{extra_s:.2f} s of it are speech that the transcript does not have")
