"""A live session: the loop in a thread of its own, and what its owner may ask of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from pmmlink.retarget import Profile
from pmmlink.runtime.base import Animator, TimeSource
from pmmlink.runtime.live_loop import LiveLoop
from pmmlink.runtime.live_options import FrameTarget, LiveOptions, SoundTap
from pmmlink.sources.live import LiveSource
from pmmlink.types import SAMPLE_RATE_HZ

_WARM_UP_FRAMES = 12


class Live(LiveLoop):
    """A live source shown until it ends or is stopped; the source is started and stopped here.

    Methods are for the owner, from any thread.

    Args:
        source: the sound.
        animator: the model; it belongs to this object until the end.
        target: gets every frame; opening and closing it is the caller's affair.
        profile: the character.
        options: behaviour.
        host: time, replaceable in tests.
        on_event: told in one line of what happens.
    """

    def __init__(
        self,
        source: LiveSource,
        animator: Animator,
        target: FrameTarget,
        *,
        profile: Profile | None = None,
        options: LiveOptions | None = None,
        host: TimeSource | None = None,
        on_event: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(
            source, animator, target, profile=profile, options=options, host=host, on_event=on_event
        )
        self._stop = threading.Event()
        self._finished = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="pmmlink live", daemon=True)

    def start(self) -> None:
        """Begin; returns at once, but for a tenth of a second in which the model warms up.

        Raises:
            PmmlinkError: the source cannot be had.
        """
        _warm_up(self._animator)
        self.source.start()
        self._thread.start()

    def stop(self) -> None:
        """Break off: the mouth closes softly; :meth:`wait` for it."""
        self._stop.set()
        self._intake.wake()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; False when the time ran out first.

        Raises:
            PmmlinkError: what ended the stream.
        """
        if not self._finished.wait(timeout_s):
            return False
        self._thread.join()
        if self._error is not None:
            raise self._error
        return True

    def recentre(self) -> None:
        """The face of the last second is the neutral one from now on."""
        self._face.recentre()

    def attach(self, make: Callable[[int, int], SoundTap]) -> None:
        """Let a tap be made between two steps of the loop, from the stream's position and its sample rate."""
        self._orders.append(lambda: self._taps.append(make(self._sound.position, self._intake.rate_hz)))

    def detach(self, tap: SoundTap) -> None:
        """Let a tap go, between two steps of the loop."""
        self._orders.append(lambda: self._taps.remove(tap))

    @property
    def idle_now(self) -> bool:
        """Everything that came has been shown."""
        return not self._intake.waiting and self._silent and self._face.closed

    @property
    def position_s(self) -> float:
        """How far the stream has come."""
        return self._sound.position / SAMPLE_RATE_HZ

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self.ended:
                if not self.step() and not self.ended:
                    self._intake.wait(self.nap_s())
        except Exception as fault:
            self._error = fault
        finally:
            self.source.stop()
            self._face.close_mouth()
            self._finished.set()


def _warm_up(animator: Animator) -> None:
    """The first frames of a process cost several times as much as the others; nobody waits for these."""
    hop = np.zeros(-(-SAMPLE_RATE_HZ * animator.fps.denominator // animator.fps.numerator), np.float32)
    for _ in range(animator.latency_samples // len(hop) + _WARM_UP_FRAMES):
        animator.push(hop)
    animator.reset()
