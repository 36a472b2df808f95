"""Does it listen? The same scenes, heard with sounds that a model should not believe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from avslib.data.loading.collate import Collate
from avslib.data.loading.order import evaluation_order
from avslib.data.mini.scene import SOUNDS, Mask, Sound
from avslib.data.mini.scenes import MiniScenes
from avslib.errors import check_number
from avslib.methods.run import Run
from avslib.types import IGNORE, Batch, Clip, Clips, FrontEnd


class Scene(Protocol):
    """A composed scene that can be heard with another sound."""

    def clip(self, sound: Sound = "right", /) -> Clip: ...


class Scenes(Clips, Protocol):
    """Clips that are also available as scenes."""

    def scene(self, index: int) -> Scene: ...


@torch.no_grad()
def score_by_sound(
    model: nn.Module,
    scenes: Scenes,
    front_end: FrontEnd,
    *,
    batch_size: int,
    sounds: tuple[Sound, ...] = SOUNDS,
) -> dict[str, float]:
    """{sound: foreground IoU over the whole set}, the model hearing each scene with each sound.

    The truth is always that of the *right* sound: a model that listens scores high on "right" and
    low on the others ("mirrored" matters to stereo models only); one that only looks scores the
    same on all of them. Raises UserError for a batch size below 1.
    """
    check_number("batch_size", batch_size, 1)
    device = next(model.parameters()).device
    collate = Collate(front_end)
    counts = {sound: torch.zeros(2, dtype=torch.long) for sound in sounds}
    was_training = model.training
    model.eval()
    for indices in evaluation_order(len(scenes), batch_size):
        group = [scenes.scene(index) for index in indices]
        truth = collate([scene.clip() for scene in group]).labels
        heard: list[tuple[Batch, Tensor]] = []
        with seen_once(model):
            for sound in sounds:
                batch: Batch = collate([scene.clip(sound) for scene in group])
                found = next((counted for other, counted in heard if sounds_alike(batch, other)), None)
                if found is None:
                    found = foreground_counts(model(batch.to(device)).in_float32().logits.cpu(), truth)
                    heard.append((batch, found))
                counts[sound] += found
    model.train(was_training)
    return {sound: float(inter / max(1, union)) for sound, (inter, union) in counts.items()}


@contextmanager
def seen_once(model: nn.Module) -> Iterator[None]:
    """Meanwhile the model's visual encoder looks once at what it has just seen: only the sound is another."""
    visual = getattr(model, "visual", None)
    if not isinstance(visual, nn.Module):
        yield
        return
    look, seen = visual.forward, list[tuple[Tensor, Any]]()

    def remember(frames: Tensor) -> Any:
        if not seen or not torch.equal(frames, seen[0][0]):
            seen[:] = [(frames, look(frames))]
        return seen[0][1]

    visual.forward = remember
    try:
        yield
    finally:
        del visual.forward


def sounds_alike(one: Batch, other: Batch) -> bool:
    """Whether a model hears the same in both, as a mono one does in left and right swapped: it need not look twice."""
    return torch.equal(one.sound, other.sound) and all(
        torch.equal(extra, other.extras[name]) for name, extra in one.extras.items()
    )


def foreground_counts(logits: Tensor, labels: Tensor) -> Tensor:
    """(2,) pixels in the intersection and in the union of predicted and true foreground.

    logits (B, T, K, H, W): K = 1 is foreground above 0, else where the best class is not 0.
    """
    first, rest = logits[:, :, 0], logits[:, :, 1:]
    # (B, T, H, W); argmax over classes gives the same and takes thirty times as long.
    marked = rest.amax(dim=2) > first if rest.shape[2] else first > 0
    known, true = labels != IGNORE, labels != 0
    inter = (marked & true & known).sum()
    union = ((marked | true) & known).sum()
    return torch.stack([inter, union]).cpu()


def foreground_iou(marked: Mask, true: Mask) -> float:
    """Intersection over union of two bool arrays of any shape; 0 when both are empty."""
    return float((marked & true).sum() / max(1, (marked | true).sum()))


def visual_oracle(scenes: MiniScenes) -> float:
    """What looking alone can reach: foreground IoU of marking, without a flaw and in every second, whatever
    could sound."""
    inter = union = 0
    for scene in map(scenes.scene, range(len(scenes))):
        able = [thing.mask for thing in scene.objects if thing.name in scene.classes]
        marked = np.any([*able, np.zeros_like(scene.labels[0], bool)], axis=0)  # H W
        true = scene.labels > 0  # T H W
        inter, union = inter + (marked & true).sum(), union + (marked | true).sum()
    return float(inter / max(1, union))


def counterfactual(run: Run, model: nn.Module) -> dict[str, float]:
    """`score_by_sound` on the first test split, where its clips are composed scenes; else nothing."""
    if not run.data.composed:
        return {}
    scenes = cast(Scenes, run.clips(run.data.tests[0]))
    return score_by_sound(model, scenes, run.front_end(), batch_size=run.test_batch_size)
