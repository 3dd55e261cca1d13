"""Is a WAV or AIFF file as long as its header says?

libsndfile reads a truncated file without a word and reports it as shorter. A take that lost its end in a
crash or a broken copy must be noticed, so the chunks are walked here before the sound is read.

Sources: "Multimedia Programming Interface and Data Specifications 1.0" (RIFF), EBU Tech 3306 (RF64/BW64),
"Audio Interchange File Format 1.3" (AIFF).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_UNKNOWN_32 = 0x7FFFF000
"""Data sizes from here on stand for "until the end": what programs write that stream WAV into a pipe."""


def missing_bytes(path: Path) -> int:
    """Bytes of sound that the header promises and the file lacks; 0 for whole files and other formats.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12:
            return 0
        magic, kind = head[:4], head[8:12]
        if magic in (b"RIFF", b"RF64", b"BW64") and kind == b"WAVE":
            end = _end_of(file, b"data", "<")
        elif magic == b"FORM" and kind in (b"AIFF", b"AIFC"):
            end = _end_of(file, b"SSND", ">")
        else:
            return 0
    return max(0, end - size)


def _end_of(file: BinaryIO, wanted: bytes, endian: str) -> int:
    """Offset just behind the wanted chunk by its header; 0 where there is none or its size is open."""
    size_64 = None
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack(f"{endian}4sI", header)
        start = file.tell()
        if name == wanted:
            if size == 0xFFFFFFFF and size_64 is not None:
                return int(start + size_64)
            return 0 if size >= _UNKNOWN_32 else int(start + size)
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            size_64 = struct.unpack("<QQ", sizes)[1]
        file.seek(start + size + size % 2)
    return 0
