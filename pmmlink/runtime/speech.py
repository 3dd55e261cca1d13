"""The Python interface for programs that speak: push speech as it is made, the face follows in real time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy.typing as npt

from pmmlink.curves import LIVELINK_61
from pmmlink.errors import RuntimeFault
from pmmlink.retarget import Profile, load_profile
from pmmlink.retarget.idle import IdleFace
from pmmlink.runtime.base import Animator
from pmmlink.runtime.live import Live
from pmmlink.runtime.live_options import HOPS_S, LiveOptions
from pmmlink.runtime.live_stats import LiveStats
from pmmlink.sinks import Fanout, Sink, SinkStats, make_sink
from pmmlink.sources.push import PushSource
from pmmlink.types import MODEL_FPS, SAMPLE_RATE_HZ

_POLL_S = 0.01


class SpeechSession:
    """Speech in, a face out to every target, in real time. Known as ``pmmlink.Session``.

    Speech may be pushed as it comes or much faster. Each frame leaves when its sound is heard by somebody
    who plays the speech from the moment its first sample was pushed; where sound comes just in time, as soon
    as it is final. Sentences may follow each other without a pause. Between them the mouth is closed, and
    frames go on.

        with pmmlink.Session(["osc://127.0.0.1:8000"], rate_hz=24_000) as session:
            for pcm in synthesiser("Hello there."):   # mono float32, int16, or bytes of s16le
                session.push(pcm)
            session.flush()                           # the sentence is complete
            session.wait()                            # until it has been shown

    Methods may be called from one thread at a time, :meth:`interrupt` from any.

    Args:
        to: target URLs or sinks.
        rate_hz: sample rate of what is pushed.
        subject: name of the face.
        fps: frame rate of the frames.
        profile: the character, read or as a file; None is the shipped default.
        animator: the model; None loads the shipped weights, and torch with them.
        gate: let only voices move the mouth; synthetic speech needs no gate.
        idle: blinks, gaze and head motion from this seed; None: none.
        on_event: told in one line of what happens, from any thread.

    Raises:
        AudioError: a sample rate that cannot be.
        TargetError: a target that cannot be used.
        ProfileError: a bad profile.
        CheckpointError: weights that cannot be used.
    """

    def __init__(
        self,
        to: Sequence[str | Sink] = (),
        *,
        rate_hz: int = SAMPLE_RATE_HZ,
        subject: str = "pmmlink",
        fps: Fraction = MODEL_FPS,
        profile: Profile | Path | None = None,
        animator: Animator | None = None,
        gate: bool = False,
        idle: int | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        # What is cheap to refuse is refused before the model is loaded.
        self._source = PushSource(rate_hz)
        self._fanout = Fanout([make_sink(t) if isinstance(t, str) else t for t in to], on_event=on_event)
        character = profile if isinstance(profile, Profile) else load_profile(profile)
        if animator is None:
            from pmmlink.model.animator import load_animator

            animator = load_animator()
        layer = IdleFace(LIVELINK_61, float(fps), idle) if idle is not None else None
        options = LiveOptions(fps=fps, hop_s=HOPS_S["balanced"], gate=gate, idle=layer)
        self._live = Live(
            self._source,
            animator,
            self._fanout,
            profile=character,
            options=options,
            on_event=on_event or (lambda _: None),
        )
        self._fps, self._subject = fps, subject
        self._open = False

    def open(self) -> None:
        """Begin the stream on every target; ``with`` does it."""
        self._fanout.open(self._live.curves, self._fps, self._subject)
        self._live.start()
        self._open = True

    def push(self, pcm: npt.ArrayLike | bytes) -> None:
        """Queue mono speech at ``rate_hz``; waits only while a minute of it is queued already.

        Raises:
            AudioError: not mono, of another type, or not finite.
            RuntimeFault: the session is not open, or has failed.
        """
        if not self._open:
            raise RuntimeFault("the session is not open; use it in a 'with' statement")
        self._source.push(pcm)
        self._raise_fault()

    def flush(self) -> None:
        """The sentence is complete: what follows it is silence or the next one."""
        self._source.flush()

    def interrupt(self) -> None:
        """Barge-in: drop what has not been shown and close the mouth softly. Push again at any time."""
        self._source.interrupt()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all that was pushed is shown and the mouth is closed; False if time ran out first."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._live.idle_now:
            self._raise_fault()
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def close(self, *, timeout_s: float = 5.0) -> None:
        """Close the mouth softly and end the stream on every target. Harmless when repeated.

        Raises:
            RuntimeFault: a file could not be finished.
        """
        if self._open:
            self._open = False
            self._live.stop()
            self._live.wait(timeout_s)
        self._fanout.close(timeout_s)

    @property
    def live(self) -> LiveStats:
        """Latency, frames sent and dropped."""
        return self._live.stats

    @property
    def stats(self) -> dict[str, SinkStats]:
        """Frames sent and dropped, by target."""
        return self._fanout.stats

    def __enter__(self) -> SpeechSession:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._source.intake.waiting:
            # Leaving with speech in the queue lets it be heard out; an error or Ctrl-C does not.
            self._source.flush()
            self.wait()
        self.close()

    def _raise_fault(self) -> None:
        if self._live.wait(0.0):
            raise RuntimeFault("the session has ended")
