"""PMMTalk: speech → audio, text and pseudo-visual features → facial curves (paper, section IV)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pmmlink.errors import CheckpointError
from pmmlink.model.alignment import ModalityProjection
from pmmlink.model.audio import SAMPLES_PER_TOKEN, AudioEncoder, ContextDecoder
from pmmlink.model.closure_evidence import ClosureEvidence
from pmmlink.model.config import MODALITIES, PMMTalkConfig
from pmmlink.model.decoder import DecoderState, PMMTalkDecoder
from pmmlink.model.frame_smoothing import FrameSmoothing, SmoothingState
from pmmlink.model.image import ImageEncoder
from pmmlink.model.lip_parting import LipParting
from pmmlink.model.lip_seal import LipSeal
from pmmlink.model.talking_head import Identity, MouthWindows, TalkingHead
from pmmlink.model.text import TextDecoder
from pmmlink.phones import PHONES
from pmmlink.stream.rate import RateChange
from pmmlink.stream.stage import Stage, drain
from pmmlink.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from pmmlink.model.running_blocks import SideBySide

FRAME_HZ = 30
_PICTURE_GAIN = 8.0
_EVIDENCE = "closure_evidence"


@dataclass(slots=True)
class Prediction:
    """What a forward pass yields, all at 30 fps unless said.

    Attributes:
        raw: ``[B, T, 33]`` curves before clamping, and the closure logit.
        features: the projected modalities in use (eq. 5), each ``[B, T, D]``.
        symbols: ``[B, T50, vocabulary]`` logits of the text decoder at 50 Hz, None without text.
    """

    raw: Tensor
    features: list[Tensor]
    symbols: Tensor | None

    def in_32_bits(self) -> Prediction:
        """The same as float32, for losses."""
        symbols = None if self.symbols is None else self.symbols.float()
        return Prediction(self.raw.float(), [f.float() for f in self.features], symbols)


@dataclass(frozen=True, slots=True)
class FrozenFeatures:
    """What the parts that the paper freezes (ψ_AE, ψ_TD, ψ_HG) make of whole clips.

    Attributes:
        frames: frames that the clips have at 30 fps.
        latents: ``[B, T50, C]`` of ψ_AE; None without the audio branch.
        symbols: ``[B, T50, vocabulary]`` logits of ψ_TD; None without the text branch.
        pictures: ``[B, T, 3, S, S]``, what moved in the faces that ψ_HG painted; None without images.
    """

    frames: int
    latents: Tensor | None
    symbols: Tensor | None
    pictures: Tensor | None


@dataclass(slots=True)
class PMMTalkState:
    """State of one batch of streams.

    Attributes:
        style: ``[B, P]`` style vectors.
        identity: the reference face's feature maps, computed once.
        parts: states of the branches' stages by name.
        decoder: state of ψ_PD.
        waiting: per modality, frames ``[B, n, D]`` that wait for the slower branches; the evidence of closed
            lips likewise.
        samples: samples received.
        frames: frames returned.
    """

    style: Tensor
    identity: Identity
    parts: dict[str, Any]
    decoder: DecoderState
    waiting: dict[str, Tensor]
    samples: int
    frames: int


def _step(stage: Stage[Any], x: Tensor, state: Any) -> Tensor:
    return stage.step(x, state)


def frames_for(samples: int) -> int:
    """How many 30 fps frames a clip has: those whose instant lies inside it.

    >>> frames_for(16000), frames_for(1)
    (30, 1)
    """
    return -(-samples * FRAME_HZ // SAMPLE_RATE_HZ)


class PMMTalk(Stage[PMMTalkState]):
    """Samples ``[B, N, 1]`` at 16 kHz → curves ``[B, T, 32]`` in [0, 1] at 30 fps (eq. 1).

    Frame ``k`` describes sample ``k * 16000 / 30`` and sees no sample later than ``latency`` after it.

    Args:
        config: sizes, and which modalities are in use.

    Raises:
        CheckpointError: no modality, or an unknown one, is configured; a lip seal without curves, or
            one that is to hear phones where there are none.
    """

    def __init__(self, config: PMMTalkConfig, *, dropout: float = 0.0) -> None:
        super().__init__()
        unknown = set(config.modalities) - set(MODALITIES)
        if unknown or not config.modalities:
            raise CheckpointError(f"modalities must be some of {', '.join(MODALITIES)}")
        if config.lip_seal and not config.predicts_curves:
            raise CheckpointError("lip_seal shuts ARKit curves; a model of vertices must leave it off")
        if config.phone_share and ("text" not in config.modalities or config.vocabulary != len(PHONES)):
            raise CheckpointError("phone_share needs a text decoder of pmmlink's own phones")
        if config.phone_share and not config.phone_memory:
            raise CheckpointError("phone_memory is empty; [1.0] listens to the newest token alone")
        if config.least_gap_mm and not (config.phone_share and config.predicts_curves):
            raise CheckpointError("least_gap_mm needs phone_share, and ARKit curves")
        self.config = config
        self.modalities = tuple(m for m in MODALITIES if m in config.modalities)
        # Both decoders as one, in the copy made for running.
        self.side_by_side: SideBySide | None = None
        self.ratio = Fraction(FRAME_HZ, SAMPLE_RATE_HZ)
        align = config.decoder.align_dim
        latencies = []

        if "audio" in self.modalities or "text" in self.modalities:
            self.audio_encoder = AudioEncoder(config.audio_encoder)
        latent = config.audio_encoder.dim
        if "audio" in self.modalities:
            self.audio_decoder = ContextDecoder(latent, config.audio_decoder)
            self.audio_rate = RateChange(config.audio_decoder.dim, config.audio_decoder.dim, 3, 5)
            self.audio_align = ModalityProjection(config.audio_decoder.dim, align)
            latencies.append(self._branch_latency(self.audio_decoder))
        if "text" in self.modalities:
            self.text_decoder = TextDecoder(latent, config.vocabulary, config.text_decoder)
            self.text_rate = RateChange(config.vocabulary, align, 3, 5)
            self.text_align = ModalityProjection(align, align)
            latencies.append(self._branch_latency(self.text_decoder))
        if "image" in self.modalities:
            size = config.talking_head.image_size
            self.mouth_windows = MouthWindows(config.talking_head.ahead, config.talking_head.mel)
            self.talking_head = TalkingHead(config.talking_head)
            self.image_encoder = ImageEncoder(size, config.image_encoder)
            self.image_align = ModalityProjection(config.image_encoder.dim, align)
            self.register_buffer("reference_face", torch.full((3, size, size), 0.5))
            self.reference_face: Tensor
            latencies.append(self.mouth_windows.latency)

        self.latency = max(latencies)
        self.decoder = PMMTalkDecoder(
            align * len(self.modalities), config.style_dim, config.decoder, dropout=dropout
        )
        self.styles = nn.Parameter(torch.randn(len(config.styles), config.style_dim) * 0.1)
        self.lip_seal = LipSeal() if config.lip_seal else None
        if config.phone_share:
            self.closure_evidence = ClosureEvidence(config.phone_memory)
            self.lip_parting = LipParting(config.least_gap_mm) if config.least_gap_mm else None
        if config.smoothing:
            self.smoothing = FrameSmoothing(config.smoothing)

    def style_vector(self, name: str) -> Tensor:
        """A stored style p ∈ R^64 by name, ``[P]``.

        Raises:
            CheckpointError: the weights hold no such style.
        """
        if name not in self.config.styles:
            raise CheckpointError(
                f"no style {name!r} in these weights; they hold {', '.join(self.config.styles)}"
            )
        return self.styles[self.config.styles.index(name)]

    def latency_budget(self) -> dict[str, int]:
        """Look-ahead of each part in samples at 16 kHz; a branch adds up its own parts."""
        budget = {}
        if hasattr(self, "audio_encoder"):
            budget["audio encoder"] = self.audio_encoder.latency
        for name in ("audio_decoder", "text_decoder"):
            if hasattr(self, name):
                budget[name.replace("_", " ")] = getattr(self, name).latency * SAMPLES_PER_TOKEN
        if hasattr(self, "mouth_windows"):
            budget["talking head's mel window"] = self.mouth_windows.latency
        return budget

    # --- the whole clip at once -----------------------------------------------------------------

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Curves of whole clips; ``style`` is ``[B, P]``, default the first stored one."""
        return self.finish(self.predict(x, style).raw)

    def predict(self, x: Tensor, style: Tensor | None = None, identity: Identity | None = None) -> Prediction:
        """Everything the losses need, for whole clips ``[B, N, 1]``."""
        return self.predict_from(self.frozen_features(x, identity), style)

    def frozen_features(self, x: Tensor, identity: Identity | None = None) -> FrozenFeatures:
        """The first half of :meth:`predict`, all of it frozen in the paper: the same in every epoch."""
        latents: Tensor | None = None
        symbols: Tensor | None = None
        pictures: Tensor | None = None
        if "audio" in self.modalities or "text" in self.modalities:
            latents = self.audio_encoder(x)
            if "text" in self.modalities:
                symbols = self.text_decoder(latents)
            if "audio" not in self.modalities:
                latents = None
        if "image" in self.modalities:
            pictures = self._picture(self.mouth_windows(x), identity or self._identity())
        return FrozenFeatures(frames_for(x.shape[1]), latents, symbols, pictures)

    def predict_from(self, frozen: FrozenFeatures, style: Tensor | None = None) -> Prediction:
        """The second half of :meth:`predict`; ``style`` is ``[B, P]``, default the first stored one."""
        features: dict[str, Tensor] = {}
        if frozen.latents is not None:
            features["audio"] = self.audio_align(self.audio_rate(self.audio_decoder(frozen.latents)))
        if frozen.symbols is not None:
            features["text"] = self.text_align(self.text_rate(frozen.symbols))
        if frozen.pictures is not None:
            features["image"] = self.image_align(self.image_encoder(frozen.pictures))
        count = min(frozen.frames, *(f.shape[1] for f in features.values()))
        aligned = [features[m][:, :count] for m in self.modalities]
        raw = self.decode(aligned, style)
        if self.config.phone_share and frozen.symbols is not None:
            raw = self._hear_phones(raw, self.closure_evidence(frozen.symbols)[:, :count])
        return Prediction(self._smoothed(raw), aligned, frozen.symbols)

    def decode(self, features: list[Tensor], style: Tensor | None = None) -> Tensor:
        """Projected modalities, each ``[B, T, D]`` → raw decoder output ``[B, T, 33]`` (ψ_PD alone)."""
        raw: Tensor = self.decoder(self._fused(features, self._style(style, features[0].shape[0])))
        return raw

    def finish(self, raw: Tensor) -> Tensor:
        """Raw decoder output ``[B, T, 33]`` → curves ``[B, T, 32]`` in [0, 1].

        Vertex offsets stay as they are.
        """
        if self.lip_seal is not None:
            sealed: Tensor = self.lip_seal(raw)
            return sealed
        if not self.config.predicts_curves:
            return raw[..., :-1]
        return raw[..., :-1].clamp(0, 1)

    # --- step by step ---------------------------------------------------------------------------

    def init_state(
        self,
        batch: int,
        style: Tensor | None = None,
        face: Tensor | None = None,
        identity: Identity | None = None,
    ) -> PMMTalkState:
        """A fresh state.

        Args:
            batch: parallel streams.
            style: ``[B, P]``; default the first stored style.
            face: reference faces ``[B or 1, 3, S, S]`` in [0, 1]; default the one in the weights.
            identity: the face's maps where they are known already; ``face`` is then not looked at.
        """
        names = ["audio_encoder", "audio_rate", "text_rate", "closure_evidence"]
        names += ["mouth_windows", "image_encoder", "smoothing"]
        names += ["audio_decoder", "text_decoder"] if self.side_by_side is None else ["side_by_side"]
        stages = {n: getattr(self, n) for n in names if hasattr(self, n)}
        if identity is None and "image" in self.modalities:
            identity = self._identity() if face is None else self.talking_head.encode_face(face)
        align = self.config.decoder.align_dim
        empty = self.styles.new_zeros(batch, 0, align)
        waiting = dict.fromkeys(self.modalities, empty)
        if self.config.phone_share:
            waiting[_EVIDENCE] = empty[..., :2]
        return PMMTalkState(
            style=self._style(style, batch),
            identity=identity or [],
            parts={name: stage.init_state(batch) for name, stage in stages.items()},
            decoder=self.decoder.init_state(batch),
            waiting=waiting,
            samples=0,
            frames=0,
        )

    def step(self, x: Tensor, state: PMMTalkState) -> Tensor:
        self.look(x, state)
        return self.listen(x, state)

    def look(self, x: Tensor, state: PMMTalkState) -> None:
        """The image branch's half of :meth:`step`: may come earlier than :meth:`listen` to the same samples.

        Where its window ends before the others' look-ahead does, as in ``compact``, its frame can be painted
        before theirs can be heard.
        """
        if "image" in self.modalities:
            self._see(self.mouth_windows.step(x, state.parts["mouth_windows"]), state)

    def listen(self, x: Tensor, state: PMMTalkState) -> Tensor:
        """The other half of :meth:`step`; returns the frames that became final."""
        state.samples += x.shape[1]
        if "audio" in self.modalities or "text" in self.modalities:
            latents = self.audio_encoder.step(x, state.parts["audio_encoder"])
            self._keep(self._contexts(latents, state.parts, _step), state)
        return self._decode(state)

    def flush(self, state: PMMTalkState) -> Tensor:
        parts = state.parts
        if "image" in self.modalities:
            self._see(self.mouth_windows.flush(parts["mouth_windows"]), state)
        if "audio" in self.modalities or "text" in self.modalities:
            latents = self.audio_encoder.flush(parts["audio_encoder"])
            self._keep(self._contexts(latents, parts, drain), state)
        return self._decode(state)

    def _see(self, windows: Tensor, state: PMMTalkState) -> None:
        images = self._picture(windows, state.identity)
        self._keep({"image": self.image_encoder.step(images, state.parts["image_encoder"])}, state)

    def _contexts(
        self, latents: Tensor, parts: dict[str, Any], run: Callable[[Stage[Any], Tensor, Any], Tensor]
    ) -> dict[str, Tensor]:
        """What ψ_AD and ψ_TD make of latents, at the frame rate; ``run`` is a step, or ends the stream."""
        heard: dict[str, Tensor] = {}
        if self.side_by_side is not None:
            heard = self.side_by_side.parted(run(self.side_by_side, latents, parts["side_by_side"]))
        else:
            for branch in ("audio", "text"):
                if branch in self.modalities:
                    name = f"{branch}_decoder"
                    heard[branch] = run(getattr(self, name), latents, parts[name])
        fresh = {
            branch: run(getattr(self, f"{branch}_rate"), tokens, parts[f"{branch}_rate"])
            for branch, tokens in heard.items()
        }
        if self.config.phone_share:
            fresh[_EVIDENCE] = run(self.closure_evidence, heard["text"], parts[_EVIDENCE])
        return fresh

    def _keep(self, fresh: dict[str, Tensor], state: PMMTalkState) -> None:
        for name, frames in fresh.items():
            if frames.shape[1]:
                projected = frames if name == _EVIDENCE else getattr(self, f"{name}_align")(frames)
                state.waiting[name] = torch.cat([state.waiting[name], projected], dim=1)

    def _decode(self, state: PMMTalkState) -> Tensor:
        ready = min(frames.shape[1] for frames in state.waiting.values())
        ready = min(ready, frames_for(state.samples) - state.frames)
        aligned = [state.waiting[m][:, :ready] for m in self.modalities]
        heard = state.waiting.get(_EVIDENCE)
        for name, frames in state.waiting.items():
            state.waiting[name] = frames[:, ready:]
        state.frames += ready
        raw = self.decoder.step(self._fused(aligned, state.style), state.decoder)
        if heard is not None:
            raw = self._hear_phones(raw, heard[:, :ready])
        return self.finish(self._smoothed(raw, state.parts.get("smoothing")))

    def inputs_for(self, outputs: int) -> int:
        needed = []
        for branch in ("audio", "text"):
            if branch in self.modalities:
                tokens = getattr(self, f"{branch}_rate").inputs_for(outputs)
                latents = getattr(self, f"{branch}_decoder").inputs_for(tokens)
                needed.append(self.audio_encoder.inputs_for(latents))
        if "image" in self.modalities:
            needed.append(self.inputs_to_look(outputs))
        return max(needed)

    def inputs_to_look(self, outputs: int) -> int:
        """How many samples the image branch needs for its first ``outputs`` frames."""
        return self.mouth_windows.inputs_for(self.image_encoder.inputs_for(outputs))

    # --- helpers --------------------------------------------------------------------------------

    def _branch_latency(self, body: Stage[Any]) -> int:
        return self.audio_encoder.latency + body.latency * SAMPLES_PER_TOKEN

    def _hear_phones(self, raw: Tensor, evidence: Tensor) -> Tensor:
        """Lets ψ_TD's phones have their share of the closure logit, and part lips where there are none."""
        share = self.config.phone_share
        curves = raw[..., :-1] if self.lip_parting is None else self.lip_parting(raw[..., :-1], evidence)
        return torch.cat([curves, (1 - share) * raw[..., -1:] + share * evidence[..., :1]], dim=-1)

    def _smoothed(self, raw: Tensor, state: SmoothingState | None = None) -> Tensor:
        """Calms the curves and leaves the closure logit as it is; without a state, of whole clips."""
        if not self.config.smoothing:
            return raw
        curves = raw[..., :-1]
        calmer = self.smoothing(curves) if state is None else self.smoothing.step(curves, state)
        return torch.cat([calmer, raw[..., -1:]], dim=-1)

    def _picture(self, windows: Tensor, identity: Identity) -> Tensor:
        """What moved in the painted face, ``[B, T, 3, S, S]``: its difference from the reference, scaled up.

        The face itself is the same in every frame and would drown the few grey levels that lips change.
        """
        images: Tensor = self.talking_head(windows, identity)
        return (images - identity[-1][:, None]) * _PICTURE_GAIN

    def _identity(self) -> Identity:
        return self.talking_head.encode_face(self.reference_face[None])

    def _style(self, style: Tensor | None, batch: int) -> Tensor:
        return self.styles[:1].expand(batch, -1) if style is None else style

    def _fused(self, aligned: list[Tensor], style: Tensor) -> Tensor:
        steps = aligned[0].shape[1]
        return torch.cat([*aligned, style[:, None].expand(-1, steps, -1)], dim=-1)
