"""A method's network over two kinds of encoders: those of the papers, and those that train on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder

Network = Callable[..., nn.Module]
"""(visual=, audio=, classes=, **changes) -> a model."""


@dataclass(frozen=True)
class Encoders:
    """A paper's encoders, with their public weights if `pretrained`. By default those that all papers start from.

    visual: (name=, pretrained=) -> (N, 3, H, W) to maps at strides 4, 8, 16, 32
    audio:  (pretrained=) -> (N, A, F, M) to tokens (N, L, D)
    """

    visual: Callable[..., nn.Module] = VisualEncoder
    audio: Callable[..., nn.Module] = VGGish


PUBLIC = Encoders()


def paper_model(
    *,
    network: Network,
    encoders: Encoders = PUBLIC,
    backbone: str = "resnet50",
    pretrained: bool = True,
    **changes: Any,
) -> nn.Module:
    """The model of the paper's size over public encoders."""
    visual = encoders.visual(name=backbone, pretrained=pretrained)
    return network(visual=visual, audio=encoders.audio(pretrained=pretrained), **changes)


def small_model(
    *,
    network: Network,
    audio: Callable[[], nn.Module] = SmallAudioEncoder,
    pretrained: bool = True,
    **changes: Any,
) -> nn.Module:
    """The same mechanism over encoders that train on a CPU.

    audio: () -> the encoder of sound, where `VGGishLogMel` is not what it hears

    ImageNet weights of EfficientNet-Lite0 come with a package; its first half stays frozen.
    """
    visual = VisualEncoder(
        name="efficientnet_lite0", pretrained=pretrained, frozen_to_stride=8, keep_batch_norm_statistics=True
    )
    return network(visual=visual, audio=audio(), **changes)
