"""Draws the head off-screen with numpy alone: no display, no GPU, no graphics library.

Light is worked out at the vertices and blended across triangles (Gouraud 1971): on the smooth head they
lie a millimetre or two apart, so the picture is the same as with light worked out at every pixel, at a
third of the time.

>>> from pmmlink.preview.head import load_head
>>> from pmmlink.preview.camera import face_camera
>>> head = load_head()
>>> render(head.vertices, head, face_camera(), (64, 64)).shape
(64, 64, 3)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pmmlink.preview import shading
from pmmlink.preview.camera import Camera, face_crop_camera
from pmmlink.preview.head import Head
from pmmlink.preview.turn import Turn
from pmmlink.preview.zbuffer import visible
from pmmlink.types import FloatArray

ByteImage = npt.NDArray[np.uint8]

BACKGROUND = (0.155, 0.165, 0.185)
"""sRGB colour behind the head, in [0, 1]."""

# Frames are drawn in batches of about this many triangles: large enough to hide numpy's overhead
# per call, small enough to stay in the processor's cache.
BATCH_TRIANGLES = 60_000

# A vertex that moves less than this in a whole take is not redrawn.
_STILL_PX = 0.2


class _Window(NamedTuple):
    """A part of the picture in pixels: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int


class Renderer:
    """Draws one head from one camera at one size.

    Everything that does not move is worked out once, so drawing many frames costs only what moves.

    Args:
        head: the head to draw; ``dataclasses.replace`` gives it another face or skin.
        camera: where from.
        size: (width, height) in pixels.
        supersample: samples per pixel and axis; 2 gives smooth edges.
        background: sRGB colour behind the head, in [0, 1].
        turns: whether the head will turn, so that what lies beside the picture may come into it.
    """

    def __init__(
        self,
        head: Head,
        camera: Camera,
        size: tuple[int, int],
        supersample: int = 2,
        background: tuple[float, float, float] = BACKGROUND,
        turns: bool = False,
    ) -> None:
        self.size = size
        self._camera = camera
        self._supersample = supersample
        self._background = shading.linear_from_srgb(background)
        triangles = head.triangles if turns else head.triangles[self._reachable(head)]
        self._used, flat = np.unique(triangles, return_inverse=True)
        self._triangles = flat.reshape(triangles.shape).astype(np.int32)
        self._rest = head.vertices[self._used]
        self._turn = Turn(head, self._used)
        moving = np.abs(head.deltas[:, self._used]).max(axis=(0, 2)) > 0
        self._moving = np.flatnonzero(moving)
        self._deltas = np.ascontiguousarray(head.deltas[:, self._used[moving]]).reshape(len(head.deltas), -1)
        materials = [shading.MATERIALS[name] for name in head.part_names]
        table = np.array([[m.specular, m.exponent, m.wrap] for m in materials], np.float32)
        self._material = table[head.part[self._used]]
        self._albedo = shading.linear_from_srgb(head.colours[self._used] / 255)
        # Corners sorted by vertex, so that one reduceat adds up the normals around each vertex.
        corners = self._triangles.ravel()
        order = np.argsort(corners, kind="stable")
        self._corner_triangle = order // 3
        self._corner_start = np.searchsorted(corners[order], np.arange(len(self._used)))

    def _reachable(self, head: Head) -> npt.NDArray[np.bool_]:
        """Triangles that can come into the picture, with a margin for the widest movements."""
        width, height = self.size
        shown = np.zeros(len(head.triangles), bool)
        for pose in (head.vertices, *(head.vertices + delta for delta in head.deltas)):
            x, y, _ = self._camera.project(pose, width, height)
            inside = (x > -2) & (x < width + 2) & (y > -2) & (y < height + 2)
            shown |= inside[head.triangles].any(axis=1)
        return shown

    def draw_curves(self, values: npt.ArrayLike) -> ByteImage:
        """Draws frames from curve values.

        Args:
            values: ``[N, 52]`` in ARKit order, or ``[N, 61]`` with the angles of head and eyes.

        Returns:
            ``[N, height, width, 3]`` sRGB.
        """
        return self._draw(self._posed(np.asarray(values, np.float32)))

    def draw(self, vertices: FloatArray) -> ByteImage:
        """Draws frames from moved meshes.

        Args:
            vertices: ``[N, V, 3]`` as :meth:`Head.vertices_for` returns.

        Returns:
            ``[N, height, width, 3]`` sRGB.
        """
        return self._draw(vertices[:, self._used])

    def animate(self, values: FloatArray) -> Iterator[ByteImage]:
        """Draws a take frame by frame, and of each frame only the part in which the take moves anything.

        Args:
            values: ``[N, 52]`` in ARKit order, or ``[N, 61]`` with the angles of head and eyes.

        Yields:
            ``[height, width, 3]`` sRGB, N times; the same array may be yielded again.
        """
        window = self._moving_window(values)
        picture: ByteImage | None = None
        for k, frame in enumerate(values):
            if picture is None:
                picture = self.draw_curves(frame[None])[0]
            elif window.width * window.height and np.abs(frame - values[k - 1]).max() > 1e-5:
                left, top, width, height = window
                picture = picture.copy()
                patch = self._draw_batch(self._posed(frame[None]), window)[0]
                picture[top : top + height, left : left + width] = patch
            yield picture

    def _posed(self, weights: FloatArray) -> FloatArray:
        """``[N, used, 3]`` for curve values ``[N, 52 or 61]``."""
        vertices = np.repeat(self._rest[None], len(weights), axis=0)
        moved = weights[:, : len(self._deltas)] @ self._deltas
        vertices[:, self._moving] += moved.reshape(len(weights), -1, 3)
        for face, values in zip(vertices, weights, strict=True):
            self._turn.apply(face, values)
        return vertices

    def _moving_window(self, values: FloatArray) -> _Window:
        """The rectangle that holds every triangle which moves or changes its shading in a take."""
        curves = len(self._deltas)
        span = np.ptp(values, axis=0) if len(values) else np.zeros(curves, np.float32)
        if span[curves:].any():
            return _Window(0, 0, *self.size)
        span = span[:curves]
        reach = np.linalg.norm((span @ np.abs(self._deltas)).reshape(-1, 3), axis=1)
        stirred = np.zeros(len(self._used), bool)
        stirred[self._moving] = reach > _STILL_PX * self._camera.extent_m / min(self.size)
        # Light at a vertex depends on the triangles around it: their corners change too.
        for _ in range(2):
            stirred[self._triangles[stirred[self._triangles].any(axis=1)]] = True
        if not stirred.any():
            return _Window(0, 0, 0, 0)
        low = np.array(self.size, np.float32)
        high = np.zeros(2, np.float32)
        for start in range(0, len(values), 16):
            moved = self._posed(values[start : start + 16])[:, stirred]
            x, y, _ = self._camera.project(moved, *self.size)
            low = np.minimum(low, (x.min(), y.min()))
            high = np.maximum(high, (x.max(), y.max()))
        left, top = np.maximum(np.floor(low), 0).astype(int)
        right, bottom = np.minimum(np.ceil(high) + 1, self.size).astype(int)
        return _Window(int(left), int(top), max(0, int(right - left)), max(0, int(bottom - top)))

    def _draw(self, vertices: FloatArray) -> ByteImage:
        batch = max(1, BATCH_TRIANGLES // max(1, len(self._triangles)))
        width, height = self.size
        out = np.empty((len(vertices), height, width, 3), np.uint8)
        for start in range(0, len(vertices), batch):
            frames = vertices[start : start + batch]
            out[start : start + batch] = self._draw_batch(frames, _Window(0, 0, width, height))
        return out

    def _normals(self, vertices: FloatArray) -> FloatArray:
        """``[N, V, 3]`` normals, not normalised: area-weighted sums over the triangles around a vertex."""
        a, b, c = (vertices[:, self._triangles[:, k]] for k in range(3))
        u, v = b - a, c - a
        face = np.empty_like(u)
        face[..., 0] = u[..., 1] * v[..., 2] - u[..., 2] * v[..., 1]
        face[..., 1] = u[..., 2] * v[..., 0] - u[..., 0] * v[..., 2]
        face[..., 2] = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
        total: FloatArray = np.add.reduceat(face[:, self._corner_triangle], self._corner_start, axis=1)
        return total

    def _light(self, vertices: FloatArray) -> FloatArray:
        """``[N * V, 3]`` linear light that each vertex sends to the camera."""
        normals = self._normals(vertices) @ self._camera.axes.T
        normals /= np.maximum(np.sqrt(np.einsum("nvk,nvk->nv", normals, normals)), np.float32(1e-20))[
            ..., None
        ]
        return np.concatenate([shading.shade(n, self._albedo, self._material) for n in normals])

    def _draw_batch(self, vertices: FloatArray, window: _Window) -> ByteImage:
        """``[N, window.height, window.width, 3]`` sRGB."""
        count, over = len(vertices), self._supersample
        x, y, depth = self._camera.project(vertices, self.size[0] * over, self.size[1] * over)
        width, height = window.width * over, window.height * over
        x, y = x - window.left * over, y - window.top * over
        seen = visible(x, y, depth, self._triangles, width, height)

        at_vertex = self._light(vertices)
        corners = self._triangles[seen.triangle] + (seen.frame * len(self._used))[:, None]
        light = np.zeros((len(seen.pixel), 3), np.float32)
        for k in range(3):
            light += seen.weights[k][:, None] * at_vertex[corners[:, k]]
        picture = np.empty((count * height * width, 3), np.float32)
        picture[:] = self._background
        picture[seen.pixel] = light
        return shading.srgb_bytes(_box_filtered(picture.reshape(count, height, width, 3), over))


def _box_filtered(picture: FloatArray, over: int) -> FloatArray:
    """Averages squares of ``over`` x ``over`` samples of ``[N, height, width, 3]``."""
    if over == 1:
        return picture
    # Strided sums are several times faster here than a reshape and a mean over two short axes.
    rows = np.add.reduce([picture[:, k::over] for k in range(over)])
    mean: FloatArray = np.add.reduce([rows[:, :, k::over] for k in range(over)]) / np.float32(over * over)
    return mean


def render(
    vertices: FloatArray, head: Head, camera: Camera, size: tuple[int, int], supersample: int = 2
) -> ByteImage:
    """Draws one frame; :class:`Renderer` is for many.

    Args:
        vertices: ``[V, 3]`` as :meth:`Head.vertices_for` returns.
        head: what the vertices belong to.
        camera: where from.
        size: (width, height) in pixels.
        supersample: samples per pixel and axis.

    Returns:
        ``[height, width, 3]`` sRGB.
    """
    frame: ByteImage = Renderer(head, camera, size, supersample).draw(vertices[None])[0]
    return frame


def reference_face(head: Head, size: int = 96) -> ByteImage:
    """The resting face in the talking-head network's crop, ``[size, size, 3]`` sRGB.

    ``pmmlink/assets/reference_face.png`` is this picture of the shipped head at 96 pixels.
    """
    return render(head.vertices, head, face_crop_camera(), (size, size))
