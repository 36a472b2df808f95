"""DeepLabV3+ as CAVP has it: an atrous pyramid over the last map, and the finest map beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AtrousPyramid(nn.Module):
    """ASPP: (N, C, h, w) -> (N, width, h, w). Four views of every place, and the mean of all places added to them.

    Not the usual form, which concatenates five: here four are concatenated and narrowed, and the global view, narrowed twice,
    is added (the authors' code). The slope below zero is 0.01.
    """

    def __init__(self, channels: int, *, width: int = 256, dilations: Sequence[int] = (6, 12, 18)) -> None:
        super().__init__()
        self.views = nn.ModuleList([nn.Conv2d(channels, width, 1, bias=False)])
        self.views.extend(nn.Conv2d(channels, width, 3, padding=d, dilation=d, bias=False) for d in dilations)
        self.views_norm = nn.BatchNorm2d(len(self.views) * width)
        self.narrow = nn.Conv2d(len(self.views) * width, width, 1, bias=False)
        self.overview = nn.Conv2d(channels, width, 1, bias=False)
        self.overview_norm = nn.BatchNorm2d(width)
        self.narrow_overview = nn.Conv2d(width, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        views = self.narrow(F.leaky_relu(self.views_norm(torch.cat([view(x) for view in self.views], dim=1))))
        whole = self.overview_norm(self.overview(x.mean(dim=(2, 3), keepdim=True)))
        return F.leaky_relu(self.norm(views + self.narrow_overview(F.leaky_relu(whole))))


class DeepLabHead(nn.Module):
    """(N, C, h, w) -> logits (N, K, h, w): two 3x3 convolutions and a linear classifier."""

    def __init__(self, channels: int, *, width: int = 256, classes: int) -> None:
        super().__init__()
        self.refine = nn.Sequential(*_conv_norm_relu(channels, width), *_conv_norm_relu(width, width))
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.refine(x))
        return logits


def low_level(channels: int, width: int = 48) -> nn.Sequential:
    """The finest map in few channels, so that it adds edges and not meaning."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )


def _conv_norm_relu(channels: int, width: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
