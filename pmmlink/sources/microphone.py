"""A microphone that may be unplugged at any time: watched, given up, found again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from pmmlink.errors import RuntimeFault
from pmmlink.sources.live import Intake
from pmmlink.types import FloatArray

CAPACITY_S = 4.0
STALL_S = 1.0
"""A device that delivers nothing for so long is given up."""

START_S = 5.0
"""A device that was opened just now may take so long to begin, as wireless ones do."""

RETRY_S = 1.0
DEFAULT_CHECK_S = 15.0

Take = Callable[[FloatArray, float, bool], None]
"""Gets ``[N, channels]``, the host time at which the last sample was in the air, whether sound was lost."""


class InputDevice(Protocol):
    """A microphone that delivers sound at its own pace.

    Attributes:
        name: for messages.
        rate_hz: its native sample rate.
        channels: its channels.
        block_s: sound delivered at once.
    """

    @property
    def name(self) -> str: ...
    @property
    def rate_hz(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def block_s(self) -> float: ...

    def start(self, take: Take) -> None:
        """Begin to call ``take`` from the device's own thread. Raises RuntimeFault."""
        ...

    def stop(self) -> None:
        """``take`` is not called afterwards. Harmless when repeated."""
        ...


class Microphone:
    """A :class:`~pmmlink.sources.live.LiveSource` on whatever device ``opener`` gives.

    Args:
        opener: opens the device wanted; called again after it was lost. Raises RuntimeFault.
        default_name: the name of the system's default device, asked now and then; when it changes, the
            microphone is opened anew. None: a certain device was asked for.
        now: host time.
        on_event: told in one line of what happens.
    """

    paced = False
    finished = False

    def __init__(
        self,
        opener: Callable[[], InputDevice],
        *,
        default_name: Callable[[], str] | None = None,
        now: Callable[[], float] = time.perf_counter,
        on_event: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._opener = opener
        self._default_name = default_name
        self._now = now
        self._on_event = on_event
        self._device: InputDevice | None = None
        self._lost_at_s = 0.0
        self._retry_at_s = 0.0
        self._last_take_s = 0.0
        self._begun = False
        self._known_default = ""
        self._check_at_s = 0.0
        self._stopped = threading.Event()
        # Refused at the start, so that a wrong name is told at once.
        self._first: InputDevice | None = opener()
        self.name = self._first.name
        self.intake = self._new_intake(self._first)

    def start(self) -> None:
        device, self._first = self._first, None
        if device is None:
            return
        self._begin(device)
        self._known_default = self._default_name() if self._default_name else ""
        self._check_at_s = self._now() + DEFAULT_CHECK_S
        threading.Thread(target=self._watch, name="pmmlink microphone", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        for device in (self._first, self._device):
            if device is not None:
                device.stop()
        self._device = None

    @property
    def connected(self) -> bool:
        """A device is open and has delivered lately."""
        return self._device is not None

    def supervise(self) -> None:
        """Look after the device once; the watching thread calls it, or a test in its place."""
        now = self._now()
        if self._device is None:
            if now >= self._retry_at_s:
                self._retry_at_s = now + RETRY_S
                self._reopen(now)
        elif now - self._last_take_s > (STALL_S if self._begun else START_S):
            self._on_event(f"microphone {self.name!r} is gone; waiting for it, the face rests")
            self._let_go(now)
        elif self._default_name is not None and now >= self._check_at_s:
            self._check_at_s = now + DEFAULT_CHECK_S
            default = self._default_name()
            if default and default != self._known_default:
                self._on_event(f"the default microphone is {default!r} now; changing to it")
                self._known_default = default
                self._let_go(now)

    def _watch(self) -> None:
        while not self._stopped.wait(0.1):
            self.supervise()

    def _let_go(self, now: float) -> None:
        device, self._device = self._device, None
        self._lost_at_s = self._retry_at_s = now
        if device is not None:
            device.stop()

    def _reopen(self, now: float) -> None:
        # Its absence has been told; where a try fails the next one comes.
        try:
            device = self._opener()
        except RuntimeFault:
            return
        self.intake = self._new_intake(device)
        try:
            self._begin(device)
        except RuntimeFault:
            device.stop()
            return
        self.name = device.name
        self._on_event(f"microphone {self.name!r} is back after {now - self._lost_at_s:.1f} s")

    def _begin(self, device: InputDevice) -> None:
        self._last_take_s, self._begun = self._now(), False
        intake = self.intake

        def take(samples: FloatArray, captured_s: float, lost: bool) -> None:
            self._last_take_s, self._begun = self._now(), True
            intake.offer(samples, captured_s, lost)

        device.start(take)
        self._device = device

    def _new_intake(self, device: InputDevice) -> Intake:
        intake = Intake(device.rate_hz, device.channels, CAPACITY_S, self._now)
        intake.block_s = device.block_s
        return intake
