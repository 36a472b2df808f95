"""A small learner of CPM whose mixtures know something, and a scene for it: the explorers of chapter 10."""

from __future__ import annotations

from typing import cast

import torch

from avslib.methods.cpm.learner import PromptingLearner
from avslib.methods.resolve import find_run
from avslib.types import Batch

COW, TRAIN, DOG = 4, 7, 5
NAMES = ("background", "airplane", "bird", "cat", "cow", "dog", "man", "train", "woman")


def learner(name: str = "cpm", *, fitted: bool = True) -> PromptingLearner:
    """As `smoke` has it, untrained; its mixtures are fitted to random embeddings of all classes but the dog."""
    torch.manual_seed(0)
    made = cast(PromptingLearner, find_run(name, "mini/avss", "smoke").learner()).train()
    if fitted and made.memory is not None:
        kinds = torch.arange(300) % (len(NAMES) + 1)
        kinds = kinds[kinds != DOG]
        made.memory.put(torch.randn(len(kinds), 64) + kinds[:, None] / 3, kinds)
        made.model.mixtures.update(made.memory.embeddings, made.memory.held)  # type: ignore[union-attr,operator]
    return made


def scene(*, seconds: int = 2, size: int = 64) -> Batch:
    """One still with a cow above and a train below."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.zeros(1, seconds, size, size, dtype=torch.long)
    labels[:, :, : size // 3], labels[:, 1:, size // 2 :] = COW, TRAIN
    every = torch.ones(1, seconds, dtype=torch.bool)
    frames = torch.randint(0, 256, (1, 1, 3, size, size), dtype=torch.uint8, generator=generator)
    return Batch(frames, torch.randn(1, seconds, 1, 96, 64, generator=generator), labels, every, every)
