"""CAVP over the encoders of its paper: a dilated ResNet-50 or PVTv2-B5, and VGGish or a ResNet-18 for the sound."""

from __future__ import annotations

from typing import Any

from torch import nn

from avslib.encoders.resnet_audio import ResNetAudio
from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder
from avslib.methods.cavp.model import CAVP
from avslib.methods.networks import Encoders

TOKEN = 304
"""Width of the sound's token over either audio network."""
NARROW = {"pvt_v2_b5": 64}
"""Backbone -> width of pyramid and head where it is not 256 (the authors' code)."""


def build(*, visual: nn.Module, audio: nn.Module, classes: int = 1, **sizes: Any) -> CAVP:
    """The model over any encoders; `sizes` are explained at `CAVP`."""
    token = {"audio_dim": int(getattr(audio, "dim", TOKEN))}  # an encoder that is counted apart has none
    name = str(getattr(visual, "name", ""))
    narrow = {"width": NARROW[name]} if name in NARROW else {}
    return CAVP(visual=visual, audio=audio, classes=classes, **{**token, **narrow, **sizes})


def dilated(*, name: str, pretrained: bool = True, output_stride: int = 16) -> VisualEncoder:
    """The paper's "D-ResNet50" where a ResNet-50 is asked for, other backbones as they are."""
    if name != "resnet50":
        return VisualEncoder(name=name, pretrained=pretrained)
    return VisualEncoder(name="deeplab_resnet50", pretrained=pretrained, output_stride=output_stride)


def fine_tuned_vggish(*, pretrained: bool = True) -> VGGish:
    """VGGish whose last layer is as wide as CAVP's token; nothing is frozen."""
    return VGGish(pretrained=pretrained, frozen=False, dim=TOKEN)


def two_ears(channels: int, *, pretrained: bool = True) -> ResNetAudio:
    """The ResNet-18 that hears VPO."""
    return ResNetAudio(pretrained=pretrained, channels=channels, dim=TOKEN)


ENCODERS = Encoders(visual=dilated, audio=fine_tuned_vggish)
"""Of the paper, on AVSBench."""
