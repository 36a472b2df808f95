"""Counterfactual sounds: what sounds alike to a model is looked at once, and scored the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from avslib.audio.frontends import CavpLogMel, VGGishLogMel
from avslib.data import SOUNDS, MiniScenes
from avslib.evaluation.counterfactual import score_by_sound
from avslib.methods import METHODS
from avslib.methods.resolve import find_run
from avslib.methods.run import SoundBlind
from avslib.types import Batch, FrontEnd, Prediction


class Loud(nn.Module):
    """Marks all of the left half, by how loud the sound is, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.bias, self.asked = nn.Parameter(torch.zeros(())), 0

    def forward(self, batch: Batch) -> Prediction:
        self.asked += 1
        loud = batch.sound.flatten(2).mean(-1)[:, :, None, None, None] + self.bias  # B T 1 1 1
        return Prediction(loud.expand(-1, -1, 1, *batch.labels.shape[-2:]) + 3)


@pytest.mark.parametrize(
    ("front_end", "passes"),
    [(VGGishLogMel(), len(SOUNDS) - 1), (CavpLogMel(), len(SOUNDS)), (SoundBlind(VGGishLogMel()), 1)],
    ids=["mono", "stereo", "sound-blind"],
)
def test_what_sounds_alike_is_looked_at_once(front_end: FrontEnd, passes: int) -> None:
    scenes, model = MiniScenes("ms3", split="test", length=2, size=32), Loud()
    together = score_by_sound(model, scenes, front_end, batch_size=2)
    assert model.asked == passes
    alone = {s: score_by_sound(model, scenes, front_end, batch_size=2, sounds=(s,))[s] for s in SOUNDS}
    assert together == alone


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_is_encoded_once_for_all_its_sounds(method: str) -> None:
    """And no model writes into the maps that the next sound meets."""
    run = find_run(method, "mini/ms3", "smoke")
    model, scenes = run.model(), MiniScenes("ms3", split="test", length=3, size=64)
    looked: list[int] = []
    look = type(model.visual).forward  # type: ignore[union-attr]

    class Counted(type(model.visual)):  # type: ignore[misc]
        def forward(self, frames: torch.Tensor) -> object:
            looked.append(len(frames))
            return look(self, frames)

    model.visual.__class__ = Counted
    together = score_by_sound(model, scenes, run.front_end(), batch_size=2)
    assert looked == [2, 1] and "forward" not in vars(model.visual)
    alone = {s: score_by_sound(model, scenes, run.front_end(), batch_size=2, sounds=(s,))[s] for s in SOUNDS}
    assert together == alone
