"""The character of a live session: a profile that may be edited while the session runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pmmlink.curves import MODEL_32
from pmmlink.retarget import Profile, ProfileWatcher, Retargeter
from pmmlink.runtime.base import Animator
from pmmlink.runtime.live_options import LiveOptions
from pmmlink.runtime.pipeline import Pipeline
from pmmlink.types import SAMPLE_RATE_HZ, FloatArray


class LiveCharacter:
    """Makes pipelines for one profile, read again when its file changes.

    Args:
        profile: the character at the start; None leaves the model's curves as they are.
        options: frame rate, and smoothing where the profile sets none.
        on_event: told in one line when the file was read again, or cannot be.
    """

    def __init__(
        self, profile: Profile | None, options: LiveOptions, on_event: Callable[[str], None]
    ) -> None:
        self._profile = profile or Profile()
        self._options = options
        self._watcher = ProfileWatcher(self._profile, on_event) if self._profile.path else None
        self._seen = self._profile

    def pipeline(self, animator: Animator) -> Pipeline:
        """A pipeline at the start of a stream; it looks after the profile's file."""
        return Pipeline(
            animator,
            SAMPLE_RATE_HZ,
            fps=self._options.fps,
            profile=self._profile,
            watcher=self._watcher,
            smoothing=self._options.smoothing,
        )

    @property
    def rest(self) -> FloatArray:
        """The face in silence, ``[C]``."""
        face: FloatArray = Retargeter(self._profile).apply(np.zeros((1, len(MODEL_32)), np.float32))[0]
        return face

    def changed(self) -> bool:
        """Whether the file has been read again since this was asked last."""
        if self._watcher is None or self._watcher.profile is self._seen:
            return False
        self._seen = self._watcher.profile
        # Receivers were told the curves at the start, so rig and delay stay as they began.
        self._profile = replace(self._seen, rig=self._profile.rig, delay_ms=self._profile.delay_ms)
        return True
