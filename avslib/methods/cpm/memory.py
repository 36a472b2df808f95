"""Embeddings kept by class: what the mixtures are fitted to (CPM's "external memory bank")."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class EmbeddingMemory(nn.Module):
    """The last `kept` embeddings of each class, in buffers, so that a resumed run has them.

    classes x kept x dim x 4 bytes: 72 x 512 x 256 are 38 MB. (GMMSeg keeps 32,000 for each of three components: 7 GB.)

    embeddings: (C, kept, D); of a class the first `held` count, in no order
    """

    embeddings: Tensor
    written: Tensor

    def __init__(self, *, classes: int, kept: int = 512, dim: int = 256) -> None:
        super().__init__()
        self.register_buffer("embeddings", torch.zeros(classes, kept, dim))
        self.register_buffer("written", torch.zeros(classes, dtype=torch.long))

    @property
    def held(self) -> Tensor:
        """(C,) how many there are of each class."""
        return self.written.clamp(max=self.embeddings.shape[1])

    @torch.no_grad()
    def put(self, embeddings: Tensor, classes: Tensor) -> None:
        """Keep (n, D) of classes (n,), 0 to C - 1, in place of the oldest; of too many of a class the last."""
        own = F.one_hot(classes, len(self.written))  # n C
        sizes, kept = own.sum(dim=0), self.embeddings.shape[1]
        rank = (
            own.cumsum(dim=0).gather(1, classes[:, None]).squeeze(1) - 1
        )  # n: how many earlier ones are of its class
        last = rank >= sizes[classes] - kept
        slots = (self.written[classes] + rank) % kept
        self.embeddings[classes[last], slots[last]] = embeddings[last].to(self.embeddings.dtype)
        self.written += sizes
