"""The reference face R from a picture."""

from __future__ import annotations

from pathlib import Path

import av
import torch
from torch import Tensor

from pmmlink.errors import CheckpointError


def read_face(path: Path, size: int) -> Tensor:
    """A picture as the public generator wants it: ``[3, S, S]`` in [0, 1], channels blue, green, red.

    The picture is scaled to a square whatever its shape, as Wav2Lip does with the crop of a detected face.

    Args:
        path: a picture file of a face, cropped to the face.
        size: side S.

    Raises:
        CheckpointError: no such file, or not a picture.
    """
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such picture") from error
    except (av.error.FFmpegError, StopIteration, IndexError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not a readable picture ({error})") from error
    pixels = frame.reformat(size, size, "bgr24").to_ndarray()
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255.0
