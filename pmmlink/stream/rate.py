"""Changing the frame rate by a fixed ratio, on a grid that does not depend on the clip's length.

The model's 50 Hz tokens become 30 Hz frames as 5 tokens : 3 frames, and an 80 Hz mel spectrogram
becomes 30 Hz windows as 8 : 3. Output ``j`` sits at input ``floor(j * down / up)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.stream.stage import Stage

_FEW = 8
"""Up to so many outputs at once, as in a live stream, each is cut out and multiplied by itself."""


@dataclass(slots=True)
class RateState:
    """Where a rate change stands.

    Attributes:
        tail: ``[B, n, C]`` inputs that later windows still need.
        start: index of ``tail[:, 0]`` counted from the period that ``next_output`` is counted from.
        next_output: index of the next window, kept below ``up`` by dropping whole periods.
        seen: inputs received, counted from the same period.
    """

    tail: Tensor
    start: int
    next_output: int
    seen: int


class RateWindows(Stage[RateState]):
    """Windows of ``taps`` inputs around ``floor(j * down / up)``: ``[B, T, C]`` → ``[B, T', taps, C]``.

    Args:
        up: output steps per period.
        down: input steps per period.
        taps: inputs in a window.
        ahead: how many of them lie after the window's own time; the rest lie at and before it.
    """

    def __init__(self, up: int, down: int, taps: int, *, ahead: int = 0) -> None:
        super().__init__()
        if ahead >= taps:
            raise ValueError(f"{ahead} inputs ahead do not fit into a window of {taps}")
        self.up, self.down, self.taps, self.ahead = up, down, taps, ahead
        self.before = taps - 1 - ahead
        self.ratio = Fraction(up, down)
        self.latency = ahead

    def position(self, output: int) -> int:
        """Input index at the time of a window."""
        return output * self.down // self.up

    def init_state(self, batch: int) -> RateState:
        return RateState(torch.zeros(batch, 0, 0), -self.before, 0, 0)

    def step(self, x: Tensor, state: RateState) -> Tensor:
        if not x.shape[1]:
            return x.new_zeros(x.shape[0], 0, self.taps, x.shape[2])
        if state.tail.shape[2] != x.shape[2]:
            # The first input tells the channels; before the stream lies silence (zeros).
            state.tail = x.new_zeros(x.shape[0], self.before, x.shape[2])
        pending = torch.cat([state.tail, x], dim=1)
        state.seen += x.shape[1]
        end = state.seen - self.ahead  # windows at inputs before this one are complete
        return self._emit(pending, end, state)

    def flush(self, state: RateState) -> Tensor:
        if not state.seen and not state.next_output:
            return state.tail.new_zeros(state.tail.shape[0], 0, self.taps, state.tail.shape[2])
        padded = F.pad(state.tail, (0, 0, 0, self.ahead))
        return self._emit(padded, state.seen, state)

    def forward(self, x: Tensor) -> Tensor:
        pending = F.pad(x, (0, 0, self.before, self.ahead))
        return self._emit(pending, x.shape[1], RateState(x[:, :0], -self.before, 0, x.shape[1]))

    def _emit(self, pending: Tensor, end: int, state: RateState) -> Tensor:
        first = state.next_output
        # The windows j with floor(j * down / up) < end are those with j * down < end * up.
        last = max(first, -(-end * self.up // self.down)) if end > 0 else first
        origin = -self.before - state.start
        if 0 < last - first <= _FEW:
            starts = [self.position(j) + origin for j in range(first, last)]
            windows = torch.stack([pending[:, s : s + self.taps] for s in starts], dim=1)
        else:
            at = torch.arange(first, last, device=pending.device) * self.down // self.up
            taps = torch.arange(origin, origin + self.taps, device=pending.device)
            windows = pending[:, at[:, None] + taps]
        keep = max(0, self.position(last) - self.before - state.start)
        keep = min(keep, pending.shape[1])
        state.tail = pending[:, keep:]
        state.start += keep
        periods = last // self.up
        state.next_output = last - periods * self.up
        state.start -= periods * self.down
        state.seen -= periods * self.down
        return windows


class RateChange(Stage[RateState]):
    """A learned rate change: each of the ``up`` phases has its own linear map of the last ``taps`` inputs.

    The output at phase ``p`` of a period lies ``frac(p * down / up)`` inputs after the newest input that
    it sees, so each phase learns its own small extrapolation and nothing is waited for.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        up: output steps per period.
        down: input steps per period.
        taps: inputs seen by an output.
    """

    def __init__(self, in_channels: int, out_channels: int, up: int, down: int, *, taps: int = 2) -> None:
        super().__init__()
        self.windows = RateWindows(up, down, taps)
        self.out_channels = out_channels
        scale = (in_channels * taps) ** -0.5
        # All phases start from the same map: at first the rate change is a plain resampling.
        shared = torch.empty(taps * in_channels, out_channels).uniform_(-scale, scale)
        self.weight = nn.Parameter(shared.repeat(up, 1, 1))
        self.bias = nn.Parameter(torch.zeros(up, out_channels))
        self.ratio = self.windows.ratio
        self.latency = 0

    def init_state(self, batch: int) -> RateState:
        return self.windows.init_state(batch)

    def step(self, x: Tensor, state: RateState) -> Tensor:
        phase = state.next_output
        return self._project(self.windows.step(x, state), phase)

    def flush(self, state: RateState) -> Tensor:
        phase = state.next_output
        return self._project(self.windows.flush(state), phase)

    def forward(self, x: Tensor) -> Tensor:
        return self._project(self.windows(x), 0)

    def _project(self, windows: Tensor, first_phase: int) -> Tensor:
        batch, steps = windows.shape[:2]
        if not steps:
            return windows.new_zeros(batch, 0, self.out_channels)
        up = self.windows.up
        flat = windows.reshape(batch, steps, -1)
        if steps <= _FEW:
            phases = [(first_phase + i) % up for i in range(steps)]
            rows = [torch.addmm(self.bias[p], flat[:, i], self.weight[p]) for i, p in enumerate(phases)]
            return torch.stack(rows, dim=1)
        # Lay the steps out as whole periods, so that each phase is one batched matrix product.
        head = first_phase % up
        tail = -(head + steps) % up
        periods = F.pad(flat, (0, 0, head, tail)).reshape(batch, -1, up, flat.shape[2])
        out = torch.einsum("bgpi,pio->bgpo", periods, self.weight) + self.bias
        return out.reshape(batch, -1, self.out_channels)[:, head : head + steps]
