"""ψ_IE: mouth images → image features, per frame and then over time (paper, eq. 4)."""

from __future__ import annotations

from torch import Tensor, nn

from pmmlink.model.config import ImageEncoderConfig
from pmmlink.model.transformer import TransformerLayer
from pmmlink.stream.stage import Chain, Pointwise


class FrameEncoder(nn.Module):
    """A 2-D CNN shared by all frames: ``[B, T, 3, S, S]`` in [0, 1] → ``[B, T, dim]``.

    Each level halves the image; what remains is projected. With ``standardise`` each feature is brought to
    mean 0 and variance 1 by statistics learnt in training: pictures of one face differ from each other by
    so little that the features would otherwise hardly move.
    """

    def __init__(
        self, image_size: int, widths: tuple[int, ...], dim: int, *, standardise: bool = False
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, size = 3, image_size
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.GELU()]
            channels, size = width, (size + 1) // 2
        self.cnn = nn.Sequential(*layers)
        self.project = nn.Linear(channels * size * size, dim)
        self.norm = nn.BatchNorm1d(dim, affine=False, momentum=0.02) if standardise else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        batch, steps = images.shape[:2]
        if not steps:
            return images.new_zeros(batch, 0, self.project.out_features)
        maps = self.cnn(images.flatten(0, 1))
        out: Tensor = self.norm(self.project(maps.flatten(1)))
        return out.view(batch, steps, -1)


class ImageEncoder(Chain):
    """ψ_IE: ``[B, T, 3, S, S]`` → ``[B, T, dim]``, causal over time."""

    def __init__(self, image_size: int, config: ImageEncoderConfig) -> None:
        super().__init__(
            Pointwise(FrameEncoder(image_size, config.widths, config.dim, standardise=config.standardise)),
            *(
                TransformerLayer(
                    config.dim,
                    config.heads,
                    config.feed_forward,
                    left_context=config.left_context,
                    alibi=True,
                )
                for _ in range(config.layers)
            ),
        )
