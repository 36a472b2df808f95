"""From a backbone's maps to those that a mask decoder reads: Mask2Former's pixel decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.deformable_encoder import DeformableEncoder


class DeformablePixelDecoder(nn.Module):
    """Three coarse maps refine one another by deformable attention; the finest joins them as in an FPN.

    (Cheng et al., "Masked-attention Mask Transformer for Universal Image Segmentation", CVPR 2022, 3.2 and 4.1.)

    channels: of the four maps, at strides 4, 8, 16, 32
    dim:      D
    layers, heads, points, hidden, dropout: as in `DeformableEncoder`
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        dim: int = 256,
        layers: int = 6,
        heads: int = 8,
        points: int = 4,
        hidden: int = 1024,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        finest, *coarse = channels
        self.project = nn.ModuleList(normed(nn.Conv2d(c, dim, 1)) for c in reversed(coarse))
        self.encoder = DeformableEncoder(
            dim=dim,
            heads=heads,
            levels=len(coarse),
            points=points,
            layers=layers,
            hidden=hidden,
            dropout=dropout,
            activation=nn.ReLU,
            normalised=True,
        )
        self.lateral = normed(nn.Conv2d(finest, dim, 1, bias=False))
        self.smooth = normed(nn.Conv2d(dim, dim, 3, padding=1, bias=False))
        self.out = nn.Conv2d(dim, dim, 1)
        self.reset()

    def reset(self) -> None:
        """Xavier's start, but where attention has one of its own."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
        self.encoder.reset()
        for convolution in (self.lateral[0], self.smooth[0], self.out):
            nn.init.kaiming_uniform_(convolution.weight, a=1)  # type: ignore[arg-type]
        for convolution in (self.out, *(project[0] for project in self.project)):  # type: ignore[index]
            nn.init.zeros_(convolution.bias)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Maps (N, C, h, w) at strides 4, 8, 16, 32 -> pixels (N, D, h, w) at stride 4, which are compared with
        queries, and what the queries look at, (N, D, h, w) at strides 32, 16, 8."""
        finest, *coarse = maps
        memory, sizes = self.encoder([project(x) for project, x in zip(self.project, reversed(coarse))])
        parts = memory.transpose(1, 2).split([h * w for h, w in sizes], dim=2)  # N D hw each
        refined = [x.unflatten(2, size) for x, size in zip(parts, sizes)]
        enlarged = F.interpolate(refined[-1], finest.shape[-2:], mode="bilinear", align_corners=False)
        pixels: Tensor = self.out(F.relu(self.smooth(self.lateral(finest) + enlarged)))
        return pixels, refined


def normed(convolution: nn.Conv2d) -> nn.Sequential:
    """The convolution, and a GroupNorm of 32 groups, or fewer where its width is no multiple of 32."""
    channels = convolution.out_channels
    return nn.Sequential(convolution, nn.GroupNorm(math.gcd(32, channels), channels))
