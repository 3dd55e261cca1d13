"""Which vertices of a mesh are lips: from a file, or from how the mesh moves when it speaks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pmmlink.errors import DataError
from pmmlink.train.datasets.safe_pickle import load_arrays
from pmmlink.types import FloatArray

Indices = npt.NDArray[np.intp]

LIPS_KEYS = ("lips", "lip", "mouth")
"""Names of the lips in a file of several masks, FLAME's ``FLAME_masks.pkl`` among them."""

NEAR_MM = 5.0
"""Vertices that are so near at rest, and part, lie on both sides of the mouth's line."""

SEAM_MM = 40.0
"""From the middle of the mouth to the corners of a wide one, with room; eyes are farther away."""

PARTS_SHARE = 0.25
LIP_WIDTH_MM = 10.0
LEAST_PARTING_MM = 2.0
_CHUNK = 256
_CENTRINGS = 3
_FRAMES = 300


@dataclass(frozen=True, slots=True)
class Lips:
    """The lips of a mesh.

    Attributes:
        vertices: ``[L]`` all of them.
        upper: ``[P]`` vertices on the upper side of the mouth's line ...
        lower: ``[P]`` ... and their partners on the lower side.
        origin: how they were found, for reports.
    """

    vertices: Indices
    upper: Indices
    lower: Indices
    origin: str

    def apart_mm(self, offsets: FloatArray, template: FloatArray) -> FloatArray:
        """``[T]`` how much farther the lips are apart than at rest, mean over the line.

        Args:
            offsets: ``[T, V * 3]`` from the template, millimetres.
            template: ``[V, 3]`` millimetres.
        """
        frames = offsets.reshape(len(offsets), -1, 3)
        rest = template[self.upper] - template[self.lower]
        now = rest + frames[:, self.upper] - frames[:, self.lower]
        parted = np.linalg.norm(now, axis=2).mean(axis=1) - np.linalg.norm(rest, axis=1).mean()
        gap: FloatArray = np.maximum(parted, 0.0).astype(np.float32)
        return gap


def read_lip_vertices(path: Path, vertices: int) -> Indices:
    """Indices in a text file (one a line or in a row), ``.json``, ``.npy``, ``.npz`` or ``.pkl``.

    Of a file of several masks the one called lips is taken; a mask of as many truth values as there are
    vertices is understood too.

    Args:
        path: the file.
        vertices: of the mesh.

    Raises:
        DataError: unreadable, no lips in it, or indices that the mesh does not have.
    """
    found = np.asarray(_content(path))
    if found.dtype == bool and found.size == vertices:
        found = np.flatnonzero(found)
    if found.dtype.kind not in "iu" or not found.size:
        raise DataError(f"{path}: holds no vertex numbers")
    chosen: Indices = np.unique(found.astype(np.intp))
    if chosen[0] < 0 or chosen[-1] >= vertices:
        raise DataError(f"{path}: vertex {int(chosen[-1])} of a mesh with {vertices} (counted from 0)")
    return chosen


def find_lips(template: FloatArray, offsets: Sequence[FloatArray], given: Path | None = None) -> Lips:
    """The lips of a mesh that speaks.

    The mouth's line is where vertices that touch at rest part in speech: those around the pair that parts the
    most, within 40 mm of their middle, so that eyelids are not taken for it. Vertices within 10 mm of the
    line are lips, unless they are given.

    Args:
        template: ``[V, 3]`` millimetres.
        offsets: takes ``[T, V * 3]`` from it.
        given: file of lip vertices, see :func:`read_lip_vertices`.

    Raises:
        DataError: the file is wrong, or nothing in the mesh parts.
    """
    upper, lower = _seam(template, offsets)
    if given is not None:
        return Lips(read_lip_vertices(given, len(template)), upper, lower, f"given in {given.name}")
    line = np.unique(np.concatenate([upper, lower]))
    near = [
        np.linalg.norm(template[first : first + _CHUNK, None] - template[line], axis=2).min(axis=1)
        for first in range(0, len(template), _CHUNK)
    ]
    vertices: Indices = np.flatnonzero(np.concatenate(near) <= LIP_WIDTH_MM)
    return Lips(vertices, upper, lower, "derived from where the mesh parts in speech")


def _seam(template: FloatArray, offsets: Sequence[FloatArray]) -> tuple[Indices, Indices]:
    first, second = _near_pairs(template)
    # At random, not every so many: a rhythm of speech could hide between even steps.
    rng = np.random.default_rng(0)
    places = [(take, i) for take in offsets for i in range(len(take))]
    drawn = rng.permutation(len(places))[:_FRAMES]
    frames = [take[i] for take, i in (places[k] for k in drawn)]
    rest = np.linalg.norm(template[first] - template[second], axis=1)
    apart = np.empty((len(frames), len(first)), np.float32)
    for row, frame in zip(apart, frames, strict=True):
        mesh = template + frame.reshape(-1, 3)
        row[:] = np.linalg.norm(mesh[first] - mesh[second], axis=1) - rest
    parting = np.percentile(apart, 95, axis=0) if apart.size else np.zeros(0)
    if not len(parting) or parting.max() < LEAST_PARTING_MM:
        raise DataError(
            "no lips found: no two neighbouring vertices part by 2 mm in the training takes; "
            "check that the vertices are in metres and speak"
        )
    middle = 0.5 * (template[first] + template[second])
    parts = parting >= PARTS_SHARE * parting.max()
    centre = middle[int(parting.argmax())]
    for _ in range(_CENTRINGS):
        chosen = np.flatnonzero(parts & (np.linalg.norm(middle - centre, axis=1) <= SEAM_MM))
        centre = middle[chosen].mean(axis=0)
    one, other = first[chosen], second[chosen]
    # Up is y in FLAME and in most heads; which side is called upper changes no distance.
    swap = template[one, 1] < template[other, 1]
    return np.where(swap, other, one), np.where(swap, one, other)


def _near_pairs(template: FloatArray) -> tuple[Indices, Indices]:
    ones: list[Indices] = []
    others: list[Indices] = []
    for first in range(0, len(template), _CHUNK):
        away = np.linalg.norm(template[first : first + _CHUNK, None] - template[None], axis=2)
        a, b = np.nonzero(away <= NEAR_MM)
        a = a + first
        ones.append(a[a < b])
        others.append(b[a < b])
    return np.concatenate(ones), np.concatenate(others)


def _content(path: Path) -> Any:
    suffix = path.suffix.lower()
    try:
        if suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return _of_names(path, {name: archive[name] for name in archive.files})
        if suffix == ".pkl":
            return _of_names(path, load_arrays(path))
        text = path.read_text(encoding="utf-8-sig")
        if suffix == ".json":
            return _of_names(path, json.loads(text))
        return np.array([int(word) for word in text.replace(",", " ").split()], np.intp)
    except OSError as fault:
        raise DataError(f"{path}: cannot be read: {fault.strerror or fault}") from None
    except (ValueError, EOFError, RecursionError) as fault:
        raise DataError(f"{path}: no list of vertices ({' '.join(str(fault).split())})") from None


def _of_names(path: Path, content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    for key in LIPS_KEYS:
        if key in content:
            return content[key]
    raise DataError(f"{path}: none of its masks is called {' or '.join(LIPS_KEYS)}")
