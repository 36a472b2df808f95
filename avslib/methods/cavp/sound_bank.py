"""Sounds of single sources, kept by class: where a shuffled pair does not match, one that does is at hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from avslib.layers.class_ring import ClassRing, rank_within


class SoundBank(ClassRing):
    """A `ClassRing` of sounds, which gives them out again.

    classes: K without the background.  shape: of a sound, e.g. (1, 96, 64)
    """

    sounds: Tensor

    def __init__(self, *, classes: int, kept: int, shape: Sequence[int]) -> None:
        super().__init__("sounds", classes=classes, kept=kept, shape=shape)

    def take(self, classes: Tensor) -> tuple[Tensor, Tensor]:
        """The oldest sounds of classes (n,): (n, A, F, M), and (n,) bool whether there is one yet."""
        kept, written, held = self.sounds.shape[1], self.written[classes], self.held[classes]
        oldest = torch.where(written > kept, written % kept, 0)
        slots = (oldest + rank_within(classes) % held.clamp(min=1)) % kept
        return self.sounds[classes, slots], held > 0
