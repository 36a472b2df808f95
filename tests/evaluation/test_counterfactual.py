"""Counterfactual sounds: what sounds alike to a model is looked at once, and scored the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from avslib.audio.frontends import CavpLogMel, VGGishLogMel
from avslib.data import SOUNDS, MiniScenes
from avslib.evaluation.counterfactual import score_by_sound
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
