"""Smooths the head by one step of Catmull-Clark subdivision (Catmull and Clark 1978).

Stills and videos look closely at lips whose quads are 3 mm wide. The step is linear in the vertices, so
the offsets of the curves go through it like the face at rest, and a subdivided head moves like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from pmmlink.preview.head import Head, load_head, triangulated
from pmmlink.types import FloatArray

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Topology:
    """Who borders on whom.

    Attributes:
        quads: ``[F, 4]``.
        edges: ``[E, 2]`` vertex ids, smaller first.
        quad_edges: ``[F, 4]`` edge from corner k to corner k + 1.
        rim: ``[E]`` whether only one quad borders on the edge.
    """

    quads: IntArray
    edges: IntArray
    quad_edges: IntArray
    rim: npt.NDArray[np.bool_]


def _topology(quads: IntArray) -> _Topology:
    sides = np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    edges, flat, count = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True, return_counts=True)
    return _Topology(quads, edges, flat.reshape(quads.shape), count < 2)


def _summed(values: FloatArray, targets: IntArray, count: int) -> FloatArray:
    """``[count, K]``: adds row k of ``values`` to row ``targets[k]``."""
    order = np.argsort(targets, kind="stable")
    rows = targets[order]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    total = np.zeros((count, values.shape[1]), values.dtype)
    total[rows[starts]] = np.add.reduceat(values[order], starts, axis=0)
    return total


def _smooth_points(points: FloatArray, shape: _Topology) -> FloatArray:
    """``[V + E + F, K]`` from ``[V, K]``: moved vertices, edge points, face points."""
    count, edges = len(points), shape.edges
    face = points[shape.quads].mean(axis=1)
    middle = points[edges].mean(axis=1)
    around = _summed(np.repeat(face, 4, axis=0), shape.quad_edges.ravel(), len(edges))
    edge = np.where(shape.rim[:, None], middle, (2 * middle + around) / 4)

    ends = edges.ravel()
    valence = np.bincount(ends, minlength=count)[:, None].astype(points.dtype)
    mean_face = _summed(np.repeat(face, 4, axis=0), shape.quads.ravel(), count)
    mean_face /= np.maximum(np.bincount(shape.quads.ravel(), minlength=count), 1)[:, None]
    mean_edge = _summed(np.repeat(middle, 2, axis=0), ends, count) / np.maximum(valence, 1)
    inner = (mean_face + 2 * mean_edge + (valence - 3) * points) / np.maximum(valence, 1)
    rim_ends = edges[shape.rim].ravel()
    rim_edge = _summed(np.repeat(middle[shape.rim], 2, axis=0), rim_ends, count)
    rim_count = np.bincount(rim_ends, minlength=count)[:, None]
    outer = points / 2 + rim_edge / np.maximum(2 * rim_count, 1)
    moved = np.where(rim_count > 0, np.where(rim_count == 2, outer, points), inner)
    smooth: FloatArray = np.concatenate([moved, edge, face]).astype(np.float32)
    return smooth


def subdivided(head: Head) -> Head:
    """The same head with four times as many faces; the first V vertices are the old ones, smoothed."""
    quads = head.quads.astype(np.int64)
    shape = _topology(quads)
    stacked = np.concatenate([head.vertices[None], head.deltas]).transpose(1, 0, 2)
    smooth = _smooth_points(stacked.reshape(len(stacked), -1), shape)
    smooth = smooth.reshape(len(smooth), -1, 3).transpose(1, 0, 2)
    vertices = np.ascontiguousarray(smooth[0])

    first_edge = len(head.vertices)
    first_face = first_edge + len(shape.edges)
    edge_ids = first_edge + shape.quad_edges
    face_ids = np.broadcast_to(first_face + np.arange(len(quads))[:, None], quads.shape)
    fine = np.stack([quads, edge_ids, face_ids, np.roll(edge_ids, 1, axis=1)], axis=-1).reshape(-1, 4)

    # Colours are averaged, not smoothed, so that the edges of lips and irises stay as painted.
    colours = head.colours.astype(np.float32)
    colours = np.concatenate([colours, colours[shape.edges].mean(axis=1), colours[quads].mean(axis=1)])
    part = np.concatenate([head.part, head.part[shape.edges].min(axis=1), head.part[quads].min(axis=1)])
    return replace(
        head,
        vertices=vertices,
        quads=fine.astype(np.int32),
        triangles=triangulated(fine, vertices),
        part=part,
        colours=np.rint(colours).astype(np.uint8),
        deltas=np.ascontiguousarray(smooth[1:]),
    )


@cache
def load_smooth_head() -> Head:
    """The shipped head, subdivided once; made once and shared."""
    return subdivided(load_head())
