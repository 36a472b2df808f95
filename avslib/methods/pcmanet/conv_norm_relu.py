"""Convolution, batch norm, ReLU: the unit that PCMANet calls CBR."""

from __future__ import annotations

from torch import nn


def conv_norm_relu(channels: int, width: int, *, kernel: int = 3, groups: int = 1) -> nn.Sequential:
    """(N, channels, h, w) -> (N, width, h, w), none negative.

    The convolution keeps its bias, which the batch norm makes superfluous: the authors' weights have one.
    """
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, padding=kernel // 2, groups=groups),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
