"""The head as bytes for the browser: a JSON directory, then the arrays it lists.

Layout: uint32 length of the JSON, the JSON (padded with blanks to a multiple of four), then each array at
its ``offset`` from the end of the JSON, little-endian, each padded to a multiple of four. Curve offsets are
sparse, as in ``head.npz``: the browser adds them up, so that a frame on the wire is some numbers, not a mesh.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import numpy.typing as npt

from pmmlink.preview.head import Head, load_head
from pmmlink.preview.shading import (
    AMBIENT_DOWN,
    AMBIENT_UP,
    CATCHLIGHT,
    KEY_FILL_RIM,
    MATERIALS,
    WET_EXPONENT,
    linear_from_srgb,
)
from pmmlink.preview.subdivide import load_smooth_head
from pmmlink.preview.turn import NECK_PIVOT_M, eye_vertices, neck_weights

_SMALLEST_M = 2e-6


def pack_head(head: Head) -> bytes:
    """Everything the page needs to draw a head; see the module."""
    moved = np.abs(head.deltas).max(axis=2) > _SMALLEST_M
    scale = np.maximum(np.abs(head.deltas).max(axis=(1, 2)), 1e-9) / 32767
    curve, vertex = np.nonzero(moved)
    materials = np.array([list(_material(name)) for name in head.part_names], np.float32)
    left_eye, right_eye = eye_vertices(head)
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "positions": head.vertices.astype("<f4"),
        "triangles": head.triangles.astype("<u4"),
        "albedo": linear_from_srgb(head.colours / 255).astype("<f4"),
        "materials": materials[head.part].astype("<f4"),
        "neckWeight": neck_weights(head.vertices).astype("<f4"),
        "eyeLeft": left_eye.astype("<u4"),
        "eyeRight": right_eye.astype("<u4"),
        "deltaCount": moved.sum(axis=1).astype("<u4"),
        "deltaScale": scale.astype("<f4"),
        "deltaVertex": vertex.astype("<u4"),
        "deltaValue": np.rint(head.deltas[moved] / scale[curve][:, None]).astype("<i2"),
    }
    directory: dict[str, object] = {
        "lipUpper": head.lip_upper,
        "lipLower": head.lip_lower,
        "curves": head.curves.names,
        "neckPivot": NECK_PIVOT_M,
        "lights": [[*light.towards, *light.colour] for light in KEY_FILL_RIM],
        "catchlight": CATCHLIGHT,
        "wetExponent": WET_EXPONENT,
        "ambientUp": AMBIENT_UP,
        "ambientDown": AMBIENT_DOWN,
    }
    body = bytearray()
    places = {}
    for name, array in arrays.items():
        places[name] = {"offset": len(body), "length": array.size, "type": array.dtype.str[1:]}
        body += array.tobytes()
        body += bytes(-len(body) % 4)
    text = json.dumps({**directory, "arrays": places}).encode()
    text += b" " * (-len(text) % 4)
    return len(text).to_bytes(4, "little") + text + bytes(body)


def _material(name: str) -> tuple[float, float, float]:
    material = MATERIALS[name]
    return material.specular, material.exponent, material.wrap


@cache
def packed_head(coarse: bool = False) -> bytes:
    """The shipped head, smoothed unless ``coarse``; made once."""
    return pack_head(load_head() if coarse else load_smooth_head())
