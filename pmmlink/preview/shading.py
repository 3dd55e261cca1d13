"""How the head's surfaces answer to light: materials, lights and colour.

Light is added up in linear units and encoded as sRGB at the end. Lights are far away and so is the
viewer, so each light has one direction and one half-way vector (Blinn 1977) for the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pmmlink.types import FloatArray


@dataclass(frozen=True, slots=True)
class Material:
    """Attributes:
    specular: strength of the highlight.
    exponent: sharpness of the highlight.
    wrap: how far light creeps round into the shade, as it does under skin; 0 = matt plaster.
    """

    specular: float
    exponent: float
    wrap: float


MATERIALS: dict[str, Material] = {
    "skin": Material(0.10, 14, 0.25),
    "lips": Material(0.22, 34, 0.25),
    "mouth": Material(0.05, 20, 0.3),
    "eye": Material(0.90, 220, 0.2),
    "teeth": Material(0.30, 70, 0.35),
    "tongue": Material(0.18, 30, 0.3),
    "lash": Material(0.0, 1, 0.0),
    "brow": Material(0.03, 10, 0.25),
}


@dataclass(frozen=True, slots=True)
class Light:
    """A light far away.

    Attributes:
        towards: direction to the light in the picture's axes (right, up, towards the camera).
        colour: linear RGB strength.
    """

    towards: tuple[float, float, float]
    colour: tuple[float, float, float]


# A portrait: key from the upper left, a cool fill from the right, a little from behind.
KEY_FILL_RIM = (
    Light((-0.45, 0.55, 0.75), (0.92, 0.88, 0.82)),
    Light((0.80, 0.10, 0.60), (0.24, 0.26, 0.30)),
    Light((0.55, 0.50, -0.60), (0.35, 0.36, 0.40)),
)
CATCHLIGHT = (-0.14, 0.13, 1.0)
"""Where eyes gleam, a half-way vector: the key light's own gleam would lie under the lid."""

WET_EXPONENT = 200.0
"""Surfaces whose highlight is at least this sharp gleam at :data:`CATCHLIGHT`."""

AMBIENT_UP = (0.20, 0.21, 0.23)
AMBIENT_DOWN = (0.13, 0.11, 0.10)

_ENCODE = np.linspace(0, 1, 4096)
_ENCODE = np.where(_ENCODE <= 0.0031308, 12.92 * _ENCODE, 1.055 * _ENCODE ** (1 / 2.4) - 0.055)
_ENCODE_BYTE = np.rint(_ENCODE * 255).astype(np.uint8)


def linear_from_srgb(colour: npt.ArrayLike) -> FloatArray:
    """Linear light in [0, 1] of sRGB values in [0, 1] (IEC 61966-2-1)."""
    c = np.asarray(colour, np.float32)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


def srgb_bytes(linear: FloatArray) -> npt.NDArray[np.uint8]:
    """sRGB bytes of linear light; values outside [0, 1] are clipped."""
    level = np.clip(linear, 0, 1) * np.float32(len(_ENCODE_BYTE) - 1)
    encoded: npt.NDArray[np.uint8] = _ENCODE_BYTE[(level + np.float32(0.5)).astype(np.uint16)]
    return encoded


def shade(normals: FloatArray, albedo: FloatArray, material: FloatArray) -> FloatArray:
    """Light that leaves the surface towards the camera.

    Args:
        normals: ``[P, 3]`` unit normals in the picture's axes (right, up, towards the camera).
        albedo: ``[P, 3]`` linear colour of the surface.
        material: ``[P, 3]`` specular, exponent and wrap of :class:`Material`.

    Returns:
        ``[P, 3]`` linear light.
    """
    specular, exponent, wrap = material.T
    up = normals[:, 1:2] * np.float32(0.5) + np.float32(0.5)
    ground, sky = np.array(AMBIENT_DOWN, np.float32), np.array(AMBIENT_UP, np.float32)
    diffuse = ground + up * (sky - ground)
    towards = np.array([light.towards for light in KEY_FILL_RIM], np.float32)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    colours = np.array([light.colour for light in KEY_FILL_RIM], np.float32)
    facing = np.maximum((normals @ towards.T + wrap[:, None]) / (1 + wrap[:, None]), 0)
    diffuse += facing @ colours
    # Highlights come from the key light alone: one is enough to read a shape by.
    half = np.array([towards[0] + (0, 0, 1), CATCHLIGHT], np.float32)
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    along = normals @ half.T
    mirrored = np.where(exponent >= WET_EXPONENT, along[:, 1], along[:, 0])
    gleam = specular * np.maximum(mirrored, 0) ** exponent
    lit: FloatArray = albedo * diffuse + gleam[:, None] * colours[0]
    return lit
