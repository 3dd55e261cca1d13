"""What every sink does: take frames of a stream to one place and count what became of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import ClassVar

import numpy as np

from pmmlink.curves import LIVELINK_61, CurveSet
from pmmlink.errors import ConfigError, TargetError, WireError
from pmmlink.types import CurveFrame, FloatArray
from pmmlink.wire.values import clamp, require_subject


@dataclass(slots=True)
class SinkStats:
    """What became of the frames given to a sink.

    Attributes:
        sent: frames written or handed to the network without an error.
        dropped: frames given up: no way to the receiver, a full queue, or values that are not finite.
        errors: errors met, also those that cost no frame.
        last_error: text of the latest one; empty when there was none.
    """

    sent: int = 0
    dropped: int = 0
    errors: int = 0
    last_error: str = ""


def _ignore(event: str) -> None:
    """Takes events when nobody else does."""


class Sink(ABC):
    """One place that frames go to. All methods of one sink are called from one thread at a time.

    Attributes:
        url: the target as messages name it.
        stats: what became of the frames.
        on_event: called with one line when the state changes (receiver gone, receiver back).
    """

    network: ClassVar[bool]
    """Whether late frames are worthless here (a receiver) or not (a file)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stats = SinkStats()
        self.on_event: Callable[[str], None] = _ignore
        self._curves = LIVELINK_61
        self._subject = ""

    def open(self, curves: CurveSet, fps: Fraction, subject: str) -> None:
        """Begins a stream. Network sinks do not touch the network yet.

        Args:
            curves: the curves that the frames will have.
            fps: their frame rate.
            subject: name of the face.

        Raises:
            ConfigError: a subject that no format can carry, or a frame rate that is none.
            TargetError: a file that cannot be written.
        """
        try:
            require_subject(subject)
        except WireError as error:
            raise ConfigError(f"--subject {subject!r}: {error}") from None
        if fps <= 0:
            raise ConfigError(f"--fps {fps}: must be positive")
        self._curves, self._subject = curves, subject
        self._open()

    def send(self, frame: CurveFrame) -> None:
        """Takes a frame there. A network that fails is counted, never raised.

        Raises:
            RuntimeFault: a file can no longer be written.
        """
        if not np.isfinite(frame.values).all():
            self.stats.dropped += 1
            self.stats.errors += 1
            self.stats.last_error = f"frame {frame.index} has values that are not finite"
            return
        if self._send(frame):
            self.stats.sent += 1
        else:
            self.stats.dropped += 1

    @abstractmethod
    def close(self) -> None:
        """Ends the stream on purpose. Closing twice is harmless.

        Raises:
            RuntimeFault: a file cannot be finished.
        """

    def abort(self) -> None:
        """Ends the stream and leaves no half-made file behind."""
        self.close()

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    @property
    def _is_arkit(self) -> bool:
        """Whether the stream has ARKit's curves, or those of another rig that a profile names."""
        return "jawOpen" in self._curves

    def _require_arkit(self) -> None:
        """Raises TargetError for a format that knows no other names."""
        if not self._is_arkit:
            raise TargetError(
                f"{self.url}: carries ARKit curves only, but the profile makes {self._curves.label}; "
                "send that to osc://HOST:8000, vmc://HOST:39539 or FILE.csv"
            )

    @abstractmethod
    def _open(self) -> None:
        """The part of :meth:`open` that differs between sinks."""

    @abstractmethod
    def _send(self, frame: CurveFrame) -> bool:
        """Whether the frame went out."""


class CurveMap:
    """Brings frames to the curves of a format: by name, within limits, 0 where a frame lacks a curve."""

    def __init__(self, target: CurveSet) -> None:
        self.target = target
        self._source: CurveSet | None = None
        self._from = self._to = np.zeros(0, dtype=np.intp)

    def __call__(self, frame: CurveFrame) -> FloatArray:
        """``[len(target)]`` float32."""
        if frame.curves is not self._source:
            shared = [name for name in self.target.names if name in frame.curves]
            self._from = np.array(frame.curves.positions(shared), dtype=np.intp)
            self._to = np.array(self.target.positions(shared), dtype=np.intp)
            self._source = frame.curves
        values = np.zeros(len(self.target), dtype=np.float32)
        values[self._to] = frame.values[self._from]
        return clamp(values, self.target)
