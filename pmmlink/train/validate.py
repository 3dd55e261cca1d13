"""What a run is judged by between epochs, on the validation takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.clips import Clip, TakeMemory
from pmmlink.train.features import FeatureReader
from pmmlink.train.losses import motion_loss, position_loss
from pmmlink.train.processes import Processes


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over clips.

    Attributes:
        position: eq. 9; the run keeps the weights for which it is lowest.
        motion: eq. 10.
        lve: largest error of a frame, mean over frames (section V-A): over the coefficients, or in mm over
            the vertices (all of them: which are lips is the evaluation's business).
        ale: average error of a frame, mean over frames.
    """

    position: float
    motion: float
    lve: float
    ale: float

    def to_dict(self) -> dict[str, float]:
        """For logs and cards."""
        return {"position": self.position, "motion": self.motion, "lve": self.lve, "ale": self.ale}


@torch.no_grad()
def measure(
    model: PMMTalk,
    clips: Sequence[Clip],
    memory: TakeMemory,
    features: FeatureReader,
    styles: Sequence[str],
    processes: Processes,
) -> Figures:
    """Measures a model on clips, shared among the processes.

    A clip of a trained style is animated with it; one of an unseen subject with every trained style, and
    its errors are averaged (section IV-E, *conditioning on all available training styles*).

    Args:
        model: in evaluation mode afterwards.
        clips: to measure on.
        memory: reads them.
        features: of the frozen parts.
        styles: the trained ones.
        processes: each measures its share.
    """
    model.eval()
    sums = np.zeros(5)
    for number in processes.share(list(range(len(clips)))):
        clip = clips[number]
        data = memory.read(clip)
        own = clip.take.style
        names = [own] if own in styles else list(styles)
        vectors = torch.stack([model.styles[model.config.styles.index(name)] for name in names])
        prediction = model.predict_from(features.read(data.audio))
        target = torch.from_numpy(np.ascontiguousarray(data.targets))[None].to(vectors.device)
        count = min(prediction.raw.shape[1], target.shape[1])
        target = target[:, :count]
        for vector in vectors:
            raw = model.decode([f[:, :count] for f in prediction.features], vector[None])
            terms = [position_loss(raw[..., :-1], target), motion_loss(raw[..., :-1], target)]
            errors = frame_errors(model.finish(raw)[0], target[0], vertices=not model.config.predicts_curves)
            found = np.array([*(float(t) for t in terms), *errors, 1.0])
            sums += found / len(vectors)
    total = processes.add_up(torch.from_numpy(sums)).numpy()
    return Figures(*(float(x) for x in total[:4] / max(total[4], 1.0)))


def frame_errors(predicted: Tensor, target: Tensor, *, vertices: bool) -> npt.NDArray[np.float64]:
    """LVE and ALE of a clip, ``[2]``.

    Args:
        predicted: ``[T, N]``.
        target: ``[T, N]``, NaN where unknown.
        vertices: N is three times the vertices, whose distances count; otherwise each column counts.
    """
    error = (predicted - target).double()
    error = error.view(len(error), -1, 3).norm(dim=-1) if vertices else error.abs()
    known = torch.isfinite(error)
    frames = known.any(-1)
    if not frames.any():
        return np.zeros(2)
    error = torch.where(known, error, torch.zeros_like(error))[frames]
    mean = error.sum(-1) / known[frames].sum(-1)
    return np.array([float(error.amax(-1).mean()), float(mean.mean())])
