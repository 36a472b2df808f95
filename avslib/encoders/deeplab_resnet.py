"""The ResNet of DeepLab: a deep stem, and a last stage that looks further instead of halving its map again."""

from __future__ import annotations

from typing import Any

from timm.models import resnet
from torch import nn

OUTPUT_STRIDES = (8, 16)


def deeplab_resnet50(*, output_stride: int = 16, **options: Any) -> nn.Module:
    """timm's ResNet-50 with three 3x3 convolutions as a stem (64, 64, 128 channels) and a dilated last stage.

    output_stride: 16 keeps the last map at the third's size; 8 keeps both at the second's. The 3x3 convolutions of the
    last stage's three blocks have dilations 2, 4 and 8 in either case.
    """
    network = resnet.ResNet(
        resnet.Bottleneck,  # type: ignore[arg-type]
        (3, 4, 6, 3),
        stem_type="deep",
        stem_width=64,
        output_stride=output_stride,
        **options,
    )
    last: nn.Module = network.layer4  # type: ignore[assignment]
    for number, block in enumerate(last.children()):
        middle: nn.Conv2d = block.conv2  # type: ignore[assignment]
        middle.dilation = middle.padding = (2 * 2**number,) * 2
    return network
