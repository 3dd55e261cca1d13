"""VOCASET in its public layout: 12 subjects, 40 English sentences each, meshes of 5023 vertices at 60 fps.

``audio/`` or ``wav/`` with ``SUBJECT_sentenceNN.wav``; ``vertices_npy/`` with the same names, ``[T, 15069]``
or ``[T, 5023, 3]`` in metres; and the subjects' faces at rest in ``templates.pkl`` (or ``.npz``, ``.npy``).
Cudeiro et al. 2019; the training format is that of FaceFormer (Fan et al. 2022).
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from pmmlink.errors import DataError
from pmmlink.train.datasets.base import Dataset, Take, TakeData
from pmmlink.train.datasets.pairs import is_sound
from pmmlink.train.datasets.safe_pickle import load_arrays
from pmmlink.train.datasets.sound import fitted, read_sound
from pmmlink.train.datasets.subjects import Subject, read_subjects

Mesh = npt.NDArray[np.float32]

MM_PER_UNIT = 1000.0
FPS = 60
VERTICES_FOLDER = "vertices_npy"
SOUND_FOLDERS = ("audio", "wav")
TEMPLATES = ("templates.pkl", "templates.npz", "templates.npy")

PUBLIC_SPLIT = {
    "train": (
        *("FaceTalk_170728_03272_TA", "FaceTalk_170904_00128_TA", "FaceTalk_170725_00137_TA"),
        *("FaceTalk_170915_00223_TA", "FaceTalk_170811_03274_TA", "FaceTalk_170913_03279_TA"),
        *("FaceTalk_170904_03276_TA", "FaceTalk_170912_03278_TA"),
    ),
    "val": ("FaceTalk_170811_03275_TA", "FaceTalk_170908_03277_TA"),
    "test": ("FaceTalk_170809_00138_TA", "FaceTalk_170731_00024_TA"),
}
"""Subjects of VOCA-Train, -Val and -Test."""

_SENTENCE = re.compile(r"(.+)_sentence\d+\Z")


def is_vocaset(root: Path) -> bool:
    """Whether a folder has its layout."""
    return (root / VERTICES_FOLDER).is_dir()


def find_vocaset(root: Path) -> tuple[Dataset, list[str]]:
    """The takes of a copy of VOCASET, and what is wrong with it.

    Raises:
        DataError: no templates, templates that are refused or of another shape, a wrong ``subjects.yaml``.
    """
    templates = read_templates(root)
    outputs = {template.size for template in templates.values()}
    if len(outputs) != 1:
        raise DataError(f"{root}: the templates have different numbers of vertices")
    sounds = {p.stem: p for folder in SOUND_FOLDERS for p in sorted((root / folder).glob("*")) if is_sound(p)}
    meshes = sorted((root / VERTICES_FOLDER).glob("*.npy"))
    subjects = read_subjects(root, sorted({_subject(path) for path in meshes}))
    takes: list[Take] = []
    problems: list[str] = []
    for path in meshes:
        name = _subject(path)
        sound = sounds.pop(path.stem, None)
        if sound is None:
            problems.append(f"{path}: no sound for it ({root / SOUND_FOLDERS[0] / path.stem}.wav)")
        elif name not in templates:
            problems.append(f"{path}: no face at rest for {name} among the templates")
        else:
            about = subjects.get(name, Subject(language="en"))
            takes.append(
                Take(
                    id=path.stem,
                    subject=name,
                    style=name,
                    language=about.language,
                    gender=about.gender,
                    files=(path, sound),
                    loader=partial(read_mesh_take, path, sound, templates[name]),
                )
            )
    problems += [
        f"{path}: no vertices for it ({VERTICES_FOLDER}/{path.stem}.npy)" for path in sounds.values()
    ]
    owner = {subject: part for part, names in PUBLIC_SPLIT.items() for subject in names}
    present = {take.subject for take in takes}
    public = owner if all(present & set(names) for names in PUBLIC_SPLIT.values()) else None
    return (
        Dataset(root, "VOCASET", tuple(takes), "vertices", outputs.pop(), public, templates),
        problems,
    )


def read_mesh_take(vertices: Path, sound: Path, template: Mesh) -> TakeData:
    """Every second mesh as offsets from the face at rest, in millimetres.

    Args:
        vertices: the meshes, metres.
        sound: the sentence.
        template: ``[V, 3]`` millimetres.

    Raises:
        DataError: a file is damaged, has another number of vertices, or the two do not belong together.
    """
    try:
        meshes = np.load(vertices, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as fault:
        raise DataError(f"{vertices}: not an array of vertices ({fault})") from None
    if meshes.ndim not in (2, 3) or meshes.size != len(meshes) * template.size:
        raise DataError(
            f"{vertices}: an array of {' × '.join(map(str, meshes.shape))}; its template has "
            f"{template.shape[0]} vertices: frames × {template.size} are needed"
        )
    frames = np.asarray(meshes[:: FPS // 30], np.float32).reshape(-1, template.size) * MM_PER_UNIT
    if not np.isfinite(frames).all():
        row = int(np.flatnonzero(~np.isfinite(frames).all(axis=1))[0])
        raise DataError(f"{vertices}: frame {row * FPS // 30} has a vertex that is not finite")
    return fitted(read_sound(sound), frames - template.reshape(1, -1), vertices, sound, [])


def read_templates(root: Path) -> dict[str, Mesh]:
    """Subject → face at rest ``[V, 3]`` in millimetres.

    Raises:
        DataError: no file of templates, one that is refused, or not a table of meshes.
    """
    path = next((root / name for name in TEMPLATES if (root / name).is_file()), None)
    if path is None:
        raise DataError(f"{root}: no {', '.join(TEMPLATES)}: the subjects' faces at rest are needed")
    table: Any
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as archive:
                table = {name: archive[name] for name in archive.files}
        except (OSError, ValueError, EOFError, BadZipFile) as fault:
            raise DataError(f"{path}: not arrays by subject ({fault})") from None
    else:
        table = load_arrays(path)
    if not isinstance(table, dict) or not table:
        raise DataError(f"{path}: not a table of subject → vertices")
    return {str(name): _template(path, str(name), mesh) for name, mesh in table.items()}


def _template(path: Path, name: str, mesh: Any) -> Mesh:
    if not isinstance(mesh, np.ndarray) or mesh.dtype.kind not in "fi" or mesh.size % 3 or not mesh.size:
        raise DataError(f"{path}: the template of {name} is no array of vertices")
    template: Mesh = np.asarray(mesh, np.float32).reshape(-1, 3) * np.float32(MM_PER_UNIT)
    if not np.isfinite(template).all():
        raise DataError(f"{path}: the template of {name} has a vertex that is not finite")
    return template


def _subject(path: Path) -> str:
    match = _SENTENCE.match(path.stem)
    return match.group(1) if match else path.stem.rpartition("_")[0] or path.stem
