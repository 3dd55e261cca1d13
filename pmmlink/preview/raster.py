"""Draws the head off-screen with numpy alone: no display, no GPU, no graphics library.

>>> from pmmlink.preview.head import load_head
>>> from pmmlink.preview.camera import face_camera
>>> head = load_head()
>>> render(head.vertices, head, face_camera(), (64, 64)).shape
(64, 64, 3)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pmmlink.preview import shading
from pmmlink.preview.camera import Camera, face_crop_camera
from pmmlink.preview.head import Head
from pmmlink.preview.zbuffer import visible
from pmmlink.types import FloatArray

ByteImage = npt.NDArray[np.uint8]

BACKGROUND = (0.155, 0.165, 0.185)
"""sRGB colour behind the head, in [0, 1]."""

# Frames are drawn in batches of about this many triangles: large enough to hide numpy's overhead
# per call, small enough to stay in the processor's cache.
BATCH_TRIANGLES = 60_000


class Renderer:
    """Draws one head from one camera at one size.

    Everything that does not move is worked out once, so drawing many frames costs only what moves.

    Args:
        head: the head to draw; ``dataclasses.replace`` gives it another face or skin.
        camera: where from.
        size: (width, height) in pixels.
        supersample: samples per pixel and axis; 2 gives smooth edges.
        background: sRGB colour behind the head, in [0, 1].
    """

    def __init__(
        self,
        head: Head,
        camera: Camera,
        size: tuple[int, int],
        supersample: int = 2,
        background: tuple[float, float, float] = BACKGROUND,
    ) -> None:
        self.size = size
        self._camera = camera
        self._supersample = supersample
        self._background = shading.linear_from_srgb(background)
        triangles = head.triangles[self._reachable(head)]
        self._used, flat = np.unique(triangles, return_inverse=True)
        self._triangles = flat.reshape(triangles.shape).astype(np.int32)
        self._rest = head.vertices[self._used]
        moving = np.abs(head.deltas[:, self._used]).max(axis=(0, 2)) > 0
        self._moving = np.flatnonzero(moving)
        self._deltas = np.ascontiguousarray(head.deltas[:, self._used[moving]]).reshape(len(head.deltas), -1)
        materials = [shading.MATERIALS[name] for name in head.part_names]
        table = np.array([[m.specular, m.exponent, m.wrap] for m in materials], np.float32)
        self._material = table[head.part[triangles[:, 0]]]
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
        for pose in (head.vertices[None], head.vertices + head.deltas):
            x, y, _ = self._camera.project(pose, width, height)
            inside = (x > -2) & (x < width + 2) & (y > -2) & (y < height + 2)
            shown |= inside[:, head.triangles].any(axis=(0, 2))
        return shown

    def draw_curves(self, values: npt.ArrayLike) -> ByteImage:
        """Draws frames from curve values.

        Args:
            values: ``[N, 52]`` in ARKit order.

        Returns:
            ``[N, height, width, 3]`` sRGB.
        """
        weights = np.asarray(values, np.float32)
        vertices = np.repeat(self._rest[None], len(weights), axis=0)
        vertices[:, self._moving] += (weights @ self._deltas).reshape(len(weights), -1, 3)
        return self._draw(vertices)

    def draw(self, vertices: FloatArray) -> ByteImage:
        """Draws frames from moved meshes.

        Args:
            vertices: ``[N, V, 3]`` as :meth:`Head.vertices_for` returns.

        Returns:
            ``[N, height, width, 3]`` sRGB.
        """
        return self._draw(vertices[:, self._used])

    def _draw(self, vertices: FloatArray) -> ByteImage:
        batch = max(1, BATCH_TRIANGLES // len(self._triangles))
        width, height = self.size
        out = np.empty((len(vertices), height, width, 3), np.uint8)
        for start in range(0, len(vertices), batch):
            out[start : start + batch] = self._draw_batch(vertices[start : start + batch])
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

    def _draw_batch(self, vertices: FloatArray) -> ByteImage:
        count = len(vertices)
        over = self._supersample
        width, height = self.size[0] * over, self.size[1] * over
        x, y, depth = self._camera.project(vertices, width, height)
        seen = visible(x, y, depth, self._triangles, width, height)

        normals = _unit(self._normals(vertices) @ self._camera.axes.T).reshape(-1, 3)
        corners = self._triangles[seen.triangle]
        in_frame = seen.frame * len(self._used)
        normal = np.zeros((len(seen.pixel), 3), np.float32)
        albedo = np.zeros_like(normal)
        for k in range(3):
            weight = seen.weights[k][:, None]
            normal += weight * normals[in_frame + corners[:, k]]
            albedo += weight * self._albedo[corners[:, k]]
        picture = np.empty((count * height * width, 3), np.float32)
        picture[:] = self._background
        picture[seen.pixel] = shading.shade(_unit(normal), albedo, self._material[seen.triangle])
        return shading.srgb_bytes(_box_filtered(picture.reshape(count, height, width, 3), over))


def _box_filtered(picture: FloatArray, over: int) -> FloatArray:
    """Averages squares of ``over`` x ``over`` samples of ``[N, height, width, 3]``."""
    if over == 1:
        return picture
    # Strided sums are several times faster here than a reshape and a mean over two short axes.
    rows = np.add.reduce([picture[:, k::over] for k in range(over)])
    mean: FloatArray = np.add.reduce([rows[:, :, k::over] for k in range(over)]) / np.float32(over * over)
    return mean


def _unit(vectors: FloatArray) -> FloatArray:
    """The same directions with length 1; a zero vector stays zero."""
    length = np.sqrt(np.einsum("...k,...k->...", vectors, vectors))
    unit: FloatArray = vectors / np.maximum(length, np.float32(1e-20))[..., None]
    return unit


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
