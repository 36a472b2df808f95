"""From clips to a batch."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from avslib.data import Collate, MiniScenes, collate
from avslib.errors import UserError


def front_end(waveform: Tensor, sample_rate: int, frames: int) -> Tensor:
    """(T, 1, 2, 3): the number of the second, and the loudness of the clip."""
    assert waveform.shape == (2, sample_rate * frames)
    return torch.arange(float(frames))[:, None, None, None].expand(-1, 1, 2, 3) + waveform.abs().sum()


def test_stills_stay_stills() -> None:
    scenes = MiniScenes(size=32, length=3)
    clips = list(scenes)
    batch = Collate(front_end)(clips)
    assert batch.frames.shape == (3, 1, 3, 32, 32) and batch.labels.shape == (3, 5, 32, 32)
    assert batch.sound.shape == (3, 5, 1, 2, 3) and batch.annotated.all() and batch.valid.all()
    assert batch.identifiers == tuple(clip.identifier for clip in clips)
    for i, clip in enumerate(clips):
        assert torch.equal(batch.frames[i], clip.frames) and torch.equal(batch.labels[i], clip.labels)
        assert torch.equal(batch.sound[i], front_end(clip.waveform, clip.sample_rate, 5))


def test_beside_a_video_a_still_is_repeated() -> None:
    still, other = MiniScenes(size=32, length=2)
    video = replace(other, frames=torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8))
    batch = collate([still, video], front_end)
    assert batch.frames.shape == (2, 5, 3, 32, 32)
    assert torch.equal(batch.frames[0], still.frames.expand(5, -1, -1, -1)) and torch.equal(
        batch.frames[1], video.frames
    )


def test_clips_that_do_not_fit_are_named() -> None:
    a, b = MiniScenes(size=32, length=1)[0], MiniScenes("vpo-ms", size=32, length=1)[0]
    with pytest.raises(UserError, match=rf"{a.identifier} \(5, 32, 32\), {b.identifier} \(1, 32, 32\)"):
        collate([a, b], front_end)
    with pytest.raises(UserError, match="not none"):
        collate([], front_end)


def test_extras_are_stacked_and_move_with_the_batch() -> None:
    clips = [
        replace(clip, extras={"clean": torch.full((2, 3), float(i)), "rank": torch.tensor(i)})
        for i, clip in enumerate(MiniScenes(size=32, length=3))
    ]
    batch = collate(clips, front_end)
    assert batch.extras.keys() == {"clean", "rank"}
    assert batch.extras["clean"].shape == (3, 2, 3) and batch.extras["rank"].tolist() == [0, 1, 2]
    assert torch.equal(batch.extras["clean"][:, 0, 0], torch.tensor([0.0, 1.0, 2.0]))
    moved = batch.to("meta")  # the one other device that every machine has
    tensors = [moved.frames, moved.sound, moved.labels, moved.annotated, moved.valid, *moved.extras.values()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert moved.extras["clean"].shape == (3, 2, 3) and moved.identifiers == batch.identifiers
    assert batch.extras["clean"].device.type == "cpu", "the batch itself stays"


def test_clips_without_extras_give_none() -> None:
    assert collate(list(MiniScenes(size=32, length=2)), front_end).extras == {}
