"""What TPAVI costs by the papers' counts, and what its authors' code carries for nothing."""

from __future__ import annotations

from torch import nn

from avslib.methods.cost import FRAMES, SIZE, Costs, PublishedCost, Unused, parameters_of, second_half
from avslib.methods.tpavi.model import TPAVI

TABLE_III = "PCMANet, Table III"
PUBLISHED = {
    "resnet50": PublishedCost(91.40, 169.320, 13.83, TABLE_III),
    "pvt_v2_b5": PublishedCost(101.32, 154.137, 11.63, TABLE_III),
}
PLACES = FRAMES * sum((SIZE // stride) ** 2 for stride in (4, 8, 16, 32))


def unused(model: nn.Module) -> Unused:
    """A residual unit without input, and the key of each second once for every place of its frame."""
    assert isinstance(model, TPAVI)
    unit = model.decoder.blocks[-1].refine
    key = model.interactions[0].key.weight.numel()  # type: ignore[union-attr,operator]
    return Unused(
        parameters=second_half(model) + parameters_of([unit]),  # type: ignore[list-item]
        multiply_adds=(PLACES - 4 * FRAMES) * key,
        why="a second ResNet half, path4.resConfUnit1; the sound's key repeated over all places",
    )


COSTS = Costs(published=PUBLISHED, unused=unused)
