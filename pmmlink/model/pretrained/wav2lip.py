"""The public Wav2Lip generator checkpoint (``.pth``; Prajwal et al. 2020) → ψ_HG."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from pmmlink.errors import CheckpointError
from pmmlink.model.config import TalkingHeadConfig
from pmmlink.model.pretrained.tensors import only_tensors, read_pickled
from pmmlink.model.talking_head import TalkingHead

_FIRST = "face_encoder_blocks.0.0.conv_block.0.weight"


def read_generator(path: Path) -> dict[str, Tensor]:
    """The generator's tensors by name, without the ``module.`` that parallel training puts before them.

    Raises:
        CheckpointError: the file cannot be read, holds more than tensors, or no generator.
    """
    found = read_pickled(path)
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    table = {name.removeprefix("module."): tensor for name, tensor in only_tensors(found, path).items()}
    if _FIRST not in table:
        raise CheckpointError(f"{path}: tensor {_FIRST!r} is missing: not a Wav2Lip generator")
    return table


def generator_sizes(table: dict[str, Tensor], base: TalkingHeadConfig, where: str) -> TalkingHeadConfig:
    """Reads a generator's sizes off its tensors; what is not a size comes from ``base``.

    Raises:
        CheckpointError: a level is missing.
    """

    def out_channels(block: str, transposed: bool = False) -> int:
        name = f"{block}.conv_block.0.weight"
        if name not in table or table[name].ndim != 4:
            raise CheckpointError(f"{where}: tensor {name!r} is missing or not a convolution's")
        return int(table[name].shape[1 if transposed else 0])

    def levels(group: str) -> list[int]:
        """Blocks in each level."""
        tails = [n.removeprefix(f"{group}.").split(".") for n in table if n.startswith(f"{group}.")]
        pairs = {(int(t[0]), int(t[1])) for t in tails if t[0].isdigit() and t[1].isdigit()}
        return [
            sum(level == i for level, _ in pairs) for i in range(1 + max((p[0] for p in pairs), default=-1))
        ]

    faces, decoders = levels("face_encoder_blocks"), levels("face_decoder_blocks")
    speech = sorted({int(n.split(".")[1]) for n in table if n.startswith("audio_encoder.")})
    # A block that changes the number of channels opens a level; the last two lead to one point.
    widths: list[int] = []
    residuals: list[int] = []
    for i in speech[:-2]:
        width = out_channels(f"audio_encoder.{i}")
        if widths and widths[-1] == width:
            residuals[-1] += 1
        else:
            widths.append(width)
            residuals.append(0)
    return TalkingHeadConfig(
        image_size=3 * 2 ** max(0, len(faces) - 2),
        face_widths=tuple(out_channels(f"face_encoder_blocks.{i}.0") for i in range(len(faces))),
        face_residuals=(*(n - 1 for n in faces[:-1]), 0),
        speech_widths=(*widths, out_channels(f"audio_encoder.{speech[-1]}")) if speech else (),
        speech_residuals=tuple(residuals),
        decoder_widths=tuple(out_channels(f"face_decoder_blocks.{i}.0", i > 0) for i in range(len(decoders))),
        decoder_residuals=(0, *(n - 1 for n in decoders[1:])),
        output_width=out_channels("output_block.0"),
        mel="wav2lip",
        ahead=base.ahead,
    )


def check_generator(table: dict[str, Tensor], config: TalkingHeadConfig, where: str) -> None:
    """Compares names and shapes with those that our generator of these sizes has.

    Raises:
        CheckpointError: names the first tensor that is missing, misshapen or unknown.
    """
    if not len(config.speech_widths) == 5 == len(config.speech_residuals) + 1 or len(config.face_widths) < 3:
        raise CheckpointError(
            f"{where}: not Wav2Lip's layout (five speech levels, three or more of the face)"
        )
    with torch.device("meta"):
        expected = TalkingHead(config).state_dict()
    for name, tensor in expected.items():
        if name not in table:
            raise CheckpointError(f"{where}: tensor {name!r} is missing")
        if table[name].shape != tensor.shape:
            raise CheckpointError(
                f"{where}: tensor {name!r} has shape {list(table[name].shape)}, expected {list(tensor.shape)}"
            )
    unknown = next((name for name in table if name not in expected), None)
    if unknown is not None:
        raise CheckpointError(f"{where}: unknown tensor {unknown!r}")


def load_talking_head(head: TalkingHead, table: dict[str, Tensor]) -> None:
    """Fills ψ_HG; names and shapes must have been checked."""
    head.load_state_dict(table)
