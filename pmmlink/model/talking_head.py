"""ψ_HG: Wav2Lip's generator (Prajwal et al. 2020): a mel window and one reference face → a mouth image.

Identity encoder, speech encoder and face decoder are stacks of 2-D convolutions with residual skips,
joined like a U-Net. The identity branch depends on the reference face alone: :meth:`encode_face` runs
once for a face, and its maps are kept.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pmmlink.dsp.emphasis import PreEmphasis
from pmmlink.dsp.level import RunningLevel
from pmmlink.dsp.mel import MelPower
from pmmlink.errors import CheckpointError
from pmmlink.model.config import TalkingHeadConfig
from pmmlink.stream.rate import RateWindows
from pmmlink.stream.stage import Chain, Pointwise, Stage

MEL_BINS = 80
MEL_HOP = 200
MEL_WINDOW = 800
MEL_STEPS = 16

Identity = list[Tensor]
"""Feature maps ``[1 or B, C_i, S_i, S_i]`` of a reference face, smallest first; last the face itself."""


class ConvBlock(nn.Module):
    """Convolution, batch norm, optional residual skip, ReLU: Wav2Lip's building block."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int | tuple[int, int] = 1,
        padding: int = 0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding), nn.BatchNorm2d(out_channels)
        )
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv_block(x)
        return F.relu(out + x if self.residual else out)


class TransposedBlock(nn.Module):
    """Transposed convolution, batch norm, ReLU: doubles (or opens) the map."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        padding: int = 0,
        output_padding: int = 0,
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ConvTranspose2d(in_channels, out_channels, kernel, stride, padding, output_padding),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv_block(x))


def _residuals(width: int, count: int) -> list[nn.Module]:
    return [ConvBlock(width, width, 3, 1, 1, residual=True) for _ in range(count)]


def _identity_encoder(config: TalkingHeadConfig) -> nn.ModuleList:
    widths, residuals = config.face_widths, config.face_residuals
    last = len(widths) - 1
    blocks = [nn.Sequential(ConvBlock(6, widths[0], 7, 1, 3), *_residuals(widths[0], residuals[0]))]
    for i in range(1, last):
        halve = ConvBlock(widths[i - 1], widths[i], 3, 2, 1)
        blocks.append(nn.Sequential(halve, *_residuals(widths[i], residuals[i])))
    to_point = ConvBlock(widths[last - 1], widths[last], 3, 1, 0)
    blocks.append(nn.Sequential(to_point, ConvBlock(widths[last], widths[last], 1)))
    return nn.ModuleList(blocks)


def _speech_encoder(config: TalkingHeadConfig) -> nn.Sequential:
    w, r = config.speech_widths, config.speech_residuals
    return nn.Sequential(
        ConvBlock(1, w[0], 3, 1, 1),
        *_residuals(w[0], r[0]),
        ConvBlock(w[0], w[1], 3, (3, 1), 1),
        *_residuals(w[1], r[1]),
        ConvBlock(w[1], w[2], 3, 3, 1),
        *_residuals(w[2], r[2]),
        ConvBlock(w[2], w[3], 3, (3, 2), 1),
        *_residuals(w[3], r[3]),
        ConvBlock(w[3], w[4], 3, 1, 0),
        ConvBlock(w[4], w[4], 1),
    )


def _face_decoder(config: TalkingHeadConfig) -> nn.ModuleList:
    widths, residuals = config.decoder_widths, config.decoder_residuals
    faces = config.face_widths[::-1]
    blocks = [nn.Sequential(ConvBlock(config.speech_widths[-1], widths[0], 1))]
    for i in range(1, len(widths)):
        joined = widths[i - 1] + faces[i - 1]
        grow = (
            TransposedBlock(joined, widths[i], 3, 1)
            if i == 1
            else TransposedBlock(joined, widths[i], 3, 2, 1, output_padding=1)
        )
        blocks.append(nn.Sequential(grow, *_residuals(widths[i], residuals[i])))
    return nn.ModuleList(blocks)


class TalkingHead(nn.Module):
    """The generator; module names are those of the public Wav2Lip checkpoint.

    Args:
        config: sizes.

    Raises:
        ValueError: the image size does not halve down to 3 × 3 in the number of levels given.
    """

    def __init__(self, config: TalkingHeadConfig) -> None:
        super().__init__()
        levels = len(config.face_widths)
        if config.image_size != 3 * 2 ** (levels - 2):
            raise ValueError(f"{levels} levels need images of {3 * 2 ** (levels - 2)} pixels")
        self.image_size = config.image_size
        self.face_encoder_blocks = _identity_encoder(config)
        self.audio_encoder = _speech_encoder(config)
        self.face_decoder_blocks = _face_decoder(config)
        joined = config.decoder_widths[-1] + config.face_widths[0]
        self.output_block = nn.Sequential(
            ConvBlock(joined, config.output_width, 3, 1, 1),
            nn.Conv2d(config.output_width, 3, 1),
            nn.Sigmoid(),
        )

    def encode_face(self, face: Tensor) -> Identity:
        """Identity maps of reference faces ``[B, 3, S, S]`` in [0, 1]; once per face.

        As in Wav2Lip the network sees the face twice: with its lower half blanked, which tells where to
        paint, and whole, which tells whom.
        """
        masked = face.clone()
        masked[:, :, self.image_size // 2 :] = 0.0
        x = torch.cat([masked, face], dim=1)
        maps = []
        for block in self.face_encoder_blocks:
            x = block(x)
            maps.append(x)
        return [*maps[::-1], face]

    def forward(self, windows: Tensor, identity: Identity) -> Tensor:
        """Paints one image per mel window.

        Args:
            windows: ``[B, T, 16, 80]`` normalised log mel.
            identity: maps from :meth:`encode_face`, for one face or one per batch item.

        Returns:
            ``[B, T, 3, S, S]`` in [0, 1].
        """
        batch, steps = windows.shape[:2]
        if not steps:
            return windows.new_zeros(batch, 0, 3, self.image_size, self.image_size)
        x = self.audio_encoder(windows.flatten(0, 1).transpose(1, 2)[:, None])
        for block, face in zip(self.face_decoder_blocks, identity[:-1], strict=True):
            x = block(x)
            # One map per face serves all its frames: expanded, never copied per frame.
            shared = face[:, None].expand(batch, steps, *face.shape[1:]).flatten(0, 1)
            x = torch.cat([x, shared], dim=1)
        image: Tensor = self.output_block(x)
        return image.view(batch, steps, 3, self.image_size, self.image_size)


class _Normalise(nn.Module):
    """Brings log mel at a steady level to about ±2."""

    def forward(self, log_mel: Tensor) -> Tensor:
        return (log_mel + 4.0) / 3.0


class _Wav2LipDecibels(nn.Module):
    """Wav2Lip's scale, shifted so that silence is zero: up to -80 dB is 0, from +20 dB is 8."""

    def forward(self, mel: Tensor) -> Tensor:
        db = 20.0 * mel.clamp_min(1e-5).log10() - 20.0
        return (8.0 * (db + 100.0) / 100.0).clamp(0.0, 8.0)


