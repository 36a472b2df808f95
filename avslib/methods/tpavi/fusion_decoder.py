"""The decoder of the AVSBench baseline: feature maps from coarse to fine, then a mask (after MiDaS)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class ResidualConvUnit(nn.Module):
    """relu - conv 3x3 - relu - conv 3x3, plus a skip: (N, C, h, w) -> the same.

    skip_after_relu: add relu(x) and not x. The reference's ReLU works in place, so its skip has lost the
    negative part of its input; only checkpoints and numbers of that code need it.
    """

    def __init__(self, *, width: int, skip_after_relu: bool = False) -> None:
        super().__init__()
        self.skip_after_relu = skip_after_relu
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        active = F.relu(x)
        residual: Tensor = self.conv2(F.relu(self.conv1(active)))
        return residual + (active if self.skip_after_relu else x)


class FusionBlock(nn.Module):
    """One step of the decoder: take in a map of the encoder, refine, enlarge.

    takes_map: False for the coarsest block, which has nothing to add to. (The reference gives it the unit
    all the same: 1.18 M parameters that never see a gradient.)
    """

    def __init__(self, *, width: int, takes_map: bool, skip_after_relu: bool = False) -> None:
        super().__init__()
        self.take = ResidualConvUnit(width=width, skip_after_relu=skip_after_relu) if takes_map else None
        self.refine = ResidualConvUnit(width=width, skip_after_relu=skip_after_relu)

    def forward(self, coarse: Tensor, fine: Tensor | None, size: tuple[int, int]) -> Tensor:
        """coarse (N, C, h, w), fine of the same shape or None -> (N, C, *size)."""
        if self.take is not None:
            coarse = coarse + self.take(fine)
        refined = self.refine(coarse)
        return F.interpolate(refined, size, mode="bilinear", align_corners=True)


class FusionDecoder(nn.Module):
    """One fusion block a map, from coarse to fine, and a head: maps at strides 4, 8, 16, 32 -> logits.

    maps:    how many maps come in; four in the paper
    width:   channels of the maps; the head takes a half and then an eighth of them, 16 at least
    classes: K of the logits
    """

    def __init__(
        self, *, maps: int = 4, width: int = 256, classes: int = 1, skip_after_relu: bool = False
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            FusionBlock(width=width, takes_map=level < maps - 1, skip_after_relu=skip_after_relu)
            for level in range(maps)
        )
        self.reduce = nn.Conv2d(width, width // 2, 3, padding=1)
        hidden = max(16, width // 8)  # fewer units all die now and then, and the logits stay constant
        self.score = nn.Sequential(
            nn.Conv2d(width // 2, hidden, 3, padding=1), nn.ReLU(), nn.Conv2d(hidden, classes, 1)
        )

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Maps (N, C, h_i, w_i), fine to coarse, and the frames' size -> logits (N, K, *size)."""
        height, width = maps[0].shape[-2:]
        sizes = [(2 * height, 2 * width), *(m.shape[-2:] for m in maps[:-1])]
        x, fine = maps[-1], None
        for level in reversed(range(len(maps))):
            x = self.blocks[level](x, fine, sizes[level])
            fine = maps[level - 1]
        doubled = tuple(2 * side for side in x.shape[-2:])
        logits: Tensor = self.score(
            F.interpolate(self.reduce(x), doubled, mode="bilinear", align_corners=False)
        )
        if doubled == size:
            return logits
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)  # odd sizes, fewer maps
