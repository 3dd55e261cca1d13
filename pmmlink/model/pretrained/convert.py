"""Joins pretrained parts into one PMMTalk: what ``pmmlink model convert`` does."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pmmlink import __version__
from pmmlink.errors import CheckpointError
from pmmlink.model.audio import AudioEncoder
from pmmlink.model.checkpoint import UNTRAINED, sha256_of
from pmmlink.model.config import PMMTalkConfig
from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.model.pretrained.ctc import load_text_decoder, read_symbols
from pmmlink.model.pretrained.face import read_face
from pmmlink.model.pretrained.source import NOT_STATED, PretrainedFiles, find_pretrained
from pmmlink.model.pretrained.tensors import Tensors
from pmmlink.model.pretrained.wav2lip import (
    check_generator,
    generator_sizes,
    load_talking_head,
    read_generator,
)
from pmmlink.model.pretrained.wav2vec2 import (
    Wav2Vec2Sizes,
    load_audio_encoder,
    load_context,
    read_sizes,
    read_tensors,
)
from pmmlink.resources import ASSETS

_WAV2LIP_LICENCE = (
    f"{NOT_STATED}; the authors of Wav2Lip give their public weights for research and personal use only"
)
# Two copies of one stack may have been stored in half precision.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4


@dataclass(frozen=True, slots=True)
class Parts:
    """What is to be joined; a part that is left out switches its modality off.

    Attributes:
        audio: folder or hub name of wav2vec 2.0 → ψ_AE, ψ_AD.
        text: folder or hub name of a wav2vec 2.0 CTC recogniser → ψ_TD.
        talking_head: Wav2Lip's ``.pth`` → ψ_HG.
        face: picture of the reference face R; default pmmlink's own.
    """

    audio: str | None = None
    text: str | None = None
    talking_head: Path | None = None
    face: Path | None = None


def convert(parts: Parts, base: PMMTalkConfig, *, seed: int = 0) -> tuple[PMMTalk, dict[str, Any]]:
    """Builds a model whose frozen parts are pretrained, in evaluation mode, and its card.

    Args:
        parts: the sources.
        base: how the parts stream, and the sizes of what is trained here; the sizes of the pretrained parts
            come from their own files.
        seed: of the random weights of what is still to be trained.

    Raises:
        CheckpointError: a part cannot be read, has another layout, or does not go with the others.
    """
    files: dict[str, PretrainedFiles] = {}
    if parts.audio is not None:
        files["audio"] = find_pretrained(parts.audio)
    if parts.text is not None:
        files["text"] = find_pretrained(parts.text, vocabulary=True)
    sizes = {part: read_sizes(found.config) for part, found in files.items()}
    generator = None if parts.talking_head is None else read_generator(parts.talking_head)
    if generator is None and parts.face is not None:
        raise CheckpointError("a reference face is of use only with a talking head")
    config = _sized(base, parts, files, sizes, generator)
    face = parts.face or ASSETS / "reference_face.png"
    picture = read_face(face, config.talking_head.image_size) if generator is not None else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = PMMTalk(config)
    card = _card(seed)
    for part, found in files.items():
        # One checkpoint at a time: two of XLSR-53's size and the model need not fit together.
        _load_speech(model, part, read_tensors(found), sizes[part], files)
        card["sources"][part] = _origin(found.name, found.weights, found.licence)
        if part == "text" and sizes[part].blank is not None:
            card["sources"][part] += f"; CTC blank is symbol {sizes[part].blank}"
    if generator is not None and picture is not None and parts.talking_head is not None:
        load_talking_head(model.talking_head, generator)
        model.reference_face.copy_(picture)
        head = parts.talking_head
        card["sources"]["talking head"] = _origin(head.name, head, _WAV2LIP_LICENCE)
        licence = "CC0 (pmmlink's own)" if parts.face is None else NOT_STATED
        card["sources"]["reference face"] = _origin(face.name, face, licence)
    return model.eval(), card


def _sized(
    base: PMMTalkConfig,
    parts: Parts,
    files: dict[str, PretrainedFiles],
    sizes: dict[str, Wav2Vec2Sizes],
    generator: dict[str, Tensor] | None,
) -> PMMTalkConfig:
    """``base`` with the modalities that have a source, at the sources' sizes."""
    modalities = (*files, *(["image"] if generator is not None else []))
    if not modalities:
        raise CheckpointError("nothing to convert: give audio, text or a talking head")
    config = dataclasses.replace(base, modalities=modalities)
    if sizes:  # both must have the same stack, which is checked with their tensors
        first = next(iter(sizes.values()))
        config = dataclasses.replace(config, audio_encoder=first.encoder(base.audio_encoder))
    if "audio" in sizes:
        config = dataclasses.replace(config, audio_decoder=sizes["audio"].context(base.audio_decoder))
    if "text" in sizes:
        count, table = sizes["text"].vocabulary, files["text"].vocabulary
        config = dataclasses.replace(
            config,
            text_decoder=sizes["text"].context(base.text_decoder),
            vocabulary=count,
            symbols=() if table is None else read_symbols(table, count),
        )
    if generator is not None:
        where = str(parts.talking_head)
        head = generator_sizes(generator, base.talking_head, where)
        check_generator(generator, head, where)
        config = dataclasses.replace(config, talking_head=head)
    return config


def _load_speech(
    model: PMMTalk, part: str, tensors: Tensors, sizes: Wav2Vec2Sizes, files: dict[str, PretrainedFiles]
) -> None:
    if part == "audio":
        load_audio_encoder(model.audio_encoder, tensors, sizes)
        load_context(model.audio_decoder, tensors)
        return
    if "audio" in files:
        _check_shared(model, tensors, sizes, files)
    else:
        load_audio_encoder(model.audio_encoder, tensors, sizes)
    load_text_decoder(model.text_decoder, tensors)


def _check_shared(
    model: PMMTalk, tensors: Tensors, sizes: Wav2Vec2Sizes, files: dict[str, PretrainedFiles]
) -> None:
    """ψ_AE is shared (section IV-A2): both checkpoints must have the same convolution stack."""
    other = AudioEncoder(sizes.encoder(model.config.audio_encoder))
    load_audio_encoder(other, tensors, sizes)
    ours_by_name = model.audio_encoder.named_parameters()
    for (name, ours), theirs in zip(ours_by_name, other.parameters(), strict=True):
        if ours.shape != theirs.shape or not torch.allclose(ours, theirs, _RELATIVE, _ABSOLUTE):
            raise CheckpointError(
                f"{files['text'].name}: its convolution stack is not that of {files['audio'].name} "
                f"(first at {name}), but the audio encoder is shared; take a recogniser that was fine-tuned "
                "from the same model with its feature encoder frozen, or the recogniser for both"
            )


def _card(seed: int) -> dict[str, Any]:
    return {
        "licence": "each source's own; the strictest holds for the whole",
        "made with": f"pmmlink {__version__}, model convert",
        "sources": {},
        UNTRAINED: f"everything but the sources has random weights (seed {seed}): rate change, alignment, "
        "image encoder, decoder and styles must be trained before the curves mean anything",
    }


def _origin(name: str, file: Path, licence: str) -> str:
    return f"{name}; licence: {licence}; {file.name} sha256 {sha256_of(file)}"
