"""Which triangle each pixel shows: a z-buffer in plain numpy, for many frames at once.

There is no loop over triangles or pixels. Every triangle is cut into the pixel rows it covers, every
row into its span of pixels, both by ``np.repeat``; the depth test is one scatter-minimum over all of
them. The work grows with the pixels covered, not with the picture.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pmmlink.types import FloatArray

IntArray = npt.NDArray[np.int32]

# Neighbours compute their common edge with different rounding; overlapping by this many pixels
# leaves no cracks.
EDGE_SLACK_PX = np.float32(1e-3)


class Fragments(NamedTuple):
    """The visible surface: one entry per covered pixel (two where depths tie).

    Attributes:
        pixel: ``[P]`` index into the flattened ``[N, height, width]`` pictures.
        triangle: ``[P]`` index into the triangles.
        frame: ``[P]`` picture number.
        weights: ``[3, P]`` barycentric coordinates.
        depth: ``[P]`` in the unit of the input.
    """

    pixel: npt.NDArray[np.int64]
    triangle: npt.NDArray[np.int64]
    frame: npt.NDArray[np.int64]
    weights: FloatArray
    depth: FloatArray


def _repeat_with_offset(count: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For counts ``[2, 3]``: owners ``[0, 0, 1, 1, 1]`` and offsets ``[0, 1, 0, 1, 2]``."""
    owner = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    return owner, np.arange(len(owner)) - first[owner]


def visible(
    x: FloatArray, y: FloatArray, depth: FloatArray, triangles: IntArray, width: int, height: int
) -> Fragments:
    """Draws triangles that face the camera and keeps the nearest at each pixel.

    Args:
        x: ``[N, V]`` pixels to the right, one row per frame.
        y: ``[N, V]`` pixels down.
        depth: ``[N, V]``, smaller is nearer; triangles behind the camera are not expected.
        triangles: ``[T, 3]`` vertex ids, counter-clockwise seen from outside.
        width: picture width in pixels.
        height: picture height in pixels.
    """
    (x0, x1, x2), (y0, y1, y2) = ([v[:, triangles[:, k]] for k in range(3)] for v in (x, y))
    facing = (x1 - x0) * (y2 - y0) < (x2 - x0) * (y1 - y0)
    frame, triangle = np.nonzero(facing)
    x0, x1, x2, y0, y1, y2 = (v[facing] for v in (x0, x1, x2, y0, y1, y2))
    top = np.maximum(np.ceil(np.minimum(np.minimum(y0, y1), y2) - 0.5), 0)
    bottom = np.minimum(np.floor(np.maximum(np.maximum(y0, y1), y2) - 0.5), height - 1)
    rows = np.maximum(bottom - top + 1, 0).astype(np.int64)
    first_row = top.astype(np.int64)

    # Barycentric weights of corners 1 and 2 are linear in the pixel: w = across * x + down * y + ...
    ax, ay, bx, by = x1 - x0, y1 - y0, x2 - x0, y2 - y0
    scale = 1 / (ax * by - bx * ay)
    across1, down1 = by * scale, -bx * scale
    across2, down2 = -ay * scale, ax * scale
    across0, down0 = -across1 - across2, -down1 - down2

    owner, offset = _repeat_with_offset(rows)
    row = first_row[owner] + offset
    dy = (row + 0.5).astype(np.float32) - y0[owner]
    x0_row = x0[owner]
    entry = np.full(len(owner), -np.inf, np.float32)
    leave = np.full(len(owner), np.inf, np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        for across, down, constant in ((across0, down0, 1), (across1, down1, 0), (across2, down2, 0)):
            slope = across[owner]
            crossing = x0_row - (down[owner] * dy + constant) / slope
            np.fmax(entry, np.where(slope > 0, crossing, -np.inf), out=entry)
            np.fmin(leave, np.where(slope < 0, crossing, np.inf), out=leave)
    start = np.maximum(np.ceil(entry - 0.5 - EDGE_SLACK_PX), 0).astype(np.int64)
    stop = np.minimum(np.floor(leave - 0.5 + EDGE_SLACK_PX), width - 1).astype(np.int64)

    span, offset = _repeat_with_offset(np.maximum(stop - start + 1, 0))
    owner_px = owner[span]
    column = start[span] + offset
    dx = (column + 0.5).astype(np.float32) - x0_row[span]
    dy_px = dy[span]
    weight1 = across1[owner_px] * dx + down1[owner_px] * dy_px
    weight2 = across2[owner_px] * dx + down2[owner_px] * dy_px
    corner_z = depth[frame[:, None], triangles[triangle]]
    z0, z1, z2 = corner_z[owner_px].T
    z = (z0 + weight1 * (z1 - z0) + weight2 * (z2 - z0)).astype(np.float32, copy=False)
    pixel = (frame[owner_px] * height + row[span]) * width + column

    nearest = np.full(len(x) * height * width, np.inf, np.float32)
    np.minimum.at(nearest, pixel, z)
    won = z <= nearest[pixel]
    weight1, weight2 = weight1[won], weight2[won]
    winner = owner_px[won]
    return Fragments(
        pixel=pixel[won],
        triangle=triangle[winner],
        frame=frame[winner],
        weights=np.stack([1 - weight1 - weight2, weight1, weight2]),
        depth=z[won],
    )
