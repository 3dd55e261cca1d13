"""Tensors of a foreign checkpoint: read without unpickling code, handed out by name and shape."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pmmlink.errors import CheckpointError


def read_pickled(path: Path) -> Any:
    """What a ``.pth`` or ``.bin`` file holds, if it is tensors and plain containers only.

    Raises:
        CheckpointError: no such file, a damaged one, or one that holds anything else (code, objects).
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: damaged, or holds more than tensors; it was not loaded, because that could run code"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path}: not a readable PyTorch file ({reason[:160]})") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name of a ``.safetensors`` or a pickled file.

    Raises:
        CheckpointError: the file cannot be read, or is not a table of tensors.
    """
    if path.suffix != ".safetensors":
        return only_tensors(read_pickled(path), path)
    try:
        return dict(load_file(path))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({error})") from error


def only_tensors(found: Any, path: Path) -> dict[str, Tensor]:
    """The table itself, checked.

    Raises:
        CheckpointError: it is not a table of tensors by name.
    """
    if not isinstance(found, dict) or not found:
        raise CheckpointError(f"{path}: expected tensors by name, found {type(found).__name__}")
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{path}: {name!r} is not a tensor by name, so these are not plain weights")
    return found


@dataclass(frozen=True, slots=True)
class Tensors:
    """A checkpoint's tensors.

    Attributes:
        table: tensors by name.
        where: the file, for messages.
        prefix: what every name begins with.
    """

    table: dict[str, Tensor]
    where: str
    prefix: str = ""

    def under(self, prefix: str) -> Tensors:
        """The same, with a longer prefix."""
        return Tensors(self.table, self.where, self.prefix + prefix)

    def has(self, name: str) -> bool:
        """Whether there is such a tensor."""
        return self.prefix + name in self.table

    def take(self, name: str, shape: tuple[int, ...] | torch.Size) -> Tensor:
        """A tensor in float32.

        Raises:
            CheckpointError: it is missing or misshapen.
        """
        full = self.prefix + name
        if full not in self.table:
            raise CheckpointError(f"{self.where}: tensor {full!r} is missing")
        tensor = self.table[full]
        if tensor.shape != torch.Size(shape):
            raise CheckpointError(
                f"{self.where}: tensor {full!r} has shape {list(tensor.shape)}, expected {list(shape)}"
            )
        return tensor.to(torch.float32)

    def fill(self, parameter: Tensor, name: str) -> None:
        """Copies a tensor into a parameter of the same shape.

        Raises:
            CheckpointError: it is missing or misshapen.
        """
        with torch.no_grad():
            parameter.copy_(self.take(name, parameter.shape))
