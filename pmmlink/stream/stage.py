"""The streaming law, as a base class.

A *stage* maps a sequence of steps to a sequence of steps. Whatever the chunking of its input::

    concat(step(x0, s), step(x1, s), …, flush(s)) == forward(concat(x0, x1, …))

to 1e-4 in float32, with a state of bounded size. Offline training, evaluation and live streaming
therefore run the same function. ``tests/contract.py`` checks any stage against this law.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn

S = TypeVar("S")

WHOLE_CLIP = 1 << 40
"""Declared latency of a stage that must see the whole clip first: it runs offline only."""


class Stage(nn.Module, ABC, Generic[S]):
    """A streamable map from ``[B, T, C]`` to ``[B, T', C']``.

    Attributes:
        ratio: output steps per input step.
        latency: how many input steps beyond its own time an output step waits for: output ``j``
            depends on no input later than ``floor(j / ratio) + latency``.
    """

    ratio: Fraction = Fraction(1)
    latency: int = 0

    @abstractmethod
    def init_state(self, batch: int) -> S:
        """A fresh state for ``batch`` parallel streams, on the device of the parameters."""

    @abstractmethod
    def step(self, x: Tensor, state: S) -> Tensor:
        """Consumes ``[B, T, C]`` (T may be 0), updates ``state`` in place, returns what became final."""

    @abstractmethod
    def flush(self, state: S) -> Tensor:
        """What the end of the stream still owes. The state is spent afterwards."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """The whole sequence at once, as in training."""

    def inputs_for(self, outputs: int) -> int:
        """How many input steps must have come before so many output steps (at least 1) are final."""
        return (outputs - 1) * self.ratio.denominator // self.ratio.numerator + self.latency + 1


def stage_device(module: nn.Module) -> torch.device:
    """Device of a module's first parameter or buffer (CPU when it has none)."""
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


@dataclass(slots=True)
class NoState:
    """State of a stage that remembers nothing."""


class Pointwise(Stage[NoState]):
    """Wraps a module that treats every step on its own (linear, norm, activation, per-frame CNN)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def init_state(self, batch: int) -> NoState:  # noqa: ARG002 - the law's signature
        return NoState()

    def step(self, x: Tensor, state: NoState) -> Tensor:  # noqa: ARG002
        return self.forward(x)

    def flush(self, state: NoState) -> Tensor:  # noqa: ARG002
        device = stage_device(self)
        return torch.zeros(1, 0, 0, device=device)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.module(x)
        return out


@dataclass(slots=True)
class ChainState:
    """States of a chain's stages, in order."""

    states: list[Any]


class Chain(Stage[ChainState]):
    """Stages one after another; ratio and latency are composed from theirs."""

    def __init__(self, *stages: Stage[Any]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        ratio, latency = Fraction(1), Fraction(0)
        for stage in stages:
            latency += stage.latency / ratio
            ratio *= stage.ratio
        self.ratio = ratio
        # A fractional total is rounded up: a declared latency may be larger than the true one, never smaller.
        self.latency = -int(-latency // 1)

    def _each(self) -> list[Stage[Any]]:
        return cast("list[Stage[Any]]", list(self.stages))

    def init_state(self, batch: int) -> ChainState:
        return ChainState([stage.init_state(batch) for stage in self._each()])

    def step(self, x: Tensor, state: ChainState) -> Tensor:
        for stage, its_state in zip(self._each(), state.states, strict=True):
            if not x.shape[1]:
                break  # nothing became final; an empty result need not have the right channels
            x = stage.step(x, its_state)
        return x

    def flush(self, state: ChainState) -> Tensor:
        stages = self._each()
        carried = stages[0].flush(state.states[0])
        for stage, its_state in zip(stages[1:], state.states[1:], strict=True):
            carried = drain(stage, carried, its_state)
        return carried

    def forward(self, x: Tensor) -> Tensor:
        for stage in self._each():
            x = stage(x)
        return x

    def inputs_for(self, outputs: int) -> int:
        for stage in reversed(self._each()):
            outputs = stage.inputs_for(outputs)
        return outputs


def join_time(parts: list[Tensor]) -> Tensor:
    """Concatenates outputs along time, leaving out empty ones (an empty flush may lack the channels).

    Args:
        parts: tensors ``[B, T_i, …]``, at least one.
    """
    filled = [part for part in parts if part.shape[1]]
    if not filled:
        return parts[0]
    return filled[0] if len(filled) == 1 else torch.cat(filled, dim=1)


def drain(stage: Stage[S], carried: Tensor, state: S) -> Tensor:
    """Ends a stage's stream: feeds what the stage before still owed, then flushes."""
    last = [stage.step(carried, state)] if carried.shape[1] else []
    return join_time([*last, stage.flush(state)])


def run_stream(stage: Stage[S], x: Tensor, sizes: list[int]) -> Tensor:
    """Feeds ``x`` in chunks of the given sizes and flushes: the left side of the streaming law."""
    state = stage.init_state(x.shape[0])
    parts, start = [], 0
    for size in sizes:
        parts.append(stage.step(x[:, start : start + size], state))
        start += size
    if start < x.shape[1]:
        parts.append(stage.step(x[:, start:], state))
    parts.append(stage.flush(state))
    return join_time(parts)
