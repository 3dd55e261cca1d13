"""One configuration for every size of PMMTalk: a preset is only numbers.

Sections mirror the constructors of the parts. ``to_dict`` / ``from_dict`` are strict: an unknown or
missing key is an error that names it.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pmmlink.curves import MODEL_32
from pmmlink.errors import CheckpointError
from pmmlink.phones import PHONES

MODALITIES = ("audio", "text", "image")


@dataclass(frozen=True, slots=True)
class AudioEncoderConfig:
    """ψ_AE, shared by the audio and the text branch: samples → 50 Hz latents.

    Attributes:
        front: ``mel`` (mel spectrogram, automatic gain, strided stem, conformer blocks) or ``wave``
            (the convolution stack of wav2vec 2.0 with per-frame layer norm).
        level: loudness before the convolutions: ``running`` (causal), ``utterance`` (zero mean and unit
            variance over the whole clip, as wav2vec 2.0 was trained; cannot stream) or ``none``.
            The ``mel`` front always has its own running level.
        dim: channels of the latents.
        layers: conformer blocks after the stem (``mel`` only, as all that follows).
        heads: their attention heads.
        kernel: their depthwise kernel's causal taps, the current one included.
        conv_right: look-ahead of their depthwise kernels in tokens; adds up over the blocks.
        chunk: tokens that are computed together where the blocks look ahead together.
        look_ahead: tokens that all blocks see after their chunk, in place of ``conv_right``; does not add up.
        causal_layers: further blocks after these, which see nothing ahead.
        left_context: tokens that their attention sees back.
        lead: tokens of silence that lie before every stream: a voice that begins with its first sample has
            a quiet to stand out from.
    """

    front: Literal["mel", "wave"] = "mel"
    level: Literal["running", "utterance", "none"] = "running"
    dim: int = 144
    layers: int = 2
    heads: int = 4
    kernel: int = 16
    conv_right: int = 1
    chunk: int = 1
    look_ahead: int = 0
    causal_layers: int = 0
    left_context: int = 200
    lead: int = 0


@dataclass(frozen=True, slots=True)
class ContextConfig:
    """ψ_AD, and the body of ψ_TD: latents → contextualised features at 50 Hz.

    Attributes:
        blocks: ``conformer``, or ``transformer`` (wav2vec 2.0 with stable layer norm).
        layers: number of blocks.
        dim: channels.
        heads: attention heads.
        feed_forward: channels of the feed-forward layers.
        kernel: conformer: depthwise causal taps; transformer: taps of the positional convolution.
        conv_right: conformer: look-ahead of each depthwise kernel; transformer: look-ahead that is left of
            the positional convolution, tokens (None: all of it, half its taps).
        groups: groups of the positional convolution.
        left_context: tokens that attention sees back (None: all; transformer, whole clips only).
        chunk: transformer: tokens that see each other, 1 = causal (None: all; whole clips only).
        look_ahead: transformer: whole chunks that a chunk sees after itself; does not add up over layers.
    """

    blocks: Literal["conformer", "transformer"] = "conformer"
    layers: int = 2
    dim: int = 144
    heads: int = 4
    feed_forward: int = 576
    kernel: int = 16
    conv_right: int | None = 1
    groups: int = 16
    left_context: int | None = 200
    chunk: int | None = 1
    look_ahead: int = 0


@dataclass(frozen=True, slots=True)
class TalkingHeadConfig:
    """ψ_HG, Wav2Lip's generator: mel windows and one reference face → mouth images.

    Attributes:
        image_size: side S of the square images; 3 · 2^n.
        face_widths: channels of the identity encoder, from S × S halving down to 3 × 3, then 1 × 1.
        face_residuals: residual blocks at each of these levels.
        speech_widths: channels of the speech encoder's five levels; the last is the speech embedding.
        speech_residuals: residual blocks at each of the first four.
        decoder_widths: channels of the face decoder, from 1 × 1 up to S × S.
        decoder_residuals: residual blocks at each of these levels.
        output_width: channels of the last layer before RGB.
        mel: ``running`` (log mel power at a causal running level) or ``wav2lip`` (the public generator's own:
            pre-emphasis, magnitudes in dB, clipped to ±4).
        ahead: mel steps (12.5 ms) of the 16-step window that lie after the frame's time (Wav2Lip: 15).
    """

    image_size: int = 48
    face_widths: tuple[int, ...] = (6, 12, 24, 32, 48, 64)
    face_residuals: tuple[int, ...] = (0, 1, 1, 1, 1, 0)
    speech_widths: tuple[int, ...] = (8, 16, 32, 48, 64)
    speech_residuals: tuple[int, ...] = (0, 0, 1, 0)
    decoder_widths: tuple[int, ...] = (64, 64, 48, 24, 12, 8)
    decoder_residuals: tuple[int, ...] = (0, 0, 0, 1, 0, 0)
    output_width: int = 6
    mel: Literal["running", "wav2lip"] = "running"
    ahead: int = 5


@dataclass(frozen=True, slots=True)
class ImageEncoderConfig:
    """ψ_IE: a 2-D CNN shared by all frames, then a transformer encoder over time.

    Attributes:
        widths: channels of the CNN's levels, each halving the image.
        dim: channels of the image features.
        layers: transformer layers.
        heads: attention heads.
        feed_forward: channels of the feed-forward layers.
        left_context: frames that attention sees back.
        standardise: bring the CNN's features to mean 0 and variance 1 by statistics learnt in training.
    """

    widths: tuple[int, ...] = (8, 16, 24, 32)
    dim: int = 64
    layers: int = 1
    heads: int = 4
    feed_forward: int = 128
    left_context: int = 30
    standardise: bool = True


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """Alignment width and ψ_PD: fused features and style → curves at 30 fps.

    Attributes:
        align_dim: channels each modality is projected to (eq. 5) before alignment and fusion.
        dim: channels of the decoder.
        layers: biased masked self-attention layers.
        heads: attention heads.
        feed_forward: channels of the feed-forward layers.
        left_context: frames that attention sees back.
        period: period of the positional encoding, frames.
        outputs: curves, or three times the vertices of a mesh (offsets in mm).
    """

    align_dim: int = 96
    dim: int = 192
    layers: int = 2
    heads: int = 4
    feed_forward: int = 512
    left_context: int = 30
    period: int = 30
    outputs: int = 32


@dataclass(frozen=True, slots=True)
class PMMTalkConfig:
    """The whole model.

    Attributes:
        name: preset name, shown by ``pmmlink model info``.
        modalities: which of audio, text and image are fused; the others are not computed at all.
        vocabulary: symbols of the text decoder's CTC head; symbol 0 is the blank (silence).
        symbols: names of these symbols where a pretrained head brought its own; empty: pmmlink's phones.
        styles: names of the stored style vectors, the default first.
        style_dim: size of the personal style p (64 in the paper).
        lip_seal: whether a closure head pulls mouthClose until the lips meet on P, B and M.
        phone_share: how much of its say, 0 to 1, belongs to the P, B and M that ψ_TD hears.
        phone_memory: shares of the newest of ψ_TD's tokens in that, of the one before it, and so on.
        least_gap_mm: how far apart lips stay where ψ_TD hears speech but no P, B or M; 0 leaves them alone.
        smoothing: share of the frame before in every frame's curves, 0 to 0.5.
    """

    name: str = "compact"
    modalities: tuple[str, ...] = MODALITIES
    vocabulary: int = len(PHONES)
    symbols: tuple[str, ...] = ()
    styles: tuple[str, ...] = ("default",)
    style_dim: int = 64
    lip_seal: bool = True
    phone_share: float = 0.0
    phone_memory: tuple[float, ...] = (1.0,)
    least_gap_mm: float = 0.0
    smoothing: float = 0.0
    audio_encoder: AudioEncoderConfig = field(
        default_factory=lambda: AudioEncoderConfig(causal_layers=2, lead=5)
    )
    audio_decoder: ContextConfig = field(default_factory=ContextConfig)
    text_decoder: ContextConfig = field(default_factory=ContextConfig)
    talking_head: TalkingHeadConfig = field(default_factory=TalkingHeadConfig)
    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    @property
    def predicts_curves(self) -> bool:
        """Whether the outputs are the 32 curves; otherwise they are a mesh's vertex offsets in mm."""
        return self.decoder.outputs == len(MODEL_32)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries, lists and numbers, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PMMTalkConfig:
        """The inverse of :meth:`to_dict`.

        Raises:
            CheckpointError: an unknown key, or a value of the wrong type.
        """
        return _build(cls, values, "config")


