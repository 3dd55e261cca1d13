"""Ambient occlusion of a mesh: how much of the sky each vertex sees (Zhukov et al. 1998).

Baked into the head's colours once, so that eye sockets, nostrils, ears and the corners of the mouth are
darker, wherever the head is shown.
"""

from __future__ import annotations

import numpy as np

from pmmlink.preview.zbuffer import IntArray, visible
from pmmlink.types import FloatArray


def _sky(count: int) -> FloatArray:
    """``[count, 3]`` directions spread evenly over the sphere (golden spiral)."""
    k = np.arange(count) + 0.5
    height = 1 - 2 * k / count
    turn = np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - height**2)
    directions: FloatArray = np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], -1).astype(
        np.float32
    )
    return directions


def vertex_normals(vertices: FloatArray, triangles: IntArray) -> FloatArray:
    """``[V, 3]`` unit normals, area-weighted."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, triangles[:, k], face)
    unit: FloatArray = total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-20)
    return unit


def sky_visibility(
    vertices: FloatArray, triangles: IntArray, directions: int = 200, pixels: int = 384, bias: float = 0.0015
) -> FloatArray:
    """Share of the sky that each vertex sees, weighted by the cosine to its normal.

    Args:
        vertices: ``[V, 3]`` in metres.
        triangles: ``[T, 3]``.
        directions: how many directions are tried.
        pixels: side of the depth picture made for each direction.
        bias: a surface this close (metres) in front does not hide a vertex.

    Returns:
        ``[V]`` in [0, 1].
    """
    normals = vertex_normals(vertices, triangles)
    centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    scale = pixels / (2.05 * np.linalg.norm(vertices - centre, axis=1).max())
    seen, possible = np.zeros(len(vertices)), np.zeros(len(vertices))
    for towards in _sky(directions):
        right = np.cross((0, 1, 0) if abs(towards[1]) < 0.9 else (1, 0, 0), towards)
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(towards, right), towards]).astype(np.float32)
        x, up, near = axes @ (vertices - centre).T
        x, y = pixels / 2 + scale * x, pixels / 2 - scale * up
        drawn = visible(x[None], y[None], -near[None], triangles, pixels, pixels)
        front = np.full(pixels * pixels, np.inf, np.float32)
        front[drawn.pixel] = drawn.depth
        pixel = y.astype(np.int64) * pixels + x.astype(np.int64)
        cosine = np.maximum(normals @ towards, 0)
        possible += cosine
        seen += cosine * (-near <= front[pixel] + bias)
    return np.clip(seen / np.maximum(possible, 1e-9), 0, 1)
