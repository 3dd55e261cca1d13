"""Mouth poses of the phones, and how strongly and how long each holds the articulators.

A pose is what a careful speaker shows in the middle of the phone, in ARKit units on the head that pmmlink
ships. Three groups of articulators move on their own clocks (jaw, rounding, lips); each phone has
a dominance for each, after Cohen & Massaro, "Modeling coarticulation in synthetic visual speech", 1993:
a sibilant holds the jaw, a rounded vowel holds the rounding, /h/ and /k/ hold nothing that is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pmmlink.phones import PHONES, SILENCE, is_vowel

Array = npt.NDArray[np.float64]

CHANNELS = (
    "jawOpen",
    "mouthFunnel",
    "mouthPucker",
    "mouthLowerDown",
    "mouthUpperUp",
    "mouthStretch",
    "mouthSmile",
    "mouthShrugUpper",
)
"""What a pose is made of; names without a side stand for both sides."""

GROUPS = ("jaw", "rounding", "lips")
CHANNEL_GROUP = np.array([0, 1, 1, *([2] * (len(CHANNELS) - 3))])

# The jaw's constants are fitted (fit_visemes). Anticipation starts earlier than it ends, most of all for
# rounding (Bell-Berti & Harris 1982 find the lips moving 100-250 ms before a rounded vowel).
RISE_S = np.array([0.034, 0.065, 0.042])
FALL_S = np.array([0.044, 0.055, 0.042])
"""Time constants of the flanks of a phone's dominance, before and after its core, by group."""

CORE_SHARE = np.array([0.14, 0.20, 0.20])
"""Part of a phone's length at each end that already belongs to the flanks, by group."""

DIPHTHONGS: dict[str, tuple[str, str, float]] = {
    "AW": ("AA", "UW", 0.55),
    "AY": ("AA", "IH", 0.55),
    "EY": ("EH", "IY", 0.50),
    "OW": ("AO", "UW", 0.50),
    "OY": ("AO", "IY", 0.50),
}
"""First pose, second pose, and the part of the phone after which the second begins."""

# Columns as CHANNELS: jaw, funnel, pucker, lowerDown, upperUp, stretch, smile, shrugUpper.
_POSES: dict[str, tuple[float, ...]] = {
    "AA": (0.42, 0.00, 0.00, 0.22, 0.08, 0.00, 0.00, 0.02),
    "AE": (0.40, 0.00, 0.00, 0.28, 0.14, 0.14, 0.08, 0.00),
    "AH": (0.30, 0.00, 0.00, 0.18, 0.06, 0.03, 0.02, 0.02),
    "AO": (0.35, 0.28, 0.20, 0.16, 0.03, 0.00, 0.00, 0.02),
    "EH": (0.34, 0.00, 0.00, 0.24, 0.11, 0.11, 0.07, 0.00),
    "ER": (0.19, 0.18, 0.20, 0.12, 0.05, 0.00, 0.00, 0.05),
    "IH": (0.27, 0.00, 0.00, 0.20, 0.10, 0.12, 0.08, 0.00),
    "IY": (0.23, 0.00, 0.00, 0.22, 0.12, 0.20, 0.16, 0.00),
    "UH": (0.18, 0.18, 0.28, 0.10, 0.03, 0.00, 0.00, 0.04),
    "UW": (0.10, 0.18, 0.48, 0.06, 0.00, 0.00, 0.00, 0.06),
    "UE": (0.11, 0.20, 0.46, 0.08, 0.02, 0.00, 0.00, 0.05),
    "OE": (0.21, 0.24, 0.32, 0.12, 0.04, 0.00, 0.00, 0.04),
    "IX": (0.11, 0.00, 0.00, 0.24, 0.12, 0.14, 0.08, 0.00),
    "P": (0.07, 0.00, 0.00, 0.08, 0.04, 0.02, 0.01, 0.00),
    "B": (0.06, 0.00, 0.00, 0.08, 0.04, 0.02, 0.01, 0.00),
    "M": (0.06, 0.00, 0.00, 0.08, 0.04, 0.02, 0.01, 0.00),
    "F": (0.05, 0.00, 0.00, 0.02, 0.16, 0.04, 0.03, 0.00),
    "V": (0.06, 0.00, 0.00, 0.02, 0.13, 0.03, 0.03, 0.00),
    "W": (0.07, 0.14, 0.56, 0.03, 0.00, 0.00, 0.00, 0.05),
    "S": (0.11, 0.02, 0.02, 0.24, 0.12, 0.12, 0.06, 0.00),
    "SH": (0.10, 0.40, 0.24, 0.18, 0.12, 0.00, 0.00, 0.06),
    "T": (0.16, 0.00, 0.00, 0.15, 0.07, 0.05, 0.03, 0.00),
    "N": (0.10, 0.00, 0.00, 0.15, 0.07, 0.05, 0.03, 0.00),
    "L": (0.18, 0.00, 0.00, 0.16, 0.07, 0.03, 0.02, 0.00),
    "TH": (0.08, 0.00, 0.00, 0.20, 0.08, 0.06, 0.03, 0.00),
    "K": (0.20, 0.00, 0.00, 0.15, 0.07, 0.04, 0.03, 0.00),
    "HH": (0.22, 0.00, 0.00, 0.14, 0.05, 0.03, 0.02, 0.00),
    "RX": (0.20, 0.00, 0.00, 0.15, 0.06, 0.02, 0.02, 0.00),
    "R": (0.08, 0.22, 0.26, 0.12, 0.05, 0.00, 0.00, 0.05),
    SILENCE: (0.10, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00),
}
_SAME_POSE = {
    "Z": "S",
    "ZH": "SH",
    "CH": "SH",
    "JH": "SH",
    "D": "T",
    "DH": "TH",
    "G": "K",
    "NG": "K",
    "KX": "K",
    "Y": "IY",
}

