"""Reads pickles that hold nothing but numpy arrays and plain containers.

A pickle is a program: the ordinary reader calls whatever the file names. This one knows a handful of names,
and what stands behind them can do nothing but remember what it was given: not even numpy's own, whose
``__setstate__`` believes what it is told and can be made to crash. Arrays are made at the end, from bytes
whose number fits. Python's own reader runs the program, not the one in C, for the same reason.
"""

from __future__ import annotations

import io
import math
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pmmlink.errors import DataError

LARGEST_BYTES = 64 * 1024 * 1024
"""Twelve faces of 5023 vertices take one megabyte."""

_NPY_MAGIC = b"\x93NUMPY"
_DTYPE = re.compile(r"[<>=|]?([?b]1?|[fiu](1|2|4|8))\Z")
_DEEPEST, _MOST_OBJECTS = 8, 100_000


class _Dtype:
    """Stands for ``numpy.dtype``: a code, and the byte order that comes with its state."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = code, ""

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]


class _Array:
    """Stands for ``numpy.ndarray``: remembers its state."""

    __slots__ = ("state",)

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def __setstate__(self, state: Any) -> None:
        self.state = state[-4:]  # without the version in front


class _Name:
    """What a name in the file stands for; it can be called, and nothing else."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it changes what it names")


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    return _Array((shape, dtype, order == "F", content))


def _encode(text: Any, _encoding: Any) -> bytes:
    """How Python 3 writes bytes for readers of protocol 2."""
    return str(text).encode("latin-1")


_NAMES = {("numpy", "ndarray"): _Name(_Array), ("numpy", "dtype"): _Name(_Dtype)}
for _home in ("numpy.core", "numpy._core"):
    _NAMES[f"{_home}.multiarray", "_reconstruct"] = _Name(lambda *_: _Array())
    _NAMES[f"{_home}.numeric", "_frombuffer"] = _Name(_from_buffer)
_NAMES["_codecs", "encode"] = _Name(_encode)


class _ArrayUnpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array") from None


def load_arrays(path: Path) -> Any:
    """The object in a pickle, made of arrays of numbers, dictionaries, lists, tuples, numbers and texts.

    Files of Python 2 are read too (its texts are taken for Latin-1), and ``.npy`` files that hold a
    dictionary.

    Raises:
        DataError: unreadable, larger than 64 MiB, not a pickle, or one that names anything else.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataError(
                f"{path}: {path.stat().st_size} bytes: too large for a file of templates or masks"
            )
        content = path.read_bytes()
    except OSError as fault:
        raise DataError(f"{path}: cannot be read: {fault.strerror or fault}") from None
    try:
        program = io.BytesIO(content)
        if content.startswith(_NPY_MAGIC):
            _skip_npy_header(program)
        return _Plain().of(_ArrayUnpickler(program, encoding="latin1").load())
    except pickle.UnpicklingError as error:
        raise DataError(f"{path}: refused: {error}") from None
    # A damaged or hostile program fails in any of these ways.
    except (
        *(ValueError, TypeError, AttributeError, EOFError, LookupError, ImportError, AssertionError),
        *(MemoryError, OverflowError, RecursionError, pickle.PickleError, struct.error),
    ) as error:
        raise DataError(f"{path}: not a pickle of arrays ({type(error).__name__}: {error})") from None


class _Plain:
    """Copies what was read, with arrays in place of their stand-ins."""

    def __init__(self) -> None:
        self._seen = 0

    def of(self, value: Any, depth: int = 0) -> Any:
        self._seen += 1
        if depth > _DEEPEST or self._seen > _MOST_OBJECTS:
            raise pickle.UnpicklingError("its containers are nested too deeply or hold too much")
        if isinstance(value, _Array):
            return self._array(value, depth)
        if isinstance(value, dict):
            return {self._key(key): self.of(entry, depth + 1) for key, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self.of(entry, depth + 1) for entry in value)
        if value is None or isinstance(value, (bool, int, float, str, bytes)):
            return value
        raise pickle.UnpicklingError(f"it holds a {type(value).__name__.strip('_')}")

    def _key(self, key: Any) -> Any:
        if not isinstance(key, (str, int)):
            raise pickle.UnpicklingError("a dictionary has keys that are no names")
        return key

    def _array(self, array: _Array, depth: int) -> Any:
        shape, dtype, fortran, content = array.state
        if not isinstance(dtype, _Dtype):
            raise pickle.UnpicklingError("an array has no type")
        if dtype.code in ("O", "O8") and shape == () and isinstance(content, list) and len(content) == 1:
            return self.of(content[0], depth + 1)  # what np.save makes of a dictionary
        if not isinstance(dtype.code, str) or not _DTYPE.match(dtype.code):
            raise pickle.UnpicklingError(f"an array of {str(dtype.code)[:20]!r}, which are no numbers")
        order = dtype.order if dtype.order in ("<", ">") else ""
        numbers = np.dtype(order + dtype.code.lstrip("<>=|"))
        raw = content.encode("latin-1") if isinstance(content, str) else bytes(content)
        if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise pickle.UnpicklingError("an array has no shape")
        if math.prod(shape) * numbers.itemsize != len(raw) or len(shape) > 4:
            raise pickle.UnpicklingError("an array's bytes do not fit its shape")
        return np.frombuffer(raw, numbers).reshape(shape, order="F" if fortran else "C")


def _skip_npy_header(file: io.BytesIO) -> None:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, kind = read(file)
    if not kind.hasobject:
        raise ValueError("one array, not a table of them")
