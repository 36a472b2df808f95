"""The visual encoder's pretraining: it learns, it repeats, and it sees silent objects too."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from avslib.data import MiniScenes
from avslib.training.pretrain_visual import pictures_and_classes, pretrain_visual


class TinyVisualEncoder(nn.Module):
    """Four maps from four strided convolutions."""

    channels: ClassVar[list[int]] = [8, 8, 16, 16]

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 8, 8, 16, 16)
        strides = (4, 2, 2, 2)
        self.steps = nn.ModuleList(
            nn.Conv2d(i, o, s + 1, s, s // 2) for i, o, s in zip(widths, widths[1:], strides)
        )

    def forward(self, frames: Tensor) -> list[Tensor]:
        maps, x = [], frames.float() / 255
        for step in self.steps:
            x = step(x).relu()
            maps.append(x)
        return maps


def test_the_encoder_learns_and_repeats() -> None:
    torch.manual_seed(0)
    scenes = MiniScenes("ms3", length=64, size=64)
    encoder = TinyVisualEncoder()
    first = pretrain_visual(copy.deepcopy(encoder), scenes, steps=40, batch=8, seed=0)
    again = pretrain_visual(copy.deepcopy(encoder), scenes, steps=40, batch=8, seed=0)
    assert first == again
    assert np.mean(first[-5:]) < np.mean(first[:3]) - 0.05


def test_silent_objects_are_named_and_blocks_are_read_in_their_middle() -> None:
    scenes = MiniScenes("ms3", length=8, size=64)
    scene = scenes.scene(0)
    pictures, target = pictures_and_classes([scene])
    assert pictures.shape == (1, 3, 64, 64)
    assert target.shape == (1, 8, 8)
    assert target[0, 2, 3] == scene.class_map[2 * 8 + 4, 3 * 8 + 4]
    for thing in scene.objects:
        named = set(np.unique(scene.class_map[thing.mask]))
        expected = 1 + (
            scene.classes.index(thing.name) if thing.name in scene.classes else len(scene.classes)
        )
        assert named == {expected}, thing.name