class _Centre(nn.Module):
    """[0, 8] → [-4, 4]: what the public generator was trained on."""

    def forward(self, windows: Tensor) -> Tensor:
        return windows - 4.0


class MouthWindows(Chain):
    """The generator's ear: samples ``[B, N, 1]`` → windows ``[B, T, 16, 80]`` at 30 fps.

    Wav2Lip's window of 16 mel steps begins at the frame; here it is shifted so that only ``ahead``
    steps lie after it, which bounds the look-ahead.

    Args:
        ahead: mel steps after the frame's time.
        mel: which spectrogram, see :class:`~pmmlink.model.config.TalkingHeadConfig`.

    Raises:
        CheckpointError: the window does not reach so far ahead.
    """

    def __init__(self, ahead: int, mel: str = "running") -> None:
        if not 0 <= ahead < MEL_STEPS:
            raise CheckpointError(f"talking_head.ahead: 0 to {MEL_STEPS - 1} mel steps, not {ahead}")
        windows = RateWindows(3, 8, MEL_STEPS, ahead=ahead)
        stages: list[Stage[Any]]
        if mel == "wav2lip":
            power = MelPower(MEL_WINDOW, MEL_HOP, MEL_BINS, 55.0, 7600.0, magnitude=True)
            # Windows are padded with zeros, so silence must be zero until they are cut.
            stages = [PreEmphasis(), power, Pointwise(_Wav2LipDecibels()), windows, Pointwise(_Centre())]
        else:
            power = MelPower(MEL_WINDOW, MEL_HOP, MEL_BINS, 55.0, 7600.0)
            level = RunningLevel(80, target_db=19.0, floor_db=-5.0, gate_db=-23.0, smooth=4)
            stages = [power, level, Pointwise(_Normalise()), windows]
        super().__init__(*stages)
