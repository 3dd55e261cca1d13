"""Eyeballs, teeth and brows, finer than MakeHuman's coarse stand-ins (it has no brows).

Decimetres in MakeHuman's axes (+x the person's left, +y up, +z forward). All are swept surfaces:
rings of equal length, joined by quads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pmmlink.train.makehuman import FloatArray, IntArray

HAIR = (0.26, 0.18, 0.14)
"""sRGB colour of hair."""

EYE_RADIUS_TO_IRIS = 0.50
"""Angle from the gaze axis, in radians, at which the iris ends."""


@dataclass(frozen=True, slots=True)
class Part:
    """A swept surface with its colours and movements.

    Attributes:
        vertices: ``[V, 3]`` in decimetres.
        quads: ``[F, 4]``, counter-clockwise seen from outside.
        colours: ``[V, 3]`` sRGB in [0, 1].
        deltas: ``[52, V, 3]`` in decimetres.
    """

    vertices: FloatArray
    quads: IntArray
    colours: FloatArray
    deltas: FloatArray


def _swept_quads(rings: int, length: int, closed: bool) -> IntArray:
    """Quads between ``rings`` rows of ``length`` vertices."""
    ids = np.arange(rings * length).reshape(rings, length)
    if closed:
        ids = np.concatenate([ids, ids[:, :1]], axis=1)
    quads: IntArray = np.stack([ids[:-1, :-1], ids[1:, :-1], ids[1:, 1:], ids[:-1, 1:]], axis=-1)
    return quads.reshape(-1, 4)


def blend(colour: FloatArray, paint: tuple[float, float, float], amount: FloatArray) -> FloatArray:
    """Paints ``amount`` (``[V]`` in [0, 1]) of a colour over ``[V, 3]``."""
    mixed: FloatArray = colour + (np.array(paint) - colour) * np.clip(amount, 0, 1)[:, None]
    return mixed


# Rings from the front pole: dense where pupil, iris and limbus need an edge (radians).
_EYE_RINGS = np.array(
    [0.0, 0.10, 0.17, 0.20, 0.28, 0.36, 0.43, 0.47, 0.51, 0.62, 0.80, 1.0, 1.25, 1.5, 1.9, 2.4, np.pi]
)
_EYE_SEGMENTS = 24
_CORNEA_ANGLE = 0.55
_CORNEA_BULGE = 0.05


def _rigid_motion(before: FloatArray, after: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rotation R and shift t that best take ``before`` to ``after`` (Kabsch)."""
    a, b = before.mean(axis=0), after.mean(axis=0)
    u, _, vt = np.linalg.svd((before - a).T @ (after - b))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ flip @ u.T
    return rotation, b - rotation @ a


def make_eyeball(coarse: FloatArray, coarse_deltas: FloatArray) -> Part:
    """An eyeball that looks along +z and turns rigidly where the coarse one turned.

    Args:
        coarse: ``[C, 3]`` MakeHuman's eyeball.
        coarse_deltas: ``[52, C, 3]`` its movements.
    """
    centre_xy = (coarse[:, :2].min(axis=0) + coarse[:, :2].max(axis=0)) / 2
    radius = float(np.ptp(coarse[:, :2], axis=0).mean()) / 2
    centre = np.array([*centre_xy, coarse[:, 2].min() + radius])
    turn = 2 * np.pi * np.arange(_EYE_SEGMENTS) / _EYE_SEGMENTS
    angle = np.repeat(_EYE_RINGS[:, None], _EYE_SEGMENTS, axis=1)
    bulge = 1 + _CORNEA_BULGE * np.clip(1 - (angle / _CORNEA_ANGLE) ** 2, 0, None)
    ball = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], axis=-1)
    vertices = centre + (ball * (bulge * radius)[..., None]).reshape(-1, 3)
    deltas = np.zeros((len(coarse_deltas), *vertices.shape))
    for k, delta in enumerate(coarse_deltas):
        if np.any(delta):
            rotation, shift = _rigid_motion(coarse, coarse + delta)
            deltas[k] = vertices @ rotation.T + shift - vertices
    colours = _eye_colours(angle.ravel())
    return Part(vertices, _swept_quads(len(_EYE_RINGS), _EYE_SEGMENTS, closed=True), colours, deltas)


