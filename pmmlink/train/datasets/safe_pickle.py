"""Reads pickles that hold nothing but numpy arrays and plain containers.

A pickle is a program: the ordinary reader calls whatever the file names. This one knows numpy's own
constructors of arrays and nothing else, so that a file from the web can at worst be refused.
"""

from __future__ import annotations

import codecs
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pmmlink.errors import DataError

LARGEST_BYTES = 512 * 1024 * 1024

_NPY_MAGIC = b"\x93NUMPY"


def _empty_array(_subtype: object, _shape: object, _code: object) -> npt.NDArray[np.int8]:
    """numpy's ``_reconstruct`` without the freedom to ask for any size: contents come with the state."""
    return np.ndarray((0,), np.int8)


def _array_of_bytes(content: object, dtype: object, shape: Any, order: Any) -> npt.NDArray[Any]:
    """numpy's ``_frombuffer``, by which protocol 5 writes arrays, for plain numbers only."""
    if not isinstance(content, (bytes, bytearray)) or not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise ValueError("not the bytes of an array of numbers")
    return np.frombuffer(content, dtype).reshape(shape, order=order)


_ALLOWED: dict[tuple[str, str], Any] = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
for _home in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_home}.multiarray", "_reconstruct"] = _empty_array
    _ALLOWED[f"{_home}.numeric", "_frombuffer"] = _array_of_bytes
_ALLOWED["_codecs", "encode"] = codecs.encode
"""``_codecs.encode`` is how Python 3 writes bytes for readers of protocol 2."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array") from None


def load_arrays(path: Path) -> Any:
    """The object in a pickle, made of arrays, dictionaries, lists, tuples, numbers and texts.

    Files of Python 2 are read too (its texts are taken for Latin-1), and ``.npy`` files whose object is a
    pickle.

    Raises:
        DataError: unreadable, larger than 512 MiB, not a pickle, or one that names anything else.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataError(f"{path}: {path.stat().st_size} bytes: too large for a file of templates")
        with path.open("rb") as file:
            return _load(path, file)
    except OSError as fault:
        raise DataError(f"{path}: cannot be read: {fault.strerror or fault}") from None


def _load(path: Path, file: BinaryIO) -> Any:
    try:
        if file.read(len(_NPY_MAGIC)) == _NPY_MAGIC:
            file.seek(0)
            _skip_npy_header(file)
        else:
            file.seek(0)
        return _ArrayUnpickler(file, encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise DataError(f"{path}: refused: {error}") from None
    # A damaged or hostile pickle makes the machine that runs it fail in any of these ways.
    except (
        *(ValueError, TypeError, AttributeError, EOFError, LookupError, ImportError),
        *(MemoryError, OverflowError, RecursionError, SystemError, AssertionError),
    ) as error:
        raise DataError(f"{path}: not a pickle of arrays ({type(error).__name__}: {error})") from None


def _skip_npy_header(file: BinaryIO) -> None:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, kind = read(file)
    if not kind.hasobject:
        raise ValueError("one array, not a table of them")
