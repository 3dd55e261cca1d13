"""What a run is judged by between epochs, on the validation takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pmmlink.eval.lip_error import LipErrors, curve_errors, vertex_errors
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.train.clips import Clip, TakeMemory
from pmmlink.train.features import FeatureReader
from pmmlink.train.losses import motion_loss, position_loss
from pmmlink.train.processes import Processes


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Attributes:
        position: eq. 9, mean over clips; the run keeps the weights for which it is lowest.
        motion: eq. 10, likewise.
        lve: section V-A's, mean over frames. Of a mesh, in mm, over all vertices: which of them are lips is
            the business of ``pmmlink eval``.
        ale: likewise.
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
    sums = np.zeros(6)
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
            face = raw[..., :-1]
            errors = _errors(model, raw, target).sums()
            losses = (float(position_loss(face, target)), float(motion_loss(face, target)))
            found = (*losses, 1.0, errors["lve"], errors["ale"], errors["frames"])
            sums += np.array(found) / len(vectors)
    total = processes.add_up(torch.from_numpy(sums)).numpy()
    clip_count, frame_count = max(total[2], 1.0), max(total[5], 1.0)
    return Figures(*(total[:2] / clip_count).tolist(), *(total[3:5] / frame_count).tolist())


def _errors(model: PMMTalk, raw: Tensor, target: Tensor) -> LipErrors:
    predicted, wanted = model.finish(raw)[0].cpu().numpy(), target[0].cpu().numpy()
    if model.config.predicts_curves:
        return curve_errors(predicted, wanted)
    return vertex_errors(predicted, wanted, np.arange(wanted.shape[1] // 3))
