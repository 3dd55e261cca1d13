"""The head that is shown: a CC0 human head with all 52 ARKit blendshapes.

``pmmlink/assets/head.npz`` is made by ``pmmlink/train/extract_head.py``. Metres; the origin lies halfway
between the eyeballs; +x is the head's left, +y up, +z forward (out of the face).

>>> import numpy as np
>>> head = load_head()
>>> values = np.zeros(52, np.float32)
>>> values[head.curves.index("jawOpen")] = 1
>>> bool(head.lip_gap_mm(values) > 25)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from pmmlink.curves import ARKIT_52, CurveSet
from pmmlink.errors import RuntimeFault
from pmmlink.types import FloatArray

if TYPE_CHECKING:
    from importlib.abc import Traversable

IntArray = npt.NDArray[np.int32]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head mesh and the offsets of its 52 ARKit curves.

    Attributes:
        vertices: ``[V, 3]`` the face at rest, in metres.
        quads: ``[F, 4]`` vertex ids, counter-clockwise seen from outside.
        triangles: ``[T, 3]`` the same surface in triangles.
        part: ``[V]`` index into ``part_names``.
        part_names: skin, lips, mouth (its inside), eye, teeth, tongue, lash, brow.
        colours: ``[V, 3]`` sRGB.
        deltas: ``[52, V, 3]`` offset in metres that each curve adds at value 1, in ARKit order.
        lip_upper: vertex in the middle of the upper lip's inner edge.
        lip_lower: vertex in the middle of the lower lip's inner edge.
        source_vertex: ``[U]`` MakeHuman's vertex id of the first U vertices; the rest are eyeballs.
    """

    vertices: FloatArray
    quads: IntArray
    triangles: IntArray
    part: ByteArray
    part_names: tuple[str, ...]
    colours: ByteArray
    deltas: FloatArray
    lip_upper: int
    lip_lower: int
    source_vertex: IntArray

    @property
    def curves(self) -> CurveSet:
        """Names and order of the values that move the head."""
        return ARKIT_52

    def vertices_for(self, values: npt.ArrayLike) -> FloatArray:
        """The mesh for curve values: rest plus the weighted sum of offsets.

        Args:
            values: ``[..., 52]`` in ARKit order, any number of leading axes.

        Returns:
            ``[..., V, 3]`` float32 in metres.

        Raises:
            ValueError: the last axis is not 52 long.
        """
        weights = np.asarray(values, np.float32)
        if weights.shape[-1:] != (len(ARKIT_52),):
            raise ValueError(f"expected {len(ARKIT_52)} curve values in the last axis, got {weights.shape}")
        moved: FloatArray = np.tensordot(weights, self.deltas, axes=1) + self.vertices
        return moved

    def lip_gap_mm(self, values: npt.ArrayLike) -> FloatArray:
        """Height of the opening between the lips in millimetres; negative where they press together.

        Args:
            values: ``[..., 52]`` in ARKit order.
        """
        weights = np.asarray(values, np.float32)
        rest = self.vertices[self.lip_upper, 1] - self.vertices[self.lip_lower, 1]
        per_curve = self.deltas[:, self.lip_upper, 1] - self.deltas[:, self.lip_lower, 1]
        gap: FloatArray = 1000 * (rest + weights @ per_curve)
        return gap

    def measured_lip_gap_mm(self, vertices: FloatArray) -> FloatArray:
        """The same height, measured on a moved mesh ``[..., V, 3]``."""
        gap: FloatArray = 1000 * (vertices[..., self.lip_upper, 1] - vertices[..., self.lip_lower, 1])
        return gap


def triangulated(quads: npt.NDArray[np.int64], vertices: FloatArray) -> IntArray:
    """Splits quads along the shorter diagonal; a quad with two equal corners gives one triangle."""
    a, b, c, d = (vertices[quads[:, k]] for k in range(4))
    first = np.linalg.norm(a - c, axis=1) <= np.linalg.norm(b - d, axis=1)
    q = quads
    one = np.where(first[:, None], q[:, [0, 1, 2]], q[:, [0, 1, 3]])
    two = np.where(first[:, None], q[:, [0, 2, 3]], q[:, [1, 2, 3]])
    # Both halves follow each other: whoever draws them in order finds their corners still at hand.
    triangles = np.stack([one, two], axis=1).reshape(-1, 3)
    edges = vertices[triangles]
    area = np.linalg.norm(np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0]), axis=1)
    kept: IntArray = triangles[area > 1e-12].astype(np.int32)
    return kept


def read_head(path: Path | Traversable) -> Head:
    """Reads a head file.

    Raises:
        RuntimeFault: the file is missing, damaged or of another version.
    """
    try:
        with path.open("rb") as file, np.load(file) as data:
            arrays = {name: data[name] for name in data.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise RuntimeFault(f"{path} cannot be read ({error}); reinstall pmmlink") from error
    if tuple(arrays["curve_names"]) != ARKIT_52.names:
        raise RuntimeFault(f"{path} has other curves than ARKit's 52; reinstall pmmlink")
    vertices = arrays["vertices"]
    count = arrays["delta_count"].astype(np.int64)
    deltas = np.zeros((len(count), *vertices.shape), np.float32)
    curve = np.repeat(np.arange(len(count)), count)
    deltas[curve, arrays["delta_vertex"]] = arrays["delta_value"] * arrays["delta_scale"][curve][:, None]
    head = Head(
        vertices=vertices,
        quads=arrays["quads"].astype(np.int32),
        triangles=triangulated(arrays["quads"].astype(np.int64), vertices),
        part=arrays["part"],
        part_names=tuple(str(name) for name in arrays["part_names"]),
        colours=arrays["colours"],
        deltas=deltas,
        lip_upper=int(arrays["lip_upper"]),
        lip_lower=int(arrays["lip_lower"]),
        source_vertex=arrays["source_vertex"].astype(np.int32),
    )
    for array in (
        head.vertices,
        head.quads,
        head.triangles,
        head.part,
        head.colours,
        head.deltas,
        head.source_vertex,
    ):
        array.flags.writeable = False
    return head


@cache
def load_head() -> Head:
    """The head that comes with pmmlink; read once and shared, so its arrays are read-only.

    Raises:
        RuntimeFault: the asset is missing or damaged.
    """
    return read_head(resources.files("pmmlink") / "assets" / "head.npz")
