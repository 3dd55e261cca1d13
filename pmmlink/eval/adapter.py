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
    """A model of curves, fed as a stream: a second at a time, then the flush.

    Args:
        weights: a weights file; the shipped one when None.
        threads: CPU threads.

    Raises:
        CheckpointError: the weights cannot be used, or predict no curves.
    """

    def __init__(self, weights: Path | None = None, threads: int = 1) -> None:
        from pmmlink.model.animator import load_animator

        # The first style that is stored: weights need not have a default one.
        first = _stored_styles(weights)[0]
        self._first = load_animator(weights, first, threads)
        self._animators: dict[str, Animator] = {first: self._first}
        self.name = _named(weights)

    @property
    def styles(self) -> tuple[str, ...]:
        """Styles stored in the weights."""
        return self._first.model.config.styles

    def predict(self, audio: FloatArray, style: str = "default") -> FloatArray:
        """Curves of a clip, ``[T, 32]``."""
        from pmmlink.model.animator import Animator

        if style not in self._animators:
            self._animators[style] = Animator(self._first.model, style)
        animator = self._animators[style]
        animator.reset()
        chunks = [
            animator.push(audio[first : first + SAMPLE_RATE_HZ])
            for first in range(0, len(audio), SAMPLE_RATE_HZ)
        ]
        return np.concatenate([*chunks, animator.flush()])


class MeshModel:
    """A model of vertices, fed whole clips: nobody streams a mesh.

    Args:
        weights: a weights file.
        threads: CPU threads.

    Raises:
        CheckpointError: the weights cannot be used.
    """

    def __init__(self, weights: Path, threads: int = 1) -> None:
        import torch

        from pmmlink.model.checkpoint import load_model

        torch.set_num_threads(threads)
        self._model, _ = load_model(weights)
        self.name = _named(weights)

    @property
    def styles(self) -> tuple[str, ...]:
        """Styles stored in the weights."""
        return self._model.config.styles

    def predict(self, audio: FloatArray, style: str = "default") -> FloatArray:
        """Offsets of a clip's vertices, ``[T, V * 3]`` millimetres."""
        import torch

        from pmmlink.model.styles import style_vector

        with torch.inference_mode():
            p = style_vector(self._model, style)[None]
            out: FloatArray = self._model(torch.from_numpy(audio)[None, :, None], p)[0].numpy()
        return out


def load_speech_model(weights: Path | None = None, threads: int = 1) -> AnimatorModel | MeshModel:
    """The model in a weights file, by what it predicts; the shipped one when None.

    Raises:
        CheckpointError: the weights cannot be used.
    """
    from pmmlink.model.checkpoint import read_card

    if weights is not None and not read_card(weights)[0].predicts_curves:
        return MeshModel(weights, threads)
    return AnimatorModel(weights, threads)


def _stored_styles(weights: Path | None) -> tuple[str, ...]:
    from pmmlink.model.checkpoint import read_card

    return read_card(weights)[0].styles


def _named(weights: Path | None) -> str:
    """Two files of one name must not be taken for each other in reports."""
    from pmmlink.model.checkpoint import SHIPPED, sha256_of

    return f"{(weights or SHIPPED).name} (SHA-256 {sha256_of(weights or SHIPPED)[:12]})"