def _eye_colours(angle: FloatArray) -> FloatArray:
    """Pupil, iris, limbus and white, by angle from the gaze axis."""
    colour = np.tile(np.array([0.90, 0.88, 0.86]), (len(angle), 1))
    colour = blend(colour, (0.78, 0.58, 0.54), (angle - 0.75) / 0.6)
    colour[angle < EYE_RADIUS_TO_IRIS] = (0.17, 0.19, 0.20)
    colour[angle < 0.45] = (0.34, 0.42, 0.45)
    colour[angle < 0.30] = (0.46, 0.47, 0.40)
    colour[angle < 0.19] = (0.02, 0.02, 0.02)
    return colour


# Widths in millimetres from the midline backwards: incisors, canine, premolars, molars.
_UPPER_WIDTHS = (8.5, 6.5, 7.6, 7.1, 6.8, 10.2, 9.6)
_LOWER_WIDTHS = (5.4, 5.9, 6.8, 7.0, 7.2, 11.0, 10.5)
_ACROSS_TOOTH = (-1.0, -0.5, 0.5)
_CROWN_MM = 9.0


def _dental_arch(coarse: FloatArray, sign: int) -> tuple[FloatArray, FloatArray]:
    """A half ellipse through the coarse teeth: 400 points of the biting edge and their outward normals."""
    half_width = np.abs(coarse[:, 0]).max()
    back = coarse[:, 2].min()
    front_tip = coarse[np.argmin(sign * coarse[:, 1] - coarse[:, 2])]
    rear = coarse[coarse[:, 2] < back + 0.03]
    rear_tip = rear[np.argmin(sign * rear[:, 1])]
    turn = np.linspace(-np.pi / 2, np.pi / 2, 400)
    x, depth = half_width * np.sin(turn), np.cos(turn)
    z = back + (front_tip[2] - back) * depth
    y = rear_tip[1] + (front_tip[1] - rear_tip[1]) * depth
    normal = np.stack(
        [np.sin(turn) / half_width, np.zeros_like(turn), np.cos(turn) / (front_tip[2] - back)], -1
    )
    return np.stack([x, y, z], -1), normal / np.linalg.norm(normal, axis=1, keepdims=True)


def make_teeth(coarse: FloatArray, coarse_deltas: FloatArray, upper: bool) -> Part:
    """A row of fourteen teeth with gums, along the arch of MakeHuman's plain strip.

    Args:
        coarse: ``[C, 3]`` MakeHuman's strip of teeth.
        coarse_deltas: ``[52, C, 3]`` its movements; the best affine fit moves the fine teeth.
        upper: the upper jaw.
    """
    sign = 1 if upper else -1
    path, normals = _dental_arch(coarse, sign)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    widths = np.array(_UPPER_WIDTHS if upper else _LOWER_WIDTHS)
    widths = np.concatenate([widths[::-1], widths]) * length[-1] / (2 * widths.sum())
    starts = np.concatenate([[0], np.cumsum(widths)])
    across = np.append(np.tile(_ACROSS_TOOTH, len(widths)), 1.0)
    owner = np.append(np.repeat(np.arange(len(widths)), len(_ACROSS_TOOTH)), len(widths) - 1)
    station = starts[owner] + widths[owner] * (across + 1) / 2
    edge = np.stack([np.interp(station, length, path[:, k]) for k in range(3)], -1)
    outward = np.stack([np.interp(station, length, normals[:, k]) for k in range(3)], -1)

    side = across**2
    crown = _CROWN_MM * np.interp(np.abs(station / length[-1] - 0.5), [0, 0.5], [1.0, 0.75])
    gum_line = crown - 1.4 * side
    relief = -0.7 * side
    # Cross-section from the inside over the biting edge to the gums: (outward, away from the edge) in mm.
    section = [
        (np.full_like(side, -6.0), crown),
        (np.full_like(side, -2.2), 0.4 + 0 * side),
        (-0.8 + 0.5 * relief, 0.5 * side),
        (relief, 2.0 + 0 * side),
        (0.5 + relief, 0.6 * crown),
        (0.1 + relief, gum_line),
        (0.9 + 0.4 * relief, gum_line + 1.0),
        (0.6 + 0 * side, crown + 7.0),
    ]
    up = np.array([0.0, sign, 0.0])
    rings = [edge + 0.01 * (out[:, None] * outward + away[:, None] * up) for out, away in section]
    vertices = np.concatenate(rings)
    quads = _swept_quads(len(rings), len(station), closed=False)
    if upper:
        quads = quads[:, ::-1]

    enamel = blend(
        np.tile(np.array([0.90, 0.87, 0.80]), (len(station), 1)), (0.52, 0.42, 0.36), 0.8 * side**2
    )
    root = blend(enamel, (0.80, 0.66, 0.52), np.full(len(station), 0.5))
    gums = np.tile(np.array([0.74, 0.42, 0.41]), (len(station), 1))
    colours = np.concatenate([gums, enamel, enamel, enamel, enamel, root, gums, gums])

    design = np.concatenate([coarse, np.ones((len(coarse), 1))], axis=1)
    fine = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
    deltas = np.zeros((len(coarse_deltas), *vertices.shape))
    for k, delta in enumerate(coarse_deltas):
        if np.abs(delta).max() > 0.01:
            deltas[k] = fine @ np.linalg.lstsq(design, delta, rcond=None)[0]
    return Part(vertices, quads, colours, deltas)


