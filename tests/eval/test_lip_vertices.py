"""The lips of a mesh: read from files of any kind, or found by how the mesh speaks."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from takes import LIPS, MESH_VERTICES, meshes, template

from pmmlink.errors import DataError
from pmmlink.eval.lip_vertices import find_lips, read_lip_vertices
from pmmlink.types import FloatArray

MASK = np.isin(np.arange(MESH_VERTICES), LIPS)


def speech() -> tuple[FloatArray, FloatArray]:
    """Template and offsets in millimetres."""
    frames = meshes(1.5)
    offsets = 1000.0 * (frames - template()).reshape(len(frames), -1)
    return 1000.0 * template(), offsets.astype(np.float32)


def test_lips_are_found_where_the_mesh_parts_in_speech() -> None:
    rest, offsets = speech()
    lips = find_lips(rest, [offsets])
    assert lips.vertices.tolist() == list(LIPS)
    assert lips.upper.tolist() == list(range(10))
    assert lips.lower.tolist() == list(range(10, 20))
    apart = lips.apart_mm(offsets, rest)
    assert apart.min() == 0.0
    assert apart.max() == pytest.approx(12.0, abs=0.2)


def test_eyelids_that_blink_are_not_taken_for_lips() -> None:
    rest, offsets = speech()
    lids = np.array([[0.0, 80.0, 0.0], [0.0, 79.0, 0.0]], np.float32)
    blinking = np.zeros((len(offsets), 2, 3), np.float32)
    blinking[::20, 0, 1] = 8.0
    both = np.concatenate([offsets, blinking.reshape(len(offsets), 6)], axis=1)
    lips = find_lips(np.concatenate([rest, lids]), [both])
    assert lips.vertices.tolist() == list(LIPS)


def test_a_mesh_that_does_not_speak_has_no_lips() -> None:
    rest, offsets = speech()
    with pytest.raises(DataError, match="no lips found"):
        find_lips(rest, [np.zeros_like(offsets)])


@pytest.mark.parametrize("name", ["l.txt", "l.json", "l.npy", "l.npz", "l.pkl", "mask.npy", "names.json"])
def test_lips_are_read_from_any_kind_of_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    chosen = np.array(LIPS)
    if name == "l.txt":
        path.write_text("\n".join(map(str, LIPS)), encoding="utf-8")
    elif name == "l.json":
        path.write_text(json.dumps(list(LIPS)), encoding="utf-8")
    elif name == "names.json":
        path.write_text(json.dumps({"nose": [39], "lips": list(LIPS)}), encoding="utf-8")
    elif name == "l.npz":
        np.savez(path, face=np.arange(40), lips=chosen)
    elif name == "l.pkl":
        path.write_bytes(pickle.dumps({"lips": chosen, "nose": np.array([39])}, protocol=2))
    else:
        np.save(path, MASK if name == "mask.npy" else chosen)
    assert read_lip_vertices(path, MESH_VERTICES).tolist() == list(LIPS)
    rest, offsets = speech()
    assert find_lips(rest, [offsets], path).origin == f"given in {name}"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("l.txt", b"1 2 forty", "no list of vertices"),
        ("l.txt", b"1 2 40", "vertex 40 of a mesh with 40"),
        ("l.txt", b"", "holds no vertex numbers"),
        ("l.json", b'{"nose": [1]}', "none of its masks is called lips"),
        ("l.json", b"[0.5]", "holds no vertex numbers"),
        ("l.npy", b"nothing", "no list of vertices"),
        ("l.pkl", b"cos\nsystem\n(S'x'\ntR.", "refused: it names os.system"),
    ],
)
def test_a_wrong_file_of_lips_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_lip_vertices(path, MESH_VERTICES)
    with pytest.raises(DataError, match="cannot be read"):
        read_lip_vertices(tmp_path / "none.txt", MESH_VERTICES)
