"""The model as the runtime sees it: samples in, curves out, numpy on both sides."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from pmmlink.curves import MODEL_32, CurveSet
from pmmlink.errors import CheckpointError
from pmmlink.model.checkpoint import load_model
from pmmlink.model.pmmtalk import FRAME_HZ, PMMTalk
from pmmlink.model.running import made_for_running
from pmmlink.model.styles import style_vector
from pmmlink.model.talking_head import Identity
from pmmlink.types import FloatArray


class Animator:
    """One stream of speech turned into one stream of curves.

    The model runs twice for each frame: as soon as its mouth can be painted, over all that has come by then,
    and when its last sample has come. What is done the first time does not stand between the last sample and
    its frame, and the second finds the weights at hand; running for every small block would read them more
    often and finish no frame earlier.

    Attributes:
        curves: names of the columns.
        fps: frame rate of the rows.
        latency_samples: look-ahead at 16 kHz: frame ``k`` becomes final this long after its instant.
        model: the model underneath, a copy for running only: it shares the weights of the one given.

    Raises:
        CheckpointError: the model predicts vertices, or has no such style.
    """

    curves: CurveSet = MODEL_32
    fps: Fraction = Fraction(FRAME_HZ)

    def __init__(self, model: PMMTalk, style: str = "default") -> None:
        if not model.config.predicts_curves:
            raise CheckpointError(
                f"these weights move {model.config.decoder.outputs // 3} vertices of a mesh, not facial "
                "curves; they can be measured with 'pmmlink eval', not played"
            )
        self.model = made_for_running(model)
        self.latency_samples = model.latency
        with torch.inference_mode():
            self._style = style_vector(self.model, style)[None]
        self._identity: Identity | None = None
        self.reset()

    def reset(self) -> None:
        """Forgets the stream; the next sample is the first of a new one."""
        with torch.inference_mode():
            self._state = self.model.init_state(1, self._style, identity=self._identity)
        # The identity branch ran the first time; later resets share its maps.
        self._identity = self._state.identity
        self._unheard: list[FloatArray] = []
        self._unseen: list[FloatArray] = []
        self._seen = 0
        self._due = self.model.inputs_for(1)
        self._look_due = self._samples_to_look()

    def push(self, samples: FloatArray) -> FloatArray:
        """Feeds mono 16 kHz samples ``[N]``; returns the frames that became final, ``[K, 32]``."""
        kept = np.array(samples, dtype=np.float32)  # copied: callers reuse their buffers
        self._unheard.append(kept)
        self._unseen.append(kept)
        self._due -= len(kept)
        self._look_due -= len(kept)
        if self._due <= 0:
            return self._run()
        if self._look_due <= 0:
            with torch.inference_mode():
                self._look()
            return self._run()
        return np.zeros((0, len(self.curves)), np.float32)

    def flush(self) -> FloatArray:
        """Ends the stream; returns the frames it still owes, ``[K, 32]``. Call :meth:`reset` afterwards."""
        final = self._run() if self._unheard else np.zeros((0, len(self.curves)), np.float32)
        with torch.inference_mode():
            self._look()
            out = self.model.flush(self._state)
        return np.concatenate([final, out[0].numpy()])

    def _run(self) -> FloatArray:
        """Runs the model over the samples that wait."""
        with torch.inference_mode():
            heard = self._state.samples + sum(map(len, self._unheard))
            if self.model.inputs_for(self._painted() + 1) <= heard:  # else it can wait for the next push
                self._look()
            out = self.model.listen(_stream(self._unheard), self._state)
        self._unheard.clear()
        self._due = self.model.inputs_for(self._state.frames + 1) - self._state.samples
        frames: FloatArray = out[0].numpy()
        return frames

    def _look(self) -> None:
        """Paints the mouth over the samples that it has not seen."""
        if self._unseen:
            x = _stream(self._unseen)
            self.model.look(x, self._state)
            self._seen += x.shape[1]
            self._unseen.clear()
        self._look_due = self._samples_to_look()

    def _samples_to_look(self) -> float:
        """How many more samples the next painted mouth needs."""
        if "image" not in self.model.modalities:
            return math.inf
        return self.model.inputs_to_look(self._painted() + 1) - self._seen

    def _painted(self) -> int:
        """Frames whose mouth is painted; without an image branch, those that are final."""
        state = self._state
        return state.frames + (state.waiting["image"].shape[1] if "image" in state.waiting else 0)


def _stream(blocks: list[FloatArray]) -> torch.Tensor:
    """``[1, N, 1]``."""
    return torch.from_numpy(np.concatenate(blocks))[None, :, None]


def load_animator(weights: Path | None = None, style: str = "default", threads: int = 1) -> Animator:
    """Loads weights and makes an animator.

    Args:
        weights: a weights file; default the shipped one.
        style: name of a stored style, a blend ``a:0.7,b:0.3``, or a style file.
        threads: CPU threads for the model. One is usually fastest: the matrices are small.

    Raises:
        CheckpointError: the weights or the style cannot be used.
    """
    torch.set_num_threads(threads)
    model, _ = load_model(weights)
    return Animator(model, style)
