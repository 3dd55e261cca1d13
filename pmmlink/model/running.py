"""A model made ready to run one stream at a time: the same function from less work.

None of this could be trained or saved: batch norms are merged into the convolutions before them, the
talking head's convolutions are cut in two so that the face's half is computed once for a face, and
weights are laid out in memory as the products of a few rows read them fastest.
"""

from __future__ import annotations

from copy import copy, deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pmmlink.model.pmmtalk import PMMTalk
from pmmlink.model.talking_head import ConvBlock, Identity, TalkingHead, TransposedBlock

Convolution = nn.Conv2d | nn.ConvTranspose2d


def made_for_running(model: PMMTalk) -> PMMTalk:
    """A copy for inference on the CPU; what stays as it is shares its memory with the model given."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    running = deepcopy(model, shared).eval()
    with torch.no_grad():
        if "image" in running.modalities:
            if isinstance(running.talking_head, TalkingHead):
                running.talking_head = RunningHead(running.talking_head)
            for part in (running.talking_head, running.image_encoder):
                _lay_out_channels_last(part)
        _lay_out_rows_first(running)
    return running


class RunningHead(nn.Module):
    """The generator for one face: what the face adds to each convolution that joins face and speech is kept.

    A convolution of two joined maps is the sum of two convolutions; one of them sees the face alone.

    Args:
        head: the trained generator; taken over.
    """

    def __init__(self, head: TalkingHead) -> None:
        super().__init__()
        _fold_batch_norms(head)
        first, *levels = head.face_decoder_blocks
        self.head = head
        self.image_size = head.image_size
        self.first = first
        widths = [_convolution(block[-1]).out_channels for block in reversed(head.face_encoder_blocks)]
        joined = [*levels, head.output_block]
        self.joints = nn.ModuleList(
            _Joint(_convolution(level[0]), width) for level, width in zip(joined, widths, strict=True)
        )
        self.rests = nn.ModuleList(level[1:] for level in joined)

    def encode_face(self, face: Tensor) -> Identity:
        """What reference faces ``[B, 3, S, S]`` in [0, 1] add to each joint, and last the faces."""
        *maps, face = self.head.encode_face(face)
        return [*(joint.still(seen) for joint, seen in zip(self.joints, maps, strict=True)), face]

    def forward(self, windows: Tensor, identity: Identity) -> Tensor:
        """Paints one image per mel window; see :meth:`TalkingHead.forward`."""
        batch, steps = windows.shape[:2]
        if not steps:
            return windows.new_zeros(batch, 0, 3, self.image_size, self.image_size)
        x = self.first(self.head.audio_encoder(windows.flatten(0, 1).transpose(1, 2)[:, None]))
        for joint, rest, still in zip(self.joints, self.rests, identity[:-1], strict=True):
            # One face serves all its frames: expanded, never copied per frame.
            shared = still[:, None].expand(batch, steps, *still.shape[1:]).flatten(0, 1)
            x = rest(F.relu_(joint.moving(x).add_(shared)))
        return x.view(batch, steps, 3, self.image_size, self.image_size)


class _Joint(nn.Module):
    """A convolution of joined maps as two: ``moving`` of the painted one, ``still`` of the face's."""

    def __init__(self, conv: Convolution, face_channels: int) -> None:
        super().__init__()
        inputs = 0 if isinstance(conv, nn.ConvTranspose2d) else 1
        channels = conv.in_channels - face_channels, face_channels
        moving, still = conv.weight.split(channels, inputs)
        self.moving, self.still = copy(conv), copy(conv)
        for part, weight, count in zip((self.moving, self.still), (moving, still), channels, strict=True):
            part._parameters = {"weight": nn.Parameter(weight), "bias": conv.bias}
            part.in_channels = count
        self.moving.bias = None


def _convolution(module: nn.Module) -> Convolution:
    """The convolution of a block, or of the last block of several."""
    while not isinstance(module, Convolution):
        *_, module = module.children()
    return module


def _fold_batch_norms(head: TalkingHead) -> None:
    for block in head.modules():
        if isinstance(block, (ConvBlock, TransposedBlock)):
            conv, norm = block.conv_block
            block.conv_block = nn.Sequential(
                fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, nn.ConvTranspose2d))
            )


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
