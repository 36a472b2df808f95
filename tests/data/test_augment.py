"""Random changes to training clips: what a draw depends on, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from avslib.data import MiniScenes, collate
from avslib.data.loading.augment import Augmented, mirror, random_mirror
from avslib.data.loading.collate import Collate
from avslib.data.loading.order import BatchOrder, load
from avslib.types import Batch, Clip

COUNT = 8


def drawn(clip: Clip, generator: torch.Generator) -> Clip:
    """The clip with two numbers out of its generator."""
    return replace(clip, extras={"drawn": torch.rand(2, generator=generator)})


def silent(waveform: Tensor, sample_rate: int, frames: int) -> Tensor:
    return torch.zeros(frames, 1, 1, 1)


def scenes(length: int = COUNT) -> MiniScenes:
    return MiniScenes("vpo-ms", size=32, length=length)


def draws(
    seed: int = 0, workers: int = 0, start: int = 0, rank: int = 0, world: int = 1
) -> list[tuple[str, tuple[float, ...]]]:
    """(clip, its two numbers) in training's order: three epochs of two steps."""
    order = BatchOrder(clips=COUNT, batch_size=4, epochs=3, steps_per_epoch=2, seed=5, start=start,
                       rank=rank, world=world, with_epoch=True)  # fmt: skip
    batches = load(Augmented(scenes(), drawn, seed=seed), order, Collate(silent), workers)
    return [
        (name, tuple(numbers))
        for batch in batches
        for name, numbers in zip(batch.identifiers, batch.extras["drawn"].tolist())
    ]


def test_a_draw_depends_on_seed_epoch_and_clip_alone() -> None:
    once = draws()
    torch.manual_seed(99)  # the global stream has no part in it
    assert draws() == once
    assert draws(workers=2) == once
    assert draws(start=3) == once[3 * 4 :], "a resumed run"
    shares = [draws(rank=rank, world=2) for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == sorted(once), "two processes"
    assert len({numbers for _, numbers in once}) == 3 * COUNT, "each clip in each epoch has its own"
    assert not {numbers for _, numbers in draws(seed=1)} & {numbers for _, numbers in once}


def test_augmented_clips_are_asked_by_epoch_and_index() -> None:
    clips = Augmented(scenes(3), drawn, seed=0)
    assert len(clips) == 3
    first, again, later, other = (clips[key].extras["drawn"] for key in ((0, 1), (0, 1), (1, 1), (0, 2)))
    assert torch.equal(first, again)
    assert not torch.equal(first, later) and not torch.equal(first, other)


def test_an_order_with_epochs_is_the_same_order() -> None:
    options = {"clips": 10, "batch_size": 4, "epochs": 3, "steps_per_epoch": None, "seed": 0}
    plain, told = (list(BatchOrder(**options, with_epoch=asked)) for asked in (False, True))  # type: ignore[arg-type]
    assert told == [[(step // 2, index) for index in batch] for step, batch in enumerate(plain)]


def test_a_random_mirror_mirrors_half() -> None:
    (clip,) = scenes(1)
    clips = Augmented([clip] * 400, random_mirror, seed=0)  # type: ignore[arg-type]
    names = [clips[0, index].identifier for index in range(400)]
    assert set(names) == {clip.identifier, f"{clip.identifier}, mirrored"}
    assert 160 < sum(name.endswith("mirrored") for name in names) < 240
    epochs = [clips[epoch, 0].identifier for epoch in range(40)]
    assert len(set(epochs)) == 2, "the same clip is mirrored in some epochs only"


@pytest.mark.parametrize("channels", [1, 2])
def test_a_mirror_flips_picture_and_labels_and_exchanges_the_channels(channels: int) -> None:
    (clip,) = scenes(1)
    clip = replace(clip, waveform=clip.waveform[:channels], extras={"kept": torch.ones(1)})
    image = mirror(clip)
    assert torch.equal(image.frames, clip.frames.flip(-1)) and not torch.equal(image.frames, clip.frames)
    assert torch.equal(image.labels, clip.labels.flip(-1))
    assert torch.equal(image.waveform, clip.waveform.flip(0))
    assert image.extras == clip.extras and image.identifier == f"{clip.identifier}, mirrored"
    twice: Batch = collate([mirror(image)], silent)
    assert torch.equal(twice.labels[0], clip.labels) and torch.equal(twice.frames[0], clip.frames)
