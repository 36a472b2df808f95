"""Embeddings kept by class: what the mixtures are fitted to (CPM's "external memory bank")."""

from __future__ import annotations

from torch import Tensor

from avslib.layers.class_ring import ClassRing


class EmbeddingMemory(ClassRing):
    """A `ClassRing` of embeddings (C, kept, D).

    classes x kept x dim x 4 bytes: 72 x 512 x 256 are 38 MB. (GMMSeg keeps 32,000 for each of three components: 7 GB.)
    """

    embeddings: Tensor

    def __init__(self, *, classes: int, kept: int = 512, dim: int = 256) -> None:
        super().__init__("embeddings", classes=classes, kept=kept, shape=(dim,))
