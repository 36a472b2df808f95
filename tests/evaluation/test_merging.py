"""What several processes count, each over its own clips, is what one would have counted."""

from __future__ import annotations

import math
from itertools import chain

import pytest
import torch
import toy

from avslib.data.loading.order import evaluation_order
from avslib.evaluation.evaluate import clips_together
from avslib.metrics.protocols import AVSBenchBinary, DatasetLevel, JAndFOfPapers

CLIPS, SECONDS = 11, 5


def scored(runs: list[list[int]], frames: int) -> dict[str, float]:
    """The numbers merged over runs of clips, each scored by a protocol of its own."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(CLIPS, SECONDS, 1, 9, 9, generator=generator)
    labels = (torch.rand(CLIPS, SECONDS, 9, 9, generator=generator) < 0.3).long()
    total = AVSBenchBinary(frames_per_batch=frames)
    for run in runs:
        mine = AVSBenchBinary(frames_per_batch=frames)
        if run:
            mine.update(logits[run], labels[run])
        total.merge(mine)
    return total.compute()


@pytest.mark.parametrize("world", [2, 3, 8])
@pytest.mark.parametrize("frames", [1, 5, 10, 12])
def test_batches_are_not_torn(world: int, frames: int) -> None:
    together = frames // math.gcd(frames, SECONDS)
    runs = [list(chain(*evaluation_order(CLIPS, 2, rank, world, together=together))) for rank in range(world)]
    assert scored(runs, frames) == pytest.approx(scored([list(range(CLIPS))], frames), abs=1e-12)


def test_torn_batches_would_be_seen() -> None:
    runs = [list(chain(*evaluation_order(CLIPS, 2, rank, 3))) for rank in range(3)]
    assert scored(runs, 10)["F"] != pytest.approx(scored([list(range(CLIPS))], 10)["F"], abs=1e-6)


def test_how_many_clips_stay_together() -> None:
    clips = toy.ToyScenes(3, 0)  # of 2 frames
    six, eight = (AVSBenchBinary(frames_per_batch=frames) for frames in (6, 8))
    assert clips_together([DatasetLevel()], clips) == 1
    assert clips_together([six, DatasetLevel()], clips) == 3
    assert clips_together([six, JAndFOfPapers(of=eight)], clips) == 12
    assert clips_together([AVSBenchBinary(frames_per_batch=5)], clips) == 5