# jaw: how hard the phone holds the jaw; fitted (fit_visemes), a little softer than the fit, whose jaw would
# jerk. The tongue tip and the lips need it high, the back of the tongue does not.
# rounding: rounded phones pull and spread vowels resist; most consonants let it pass.
_JAW = {"AA": 1.3, "AE": 0.8, "AH": 0.65, "AO": 0.75, "EH": 0.95, "IH": 0.7, "IY": 0.8, "UW": 1.6, "UE": 1.6}
_JAW |= dict.fromkeys(("P", "B", "M"), 1.6) | dict.fromkeys(("S", "Z"), 0.7) | {"F": 1.5, "V": 1.6}
_JAW |= (
    dict.fromkeys(("SH", "ZH", "CH", "JH"), 1.2) | dict.fromkeys(("T", "D"), 0.5) | {"TH": 1.3, "DH": 0.75}
)
_JAW |= dict.fromkeys(("K", "G", "N", "NG", "KX", "RX"), 0.3) | {"L": 0.4, "R": 1.2, "W": 0.95, "Y": 0.8}
_JAW |= {"HH": 0.05, SILENCE: 0.6}
_ROUNDING = dict.fromkeys(("SH", "ZH", "CH", "JH"), 1.8) | {"W": 2.0, "UW": 1.3, "UE": 1.3, "OE": 1.2}
_ROUNDING |= {"AO": 1.2, "UH": 1.0, "R": 0.9, "ER": 1.0, "IY": 1.3, "Y": 1.0, "IH": 1.0, "IX": 1.0}
_ROUNDING |= {"AE": 1.0, "EH": 1.0, "AA": 1.0, "AH": 0.4, "F": 0.5, "V": 0.5, "S": 0.5, "Z": 0.4}
_ROUNDING |= {SILENCE: 0.9}
# What a closure or a tuck does to the lips is a constraint of the targets, so here they hold little.
_LIPS = dict.fromkeys(("P", "B", "M", "F", "V"), 0.5) | {"W": 1.5, "S": 1.0, "Z": 1.0, SILENCE: 0.8}


@dataclass(frozen=True, slots=True)
class VisemeTable:
    """Poses and dominances as arrays, indexed by the class number of a phone.

    Attributes:
        pose: ``[phones, channels]`` in [0, 1].
        dominance: ``[phones, groups]``, relative.
        rise_s: ``[groups]`` time constants of anticipation.
        fall_s: ``[groups]`` time constants of carry-over.
        core_share: ``[groups]`` part of the phone at each end that belongs to the flanks.
    """

    pose: Array
    dominance: Array
    rise_s: Array
    fall_s: Array
    core_share: Array


def viseme_table() -> VisemeTable:
    """The articulate default style. Diphthongs have no row of their own: they are two poses."""
    pose = np.zeros((len(PHONES), len(CHANNELS)))
    dominance = np.zeros((len(PHONES), len(GROUPS)))
    for i, phone in enumerate(PHONES):
        monophthong = DIPHTHONGS[phone][0] if phone in DIPHTHONGS else phone
        pose[i] = _POSES[_SAME_POSE.get(monophthong, monophthong)]
        vowel = is_vowel(phone)
        dominance[i] = (
            _JAW.get(monophthong, 1.0 if vowel else 0.5),
            _ROUNDING.get(monophthong, 0.15),
            _LIPS.get(monophthong, 1.0 if vowel else 0.4),
        )
    return VisemeTable(pose, dominance, RISE_S.copy(), FALL_S.copy(), CORE_SHARE.copy())
