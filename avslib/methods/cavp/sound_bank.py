"""Sounds of single sources, kept by class: where a shuffled pair does not match, one that does is at hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SoundBank(nn.Module):
    """The last `kept` sounds of each class, in buffers, so that a resumed run has them.

    classes: K without the background.  shape: of a sound, e.g. (1, 96, 64)
    """

    sounds: Tensor
    written: Tensor

    def __init__(self, *, classes: int, kept: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("sounds", torch.zeros(classes, kept, *shape))
        self.register_buffer("written", torch.zeros(classes, dtype=torch.long))

    def put(self, sounds: Tensor, classes: Tensor) -> None:
        """Keep (n, A, F, M) of classes (n,), 0 to K - 1, in place of the oldest; of too many of a class the last."""
        rank, sizes = rank_within(classes), torch.bincount(classes, minlength=len(self.written))
        last = rank >= sizes[classes] - self.sounds.shape[1]
        slots = (self.written[classes] + rank) % self.sounds.shape[1]
        self.sounds[classes[last], slots[last]] = sounds[last].to(self.sounds.dtype)
        self.written += sizes

    def take(self, classes: Tensor) -> tuple[Tensor, Tensor]:
        """The oldest sounds of classes (n,): (n, A, F, M), and (n,) bool whether there is one yet."""
        kept, written = self.sounds.shape[1], self.written[classes]
        oldest = torch.where(written > kept, written % kept, 0)
        held = written.clamp(max=kept)
        slots = (oldest + rank_within(classes) % held.clamp(min=1)) % kept
        return self.sounds[classes, slots], held > 0


def rank_within(groups: Tensor) -> Tensor:
    """(n,) how many earlier entries are of the same group: [4, 7, 4] -> [0, 0, 1]."""
    order = torch.argsort(groups, stable=True)
    sizes = torch.bincount(groups)
    ranks = torch.empty_like(groups)
    ranks[order] = torch.arange(len(groups), device=groups.device) - (sizes.cumsum(0) - sizes)[groups[order]]
    return ranks
