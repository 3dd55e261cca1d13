"""Where the head is seen from: a perspective camera and the views that pmmlink uses.

Coordinates are the head's: metres, origin between the eyeballs, +x the head's left (to the right in
a picture of the face), +y up, +z out of the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pmmlink.types import FloatArray


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera that sees a square of ``extent_m`` metres at ``target``, whatever its distance.

    A picture wider or higher than square shows more to the sides.

    Attributes:
        target: the point in the middle of the picture.
        direction: from the target towards the camera; any length.
        distance_m: from the target to the camera.
        extent_m: side of the square at the target that fills the shorter side of the picture.
    """

    target: tuple[float, float, float]
    direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
    distance_m: float = 0.9
    extent_m: float = 0.3

    @property
    def axes(self) -> FloatArray:
        """``[3, 3]`` rows: the picture's right, its up, and towards the camera."""
        back = np.array(self.direction, np.float64)
        back /= np.linalg.norm(back)
        right = np.cross((0.0, 1.0, 0.0), back)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(back, right), back]).astype(np.float32)

    @property
    def eye(self) -> FloatArray:
        """``[3]`` position of the camera."""
        position: FloatArray = np.array(self.target, np.float32) + self.distance_m * self.axes[2]
        return position

    def project(
        self, points: FloatArray, width: int, height: int
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Where points appear.

        Args:
            points: ``[..., 3]`` in metres.
            width: picture width in pixels.
            height: picture height in pixels.

        Returns:
            x (to the right) and y (down) in pixels, and depth in metres, each ``[...]``.
        """
        axes = self.axes
        view = points @ axes.T - axes @ self.eye
        depth = -view[..., 2]
        scale = min(width, height) / self.extent_m * self.distance_m / depth
        return width / 2 + scale * view[..., 0], height / 2 - scale * view[..., 1], depth


def face_camera() -> Camera:
    """The whole head from the front, a little from above."""
    return Camera(target=(0.0, -0.028, 0.0), direction=(0.0, 0.06, 1.0), distance_m=1.1, extent_m=0.30)


def mouth_camera() -> Camera:
    """The mouth from close by, slightly from the side so that protruding lips show."""
    return Camera(target=(0.0, -0.078, 0.02), direction=(0.28, 0.04, 1.0), distance_m=0.6, extent_m=0.12)


def side_camera() -> Camera:
    """The profile."""
    return Camera(target=(0.0, -0.028, -0.04), direction=(1.0, 0.05, 0.25), distance_m=1.1, extent_m=0.30)


def face_crop_camera() -> Camera:
    """The square that the talking-head network sees and draws.

    From just below the eyes to below the chin of a wide-open mouth, straight from the front: 125 mm
    wide and high around a point 78 mm below the middle of the eyes. Training renders and the shipped
    reference face both use it, so that both show the same thing in the same pixels.
    """
    return Camera(target=(0.0, -0.078, 0.0), direction=(0.0, 0.0, 1.0), distance_m=0.9, extent_m=0.125)


def sheet_camera() -> Camera:
    """The lower face from the front, for contact sheets of mouth shapes."""
    return Camera(target=(0.0, -0.062, 0.0), direction=(0.18, 0.03, 1.0), distance_m=0.9, extent_m=0.15)


CAMERAS = {"face": face_camera, "mouth": mouth_camera, "side": side_camera}
"""The views a user can choose by name."""
