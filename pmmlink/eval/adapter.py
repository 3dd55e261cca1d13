"""What the suite asks of a model, and the shipped model behind it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pmmlink.types import SAMPLE_RATE_HZ, FloatArray

if TYPE_CHECKING:
    from pmmlink.model.animator import Animator


class SpeechModel(Protocol):
    """Anything that turns speech into curves."""

    @property
    def name(self) -> str:
        """How reports call it."""

    @property
    def styles(self) -> tuple[str, ...]:
        """Styles it can speak in, ``default`` among them."""

    def predict(self, audio: FloatArray, style: str = "default") -> FloatArray:
        """Mono 16 kHz ``[N]`` → ``[T, 32]`` curves at 30 fps, frame ``k`` at ``k / 30`` seconds."""


class AnimatorModel:
    """The streaming model, fed as a stream: a second at a time, then the flush.

    Args:
        weights: a weights file; the shipped one when None.
        threads: CPU threads.

    Raises:
        CheckpointError: the weights cannot be used.
    """

    def __init__(self, weights: Path | None = None, threads: int = 1) -> None:
        from pmmlink.model.animator import load_animator
        from pmmlink.model.checkpoint import SHIPPED, sha256_of

        self._animators: dict[str, Animator] = {"default": load_animator(weights, threads=threads)}
        # Two files of one name must not be taken for each other in reports.
        self.name = f"{(weights or SHIPPED).name} (SHA-256 {sha256_of(weights or SHIPPED)[:12]})"

    @property
    def styles(self) -> tuple[str, ...]:
        """Styles stored in the weights."""
        return self._animators["default"].model.config.styles

    def predict(self, audio: FloatArray, style: str = "default") -> FloatArray:
        """Curves of a clip, ``[T, 32]``."""
        from pmmlink.model.animator import Animator

        if style not in self._animators:
            self._animators[style] = Animator(self._animators["default"].model, style)
        animator = self._animators[style]
        animator.reset()
        chunks = [
            animator.push(audio[first : first + SAMPLE_RATE_HZ])
            for first in range(0, len(audio), SAMPLE_RATE_HZ)
        ]
        return np.concatenate([*chunks, animator.flush()])