# The brow's midline for the left side: x, y in decimetres from the eyes, and half its width.
_BROW = np.array(
    [
        (0.105, 0.130, 0.030),
        (0.18, 0.163, 0.034),
        (0.27, 0.190, 0.032),
        (0.36, 0.205, 0.028),
        (0.44, 0.198, 0.022),
        (0.51, 0.165, 0.014),
        (0.56, 0.125, 0.004),
    ]
)
_BROW_STATIONS = 25
_BROW_ROWS = np.array([-1.3, -0.8, -0.2, 0.4, 1.0])
_BROW_COVER = np.array([0.0, 0.75, 0.9, 0.8, 0.0])
_BROW_LIFT_DM = 0.004
_SKIN = np.array([0.87, 0.68, 0.58])


def _smooth_path(points: FloatArray, count: int) -> FloatArray:
    """``[count, K]`` a polynomial through-line of ``[P, K]`` points."""
    at = np.linspace(0, 1, len(points))
    fit = np.polyfit(at, points, 4)
    path: FloatArray = np.stack(
        [np.polyval(fit[:, k], np.linspace(0, 1, count)) for k in range(points.shape[1])], -1
    )
    return path


def make_brow(face: FloatArray, quads: IntArray, units: FloatArray, origin: FloatArray, side: int) -> Part:
    """An eyebrow laid on the skin, fading into it at its edges; it moves with the skin below.

    Args:
        face: ``[V, 3]`` the person.
        quads: ``[F, 4]`` the skin.
        units: ``[52, V, 3]`` the ARKit offsets.
        origin: ``[3]`` the point between the eyes.
        side: 1 for the left brow, -1 for the right.
    """
    path = _smooth_path(_BROW, _BROW_STATIONS)
    slope = np.gradient(path[:, :2], axis=0)
    across = np.stack([-slope[:, 1], slope[:, 0]], -1) / np.linalg.norm(slope, axis=1, keepdims=True)
    half = np.maximum(path[:, 2:], 0.003)
    rows = [path[:, :2] + row * half * across for row in _BROW_ROWS]
    flat = np.concatenate(rows) * (side, 1) + origin[:2]

    near = (np.abs(face[quads] - origin) < (0.8, 0.4, 0.8)).all(axis=(1, 2)) & (
        face[quads, 2] > origin[2]
    ).any(axis=1)
    skin = quads[near]
    triangles = np.concatenate([skin[:, [0, 1, 2]], skin[:, [0, 2, 3]]])
    a, b, c = (face[triangles[:, k]] for k in range(3))
    u, v = (b - a)[:, :2], (c - a)[:, :2]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    to = flat[:, None] - a[:, :2]
    wb = (to[..., 0] * v[:, 1] - to[..., 1] * v[:, 0]) / area
    wc = (u[:, 0] * to[..., 1] - u[:, 1] * to[..., 0]) / area
    weights = np.stack([1 - wb - wc, wb, wc], -1)
    depth = (weights * face[triangles][:, :, 2]).sum(axis=-1)
    hit = np.where((weights.min(axis=-1) > -1e-3) & (area > 0), depth, -np.inf).argmax(axis=1)
    weight = weights[np.arange(len(flat)), hit]
    corners = triangles[hit]
    vertices = np.einsum("pk,pkx->px", weight, face[corners]) + np.array([0, 0, _BROW_LIFT_DM])
    deltas = np.einsum("pk,cpkx->cpx", weight, units[:, corners])

    quads_of_brow = _swept_quads(len(_BROW_ROWS), _BROW_STATIONS, closed=False)
    if side > 0:
        quads_of_brow = quads_of_brow[:, ::-1]
    ends = np.clip(np.minimum(np.arange(_BROW_STATIONS), 8) / 3, 0.25, 1)
    cover = (_BROW_COVER[:, None] * ends).ravel()
    colours = blend(np.tile(_SKIN, (len(flat), 1)), HAIR, cover)
    return Part(vertices, quads_of_brow, colours, deltas)
