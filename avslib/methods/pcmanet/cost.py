"""What PCMANet costs by its paper's count, and what its authors' code carries for nothing."""

from __future__ import annotations

from torch import nn

from avslib.methods.cost import FRAMES, SIZE, Costs, PublishedCost, Unused, parameters_of, second_half
from avslib.methods.pcmanet.model import PCMANet

TABLE_III = "PCMANet, Table III"
PUBLISHED = {
    "resnet50": PublishedCost(65.68, 84.157, 32.47, TABLE_III),
    "pvt_v2_b5": PublishedCost(94.81, 107.556, 18.47, TABLE_III),
}


def unused(model: nn.Module) -> Unused:
    """A branch of the coarsest fusion without input, and the finest stage's answer to the sound."""
    assert isinstance(model, PCMANet)
    width = model.hear.out_features
    # its query and output; keys and values
    answer = FRAMES * 2 * width**2 + FRAMES * (SIZE // 8) ** 2 * 2 * width**2
    return Unused(
        parameters=second_half(model) + parameters_of([model.fuse[-1].guide]) + 3 * width**2,  # type: ignore[list-item]
        multiply_adds=answer,
        why="a second ResNet half, gf4.seq2; the sound's answer at the finest stage",
    )


# Without masking every query is kept, as with random weights.
COSTS = Costs(published=PUBLISHED, unused=unused, changes={"masking": False})
