"""One training process among several: what ``torchrun`` says about it, and what they tell each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from pmmlink.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Processes:
    """This process's place.

    Attributes:
        rank: its number, from 0; number 0 writes files and speaks.
        count: how many there are, on all machines.
        device: where its model lives.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, items: list[int]) -> list[int]:
        """This process's part of a list: every ``count``-th, from its own number on."""
        return items[self.rank :: self.count]

    def add_up(self, values: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.count > 1:
            values = values.to(self.device)
            dist.all_reduce(values)
        return values.cpu()

    def wait(self) -> None:
        """Until every process is here."""
        if self.count > 1:
            dist.barrier()


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """``auto``, ``cpu`` or ``cuda`` → a device.

    Raises:
        ConfigError: CUDA is asked for and there is none, or not one for each process.
    """
    cuda = torch.cuda.is_available()
    if name == "cpu" or (name == "auto" and not cuda):
        return torch.device("cpu")
    if not cuda:
        raise ConfigError("--device cuda: this torch sees no CUDA device; use --device cpu")
    if local_rank >= torch.cuda.device_count():
        raise ConfigError(
            f"process {local_rank} of this machine has no GPU to itself ({torch.cuda.device_count()} there); "
            "start fewer with torchrun --nproc-per-node, or use --device cpu"
        )
    return torch.device("cuda", local_rank)


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Joins the processes that ``torchrun`` started; alone without it.

    NCCL between GPUs, Gloo between CPUs. Works over several machines: ``torchrun`` gives the addresses.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ConfigError: no such device.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(0, 1, choose_device(device))
        return
    place = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), count, place)
    finally:
        dist.destroy_process_group()
