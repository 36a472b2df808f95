"""The last few of each class, kept from step to step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ClassRing(nn.Module):
    """The last `kept` tensors of each class, in buffers, so that a resumed run has them.

    name:    of the buffer (C, kept, *shape) that they are in; of a class the first `held` count, in no order
    classes: C.  shape: of one of them
    """

    written: Tensor

    def __init__(self, name: str, *, classes: int, kept: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.name = name
        self.register_buffer(name, torch.zeros(classes, kept, *shape))
        self.register_buffer("written", torch.zeros(classes, dtype=torch.long))

    @property
    def ring(self) -> Tensor:
        """(C, kept, *shape), under the name that does not change."""
        return self.get_buffer(self.name)

    @property
    def held(self) -> Tensor:
        """(C,) how many there are of each class."""
        return self.written.clamp(max=self.ring.shape[1])

    @torch.no_grad()
    def put(self, new: Tensor, classes: Tensor) -> None:
        """Keep (n, *shape) of classes (n,), 0 to C - 1, in place of the oldest; of too many of a class the last."""
        ring, kept = self.ring, self.ring.shape[1]
        rank, sizes = rank_within(classes), torch.bincount(classes, minlength=len(self.written))
        last = rank >= sizes[classes] - kept
        slots = (self.written[classes] + rank) % kept
        ring[classes[last], slots[last]] = new[last].to(ring.dtype)
        self.written += sizes


def rank_within(groups: Tensor) -> Tensor:
    """(n,) how many earlier entries are of the same group: [4, 7, 4] -> [0, 0, 1]."""
    order = torch.argsort(groups, stable=True)
    sizes = torch.bincount(groups)
    ranks = torch.empty_like(groups)
    ranks[order] = torch.arange(len(groups), device=groups.device) - (sizes.cumsum(0) - sizes)[groups[order]]
    return ranks
