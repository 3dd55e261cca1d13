"""The model as the runtime sees it: samples in, curves out, numpy on both sides."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from pmmlink.curves import MODEL_32, CurveSet
from pmmlink.model.checkpoint import load_model
from pmmlink.model.pmmtalk import FRAME_HZ, PMMTalk
from pmmlink.types import FloatArray


class Animator:
    """One stream of speech turned into one stream of curves.

    Attributes:
        curves: names of the columns.
        fps: frame rate of the rows.
        latency_samples: look-ahead at 16 kHz: frame ``k`` becomes final this long after its instant.
        model: the model underneath.
    """

    curves: CurveSet = MODEL_32
    fps: Fraction = Fraction(FRAME_HZ)

    def __init__(self, model: PMMTalk, style: str = "default") -> None:
        self.model = model.eval()
        self.latency_samples = model.latency
        with torch.inference_mode():
            self._style = model.style_vector(style)[None]
            # The identity branch runs here, once; resets share its maps.
            self._identity = model.init_state(1, self._style).identity
        self.reset()

    def reset(self) -> None:
        """Forgets the stream; the next sample is the first of a new one."""
        with torch.inference_mode():
            self._state = self.model.init_state(1, self._style)

    def push(self, samples: FloatArray) -> FloatArray:
        """Feeds mono 16 kHz samples ``[N]``; returns the frames that became final, ``[K, 32]``."""
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
            out = self.model.step(x[None, :, None], self._state)
        return out[0].numpy()

    def flush(self) -> FloatArray:
        """Ends the stream; returns the frames it still owes, ``[K, 32]``. Call :meth:`reset` afterwards."""
        with torch.inference_mode():
            out = self.model.flush(self._state)
        return out[0].numpy()


def load_animator(weights: Path | None = None, style: str = "default", threads: int = 1) -> Animator:
    """Loads weights and makes an animator.

    Args:
        weights: a weights file; default the shipped one.
        style: name of a stored style.
        threads: CPU threads for the model. One is usually fastest: the matrices are small.

    Raises:
        CheckpointError: the weights or the style cannot be used.
    """
    torch.set_num_threads(threads)
    model, _ = load_model(weights)
    return Animator(model, style)
