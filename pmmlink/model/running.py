"""A model made ready to run one stream at a time: the same function from less work.

None of this could be trained or saved: batch norms are merged into the convolutions before them, the
talking head's convolutions are cut in two so that the face's half is computed once for a face, blocks of
attention take fewer calls (:mod:`.running_blocks`), and weights are laid out in memory as the products of a
few rows read them fastest.
"""

from __future__ import annotations

from copy import deepcopy
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.model.running_blocks import run_blocks, side_by_side
from pmmlink.model.talking_head import ConvBlock, Identity, TalkingHead, TransposedBlock

Convolution = nn.Conv2d | nn.ConvTranspose2d


def made_for_running(model: PMMTalk) -> PMMTalk:
    """A copy for inference on the CPU; what stays as it is shares its memory with the model given."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    running = deepcopy(model, shared).eval()
    with torch.no_grad():
        if "image" in running.modalities:
            if not isinstance(running.talking_head, RunningHead):
                running.talking_head = RunningHead(running.talking_head)
            for part in (running.talking_head, running.image_encoder):
                _lay_out_channels_last(part)
        run_blocks(running.decoder.layers)
        for name in ("audio_encoder", "image_encoder"):
            if hasattr(running, name):
                run_blocks(getattr(running, name).stages)
        if running.side_by_side is None and {"audio", "text"} <= set(running.modalities):
            running.side_by_side = side_by_side(running.audio_decoder, running.text_decoder)
        _lay_out_rows_first(running)
    return running


class RunningHead(TalkingHead):
    """The generator for one face: what the face adds to each convolution that joins face and speech is kept.

    A convolution of two joined maps is the sum of two convolutions; one of them sees the face alone.

    Args:
        head: the trained generator; taken over.
    """

    def __init__(self, head: TalkingHead) -> None:
        nn.Module.__init__(self)  # its parts are the trained ones
        _fold_batch_norms(head)
        self.image_size = head.image_size
        self.face_encoder_blocks = head.face_encoder_blocks
        self.audio_encoder = head.audio_encoder
        self.first, *levels = head.face_decoder_blocks
        joined = [cast(nn.Sequential, level) for level in (*levels, head.output_block)]
        faces = reversed(head.face_encoder_blocks)
        widths = [_convolution(block).out_channels for block in faces]
        self._joints = [
            _Joint(_convolution(level[0]), width) for level, width in zip(joined, widths, strict=True)
        ]
        self._rests = [level[1:] for level in joined]
        self.joints, self.rests = nn.ModuleList(self._joints), nn.ModuleList(self._rests)

    def encode_face(self, face: Tensor) -> Identity:
        """What reference faces ``[B, 3, S, S]`` in [0, 1] add to each joint, and last the faces."""
        *maps, face = super().encode_face(face)
        return [*(joint.still(seen) for joint, seen in zip(self._joints, maps, strict=True)), face]

    def forward(self, windows: Tensor, identity: Identity) -> Tensor:
        """Paints one image per mel window; see :meth:`TalkingHead.forward`."""
        batch, steps = windows.shape[:2]
        if not steps:
            return windows.new_zeros(batch, 0, 3, self.image_size, self.image_size)
        x: Tensor = self.first(self.audio_encoder(windows.flatten(0, 1).transpose(1, 2)[:, None]))
        for joint, rest, still in zip(self._joints, self._rests, identity[:-1], strict=True):
            # One face serves all its frames: expanded, never copied per frame.
            shared = still[:, None].expand(batch, steps, *still.shape[1:]).flatten(0, 1)
            x = rest(F.relu_(joint.moving(x).add_(shared)))
        return x.view(batch, steps, 3, self.image_size, self.image_size)


class _Joint(nn.Module):
    """A convolution of joined maps as two: ``moving`` of the painted one, ``still`` of the face's."""

    def __init__(self, conv: Convolution, face_channels: int) -> None:
        super().__init__()
        inputs = 0 if isinstance(conv, nn.ConvTranspose2d) else 1
        own = conv.in_channels - face_channels
        self.moving = _part(conv, conv.weight.narrow(inputs, 0, own), own)
        self.still = _part(conv, conv.weight.narrow(inputs, own, face_channels), face_channels)
        self.moving.bias = None


def _part(conv: Convolution, weight: Tensor, in_channels: int) -> Convolution:
    """The same convolution of some of its inputs."""
    part = deepcopy(conv)
    part.weight, part.in_channels = nn.Parameter(weight.clone()), in_channels
    return part


def _convolution(module: nn.Module) -> Convolution:
    """The convolution of a block, or of the last block of several."""
    while not isinstance(module, Convolution):
        *_, module = module.children()
    return module


def _fold_batch_norms(head: TalkingHead) -> None:
    for block in head.modules():
        if isinstance(block, (ConvBlock, TransposedBlock)):
            conv, norm = _convolution(block.conv_block[0]), cast(nn.BatchNorm2d, block.conv_block[1])
            folded = fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, nn.ConvTranspose2d))
            block.conv_block = nn.Sequential(folded)


def _lay_out_channels_last(module: nn.Module) -> None:
    """Convolutions read their channels side by side; outputs inherit the layout."""
    for conv in module.modules():
        if isinstance(conv, Convolution):
            conv.weight = nn.Parameter(conv.weight.contiguous(memory_format=torch.channels_last))


def _lay_out_rows_first(module: nn.Module) -> None:
    """Linear layers' weights as ``[in, out]`` in memory: one or two rows are multiplied twice as fast."""
    for linear in module.modules():
        if isinstance(linear, nn.Linear):
            linear.weight = nn.Parameter(linear.weight.t().contiguous().t())
