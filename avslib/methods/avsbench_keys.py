"""The encoders in the state dicts of AVSBench's code and of its forks: TPAVI, PCMANet."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from avslib.errors import UserError

PVT = "encoder_backbone."

BACKBONES = {"resnet": ("resnet.", "resnet50"), "pvt": (PVT, "pvt_v2_b5")}
"""The authors' name of a backbone -> how its weights' names begin, and our name."""


def encoder_names(resnet: str, pvt: str) -> list[tuple[str, str]]:
    """Beginnings of the encoders' names, theirs (after `resnet` or `pvt`) and ours, for a `KeyMap`."""
    parts = {
        "conv1": "conv1",
        "bn1": "bn1",
        "layer1": "layer1",
        "layer2": "layer2",
        "layer3_1": "layer3",
        "layer4_1": "layer4",
    }
    stage = "visual.net.stages.{stage}."
    return [
        *((f"{resnet}{theirs}.", f"visual.net.{ours}.") for theirs, ours in parts.items()),
        (pvt + "patch_embed1.", "visual.net.patch_embed."),
        (pvt + "patch_embed{stage}.", stage + "downsample."),
        (pvt + "block{stage}.{n}.mlp.dwconv.dwconv.", stage + "blocks.{n}.mlp.dwconv."),
        (pvt + "block{stage}.", stage + "blocks."),
        (pvt + "norm{stage}.", stage + "norm."),
    ]


ENCODERS = encoder_names("resnet.", PVT)

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
