"""The encoders in the state dicts of AVSBench's code and of its forks: TPAVI, PCMANet."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from avslib.errors import UserError

PVT = "encoder_backbone."

BACKBONES = {"resnet": ("resnet.", "resnet50"), "pvt": (PVT, "pvt_v2_b5")}
"""The authors' name of a backbone -> how its weights' names begin, and our name."""

ENCODERS = (
    ("resnet.conv1.", "visual.net.conv1."),
    ("resnet.bn1.", "visual.net.bn1."),
    ("resnet.layer1.", "visual.net.layer1."),
    ("resnet.layer2.", "visual.net.layer2."),
    ("resnet.layer3_1.", "visual.net.layer3."),
    ("resnet.layer4_1.", "visual.net.layer4."),
    (PVT + "patch_embed1.", "visual.net.patch_embed."),
    (PVT + "patch_embed{stage}.", "visual.net.stages.{stage}.downsample."),
    (PVT + "block{stage}.{n}.mlp.dwconv.dwconv.", "visual.net.stages.{stage}.blocks.{n}.mlp.dwconv."),
    (PVT + "block{stage}.", "visual.net.stages.{stage}.blocks."),
    (PVT + "norm{stage}.", "visual.net.stages.{stage}.norm."),
)
"""Beginnings of names, theirs and ours, for a `KeyMap`."""

UNUSED_LAYERS = ("resnet.layer3_2.", "resnet.layer4_2.")
"""Half of the ResNet is there a second time, as a copy that nothing calls."""


def backbone_of(state: Mapping[str, Tensor], *, method: str) -> str:
    """Our name of the backbone in `state`. Raises UserError if it holds neither, or both."""
    names = [ours for prefix, ours in BACKBONES.values() if any(name.startswith(prefix) for name in state)]
    if len(names) != 1:
        raise UserError(
            f"{method}: the names begin with neither resnet. nor {PVT}; is it the authors' model?"
        )
    return names[0]
