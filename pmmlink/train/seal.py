"""Closes the lips of a resting face along the whole mouth.

MakeHuman's faces rest with a slit of up to 2 mm between the lips, through which the teeth show. A
viewer reads that as an open mouth, and a network that learns from such pictures learns that P, B and M
are open. Decimetres throughout, as in :mod:`pmmlink.train.makehuman`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pmmlink.train.makehuman import LIP_LOWER, LIP_UPPER, BaseMesh, FloatArray, IntArray

REST_GAP_DM = 0.0024
"""Lip gap of MakeHuman's base mesh between its two middle vertices, kept for every face."""

# jawOpen lowers the lower lip by more than this everywhere, the upper lip by less.
_LOWER_LIP_FALL_DM = 0.123
_CONTACT_DM = 0.016
_OVERLAP_DM = 0.006


@dataclass(frozen=True, slots=True)
class Slit:
    """Where the lips meet.

    Attributes:
        upper: ``[P]`` vertices of the upper lip's edge.
        lower: ``[P]`` the vertices of the lower lip that they rest on.
        side: ``[V]`` 1 above the opening, -1 below it, 0 away from the mouth.
        jaw_open: ``[V, 3]`` offsets of jawOpen.
    """

    upper: IntArray
    lower: IntArray
    side: FloatArray
    jaw_open: FloatArray


def find_slit(base: BaseMesh, reference: FloatArray, jaw_open: FloatArray) -> Slit:
    """Finds the vertices that face each other on a face with roughly closed lips.

    Args:
        base: the base mesh.
        reference: ``[V, 3]`` the face.
        jaw_open: ``[V, 3]`` offsets of jawOpen.
    """
    x, y, z = (reference - reference[LIP_UPPER]).T
    body = np.isin(np.arange(len(reference)), base.groups["body"])
    mouth = body & (np.abs(x) < 0.26) & (np.abs(y) < 0.15) & (z > -0.2)
    edge = mouth & (np.abs(x) < 0.215) & (np.abs(y) < 0.04) & (z > -0.11)
    falls = jaw_open[:, 1] < -_LOWER_LIP_FALL_DM
    upper, lower = np.flatnonzero(edge & ~falls), np.flatnonzero(edge & falls)
    apart = reference[upper, None] - reference[lower]
    contact = (np.linalg.norm(apart, axis=2) < _CONTACT_DM) & (np.abs(apart[..., 0]) < 0.008)
    # Of several neighbours across the opening the one that overlaps most is where the lips meet.
    overlap = np.where(contact, -apart[..., 1], -np.inf)
    meets = contact & (overlap == overlap.max(axis=0)) & (overlap == overlap.max(axis=1, keepdims=True))
    pairs = np.argwhere(meets)
    side = np.where(mouth, np.where(falls, -1.0, 1.0), 0.0)
    return Slit(upper[pairs[:, 0]], lower[pairs[:, 1]], side, jaw_open)


def sealed(person: FloatArray, slit: Slit) -> FloatArray:
    """The same face with closed lips.

    The jaw is turned until the middle of the lips rests at :data:`REST_GAP_DM`; what still gapes to
    the left and right of it is drawn together, half from each lip.
    """
    closed = person
    for _ in range(4):
        closed = _drawn_together(_jaw_turned(closed, slit), slit)
    return _jaw_turned(closed, slit)


def _jaw_turned(person: FloatArray, slit: Slit) -> FloatArray:
    def gap(points: FloatArray) -> float:
        return float(points[LIP_UPPER, 1] - points[LIP_LOWER, 1])

    turned: FloatArray = person + (REST_GAP_DM - gap(person)) / gap(slit.jaw_open) * slit.jaw_open
    return turned


def _drawn_together(person: FloatArray, slit: Slit) -> FloatArray:
    place = person[slit.upper]
    missing = np.maximum(place[:, 1] - person[slit.lower, 1] + _OVERLAP_DM, 0)
    across = (person[:, :1] - place[:, 0]) ** 2
    share = np.exp(-across / (2 * 0.012**2))
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    x, y, _ = (person - person[LIP_UPPER]).T
    off_middle = np.clip((np.abs(x) - 0.012) / 0.03, 0, 1)
    reach = slit.side * off_middle * np.exp(-(y**2) / (2 * 0.04**2))
    moved: FloatArray = person.copy()
    moved[:, 1] -= 0.5 * reach * (share @ missing)
    return moved
