"""The contract that every stage is tested against: the streaming law of ``pmmlink.stream.stage``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pmmlink.stream.stage import Stage, run_stream

TOLERANCE = 1e-4


def random_chunks(total: int, rng: np.random.Generator, largest: int) -> list[int]:
    """Random chunk sizes, empty ones among them, that add up to ``total``."""
    sizes: list[int] = []
    while (left := total - sum(sizes)) > 0:
        sizes.append(int(min(left, rng.integers(0, largest + 1))))
    return sizes


def state_size(state: Any) -> int:
    """Elements held by a state, however it is nested."""
    if isinstance(state, Tensor):
        return state.numel()
    if isinstance(state, dict):
        return sum(state_size(v) for v in state.values())
    if isinstance(state, list):
        return sum(state_size(v) for v in state)
    if hasattr(state, "__dataclass_fields__"):
        return sum(state_size(getattr(state, name)) for name in state.__dataclass_fields__)
    return 0


def check_law(
    stage: Stage[Any], x: Tensor, *, smallest: int = 1, largest: int | None = None, seed: int = 0
) -> None:
    """Any chunking equals the whole; the state stays bounded; the declared latency is honest.

    Args:
        stage: in evaluation mode.
        x: input ``[B, T, C]``.
        smallest: size of the finest fixed chunking tried (1 = one step at a time).
        largest: largest random chunk; default a third of the input.
        seed: of the chunkings.
    """
    rng = np.random.default_rng(seed)
    total = x.shape[1]
    largest = largest or max(2, total // 3)
    with torch.inference_mode():
        whole = stage(x)
        fixed = [smallest] * (total // smallest)
        for sizes in (
            [total],
            fixed,
            random_chunks(total, rng, largest),
            random_chunks(total, rng, 2 + largest // 5),
        ):
            streamed = run_stream(stage, x, sizes)
            assert streamed.shape == whole.shape, (sizes[:5], streamed.shape, whole.shape)
            assert torch.allclose(streamed, whole, atol=TOLERANCE, rtol=0), (streamed - whole).abs().max()
    check_latency(stage, x, rng)
    check_promptness(stage, x)
    if total >= 16:  # shorter inputs do not fill the buffers
        check_bounded(stage, x)


def check_latency(stage: Stage[Any], x: Tensor, rng: np.random.Generator) -> None:
    """Perturbation: changing inputs later than ``j / ratio + latency`` never changes output ``j``."""
    with torch.inference_mode():
        whole = stage(x)
        for _ in range(4):
            j = int(rng.integers(0, whole.shape[1]))
            last = math.floor(j / stage.ratio) + stage.latency
            if last + 1 >= x.shape[1]:
                continue
            changed = x.clone()
            changed[:, last + 1 :] = torch.randn_like(changed[:, last + 1 :]) * 3
            assert torch.allclose(stage(changed)[:, : j + 1], whole[:, : j + 1], atol=TOLERANCE, rtol=0), (
                f"output {j} sees beyond its declared latency"
            )


def check_promptness(stage: Stage[Any], x: Tensor) -> None:
    """An output is handed over as soon as the declared latency allows, not later."""
    with torch.inference_mode():
        state = stage.init_state(x.shape[0])
        got = stage.step(x, state).shape[1]
    due = math.floor((x.shape[1] - 1 - stage.latency) * stage.ratio) + 1
    assert got >= due, f"{got} outputs handed over, {due} were final"


def check_bounded(stage: Stage[Any], x: Tensor) -> None:
    """The state does not grow with the length of the stream."""
    with torch.inference_mode():
        state = stage.init_state(x.shape[0])
        sizes = []
        # Long enough for every phase of a rate change to come round twice.
        for _ in range(20):
            stage.step(x, state)
            sizes.append(state_size(state))
    # Strides leave a few inputs more or less behind; growth would add as much again each time.
    assert max(sizes[10:]) <= 1.2 * max(sizes[:10]), f"the state grows: {sizes}"