def paper_config() -> PMMTalkConfig:
    """The paper's sizes: XLSR-53 (24 blocks of 1024), 3503 symbols, Wav2Lip at 96 × 96."""
    context = ContextConfig(
        blocks="transformer",
        layers=24,
        dim=1024,
        heads=16,
        feed_forward=4096,
        kernel=128,
        conv_right=4,
        left_context=100,
    )
    return PMMTalkConfig(
        name="paper",
        vocabulary=3503,
        lip_seal=False,
        audio_encoder=AudioEncoderConfig(front="wave", dim=512, layers=0),
        audio_decoder=context,
        text_decoder=context,
        talking_head=TalkingHeadConfig(
            image_size=96,
            face_widths=(16, 32, 64, 128, 256, 512, 512),
            face_residuals=(0, 2, 3, 2, 2, 1, 0),
            speech_widths=(32, 64, 128, 256, 512),
            speech_residuals=(2, 2, 2, 1),
            decoder_widths=(512, 512, 512, 384, 256, 128, 64),
            decoder_residuals=(0, 1, 2, 2, 2, 2, 2),
            output_width=32,
            mel="wav2lip",
        ),
        image_encoder=ImageEncoderConfig(
            widths=(32, 64, 128, 256, 256),
            dim=512,
            layers=4,
            heads=8,
            feed_forward=1024,
            left_context=60,
            standardise=False,
        ),
        decoder=DecoderConfig(
            align_dim=256, dim=512, layers=4, heads=8, feed_forward=1024, left_context=60, period=30
        ),
    )


PRESETS = {"compact": PMMTalkConfig, "paper": paper_config}
"""Preset name → a function that makes its config."""

T = TypeVar("T")


def _build(cls: type[T], values: Any, where: str) -> T:
    if not isinstance(values, dict):
        raise CheckpointError(f"{where}: expected a table of settings, found {type(values).__name__}")
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise CheckpointError(f"{where}: unknown setting {unknown[0]!r}; this file is from another version")
    built = {key: _coerce(hints[key], value, f"{where}.{key}") for key, value in values.items()}
    return cls(**built)


def _coerce(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, where)
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, (list, tuple)):
        inner = typing.get_args(hint)[0]
        return tuple(_coerce(inner, item, where) for item in value)
    if origin is Literal:
        if value in typing.get_args(hint):
            return value
    elif isinstance(hint, (type, types.UnionType)) and isinstance(value, hint):
        return value
    raise CheckpointError(f"{where}: {value!r} is not a valid value")
