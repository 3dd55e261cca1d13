"""Reads and writes PNG pictures with PyAV, which pmmlink needs anyway for sound and video."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from pmmlink.errors import InputError, RuntimeFault
from pmmlink.whole_file import whole_file

ByteImage = npt.NDArray[np.uint8]


def png_bytes(picture: ByteImage) -> bytes:
    """Encodes ``[height, width, 3]`` sRGB as PNG."""
    encoder = av.CodecContext.create("png", "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt = "rgb24"
    encoder.time_base = Fraction(1)
    encoder.options = {"compression_level": "9", "pred": "mixed"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def write_png(path: Path, picture: ByteImage) -> None:
    """Writes ``[height, width, 3]`` sRGB as PNG; the file appears whole or not at all.

    Raises:
        RuntimeFault: it cannot be written.
    """
    try:
        with whole_file(path) as partial:
            partial.write_bytes(png_bytes(picture))
    except OSError as error:
        raise RuntimeFault(f"{path}: cannot be written ({error.strerror or error})") from error


def read_picture(path: Path) -> ByteImage:
    """Reads a PNG or JPEG as ``[height, width, 3]`` sRGB.

    Raises:
        InputError: the file is missing or not a picture.
    """
    try:
        with av.open(io.BytesIO(path.read_bytes())) as container:
            picture: ByteImage = next(container.decode(video=0)).to_ndarray(format="rgb24")
    except (OSError, av.FFmpegError, StopIteration, IndexError) as error:
        raise InputError(f"{path}: not a picture that can be read ({error}); give a PNG or JPEG") from error
    return picture
