"""One stream of speech on its way to its targets: the pipeline, the sinks, and their common life."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from pmmlink.retarget import Profile, ProfileWatcher, load_profile
from pmmlink.runtime.base import Animator
from pmmlink.runtime.ease import ease_to_neutral
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.sinks import Fanout, Sink, SinkStats, make_sink
from pmmlink.types import MODEL_FPS, SAMPLE_RATE_HZ, AudioChunk, CurveFrame, FloatArray


class Session:
    """Speech in, frames out to every target. Use it in a ``with`` statement.

    :meth:`push` sends each frame as soon as it is final. Who plays sound beside it and wants frames to leave
    with their sound takes :attr:`pipeline` and :meth:`send` instead, as
    :class:`~pmmlink.runtime.playback.Playback` does.

        with pmmlink.Session(["osc://127.0.0.1:8000"], rate_hz=24_000) as session:
            for pcm in speech:           # mono float32, any length
                session.push(pcm)
            session.flush()

    Args:
        to: target URLs or sinks.
        rate_hz: sample rate of what is pushed.
        subject: name of the face.
        fps: frame rate of the frames.
        profile: the character, read or as a file; None is the shipped default. Its file is watched, and
            read again when it changes.
        animator: the model; None loads the shipped weights, and torch with them.
        lossless: wait for slow targets instead of dropping frames, for streams that nobody watches.
        on_event: told in one line of what happens to a target, from that target's thread.

    Raises:
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
        lossless: bool = False,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        # What is cheap to refuse is refused before the model is loaded.
        sinks = [make_sink(target) if isinstance(target, str) else target for target in to]
        self._fanout = Fanout(sinks, lossless, on_event)
        character = profile if isinstance(profile, Profile) else load_profile(profile)
        if animator is None:
            from pmmlink.model.animator import load_animator

            animator = load_animator()
        watcher = ProfileWatcher(character, on_event or (lambda _: None)) if character.path else None
        self.pipeline = Pipeline(animator, rate_hz, fps=fps, profile=character, watcher=watcher)
        self.subject = subject
        self._position = 0
        self._last: CurveFrame | None = None

    def open(self) -> None:
        """Begin the stream on every target; ``with`` does it."""
        self._fanout.open(self.pipeline.curves, self.pipeline.fps, self.subject)

    def push(self, samples: FloatArray) -> None:
        """Take mono samples ``[N]`` at ``rate_hz``; send the frames that are final now."""
        chunk = AudioChunk(samples, self._position, self.pipeline.rate_hz)
        self._position += len(samples)
        for frame in self.pipeline.push(chunk):
            self.send(frame)

    def flush(self) -> None:
        """The sound has ended: send the frames still owed. Nothing may be pushed afterwards."""
        for frame in self.pipeline.flush():
            self.send(frame)

    def send(self, frame: CurveFrame) -> None:
        """Send one frame now."""
        self._last = frame
        self._fanout.send(frame)

    def close(self, *, discard: bool = False, timeout_s: float = 5.0) -> None:
        """End the stream on every target: files are finished, receivers told. Harmless when repeated.

        Args:
            discard: the stream failed: leave no half-made files.
            timeout_s: for all targets together.

        Raises:
            RuntimeFault: a file could not be finished.
        """
        self._fanout.close(timeout_s, discard)

    @property
    def stats(self) -> dict[str, SinkStats]:
        """Frames sent and dropped, by target."""
        return self._fanout.stats

    def __enter__(self) -> Session:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._last is not None and self._last.values.any():
            for frame in ease_to_neutral(self._last):
                self.send(frame)
        self.close(discard=isinstance(error, Exception))
