"""Score a model: under named protocols, and under sounds it should not believe."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from avslib.data import SOUNDS, Collate, MiniScenes
from avslib.data.scenes import Mask, Sound
from avslib.metrics.subsets import BySubset
from avslib.recipes.recipe import Clips, FrontEnd, ScoringProtocol
from avslib.training.order import evaluation_order, load
from avslib.types import IGNORE, Batch, Clip, Prediction

Scores = dict[str, dict[str, float]]
Scorer = BySubset[ScoringProtocol]
SubsetOf = Callable[[Sequence[int], Batch], Sequence[str]]
"""(indices of the clips, their batch) -> the name of the subset of each."""


class Scene(Protocol):
    """A composed scene that can be heard with another sound."""

    def clip(self, sound: Sound = "right", /) -> Clip: ...


class Scenes(Clips, Protocol):
    """Clips that are also available as scenes."""

    def scene(self, index: int) -> Scene: ...


def in_float32(prediction: Prediction) -> Prediction:
    """The same prediction in float32: under bf16 the losses and scores still need the range of float32."""
    extras = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in prediction.extras.items()
    }
    return Prediction(prediction.logits.float(), extras)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    clips: Clips,
    front_end: FrontEnd,
    protocols: Sequence[ScoringProtocol],
    *,
    batch_size: int,
    accelerator: Accelerator | None = None,
    workers: int = 0,
    subset_of: SubsetOf | None = None,
    save: Callable[[Batch, Tensor], None] | None = None,
) -> Scores:
    """{protocol name: {number's name: value}} of `model` over `clips`, in their order.

    With an `accelerator` of several processes each scores a run of neighbouring clips, and what they counted
    is merged: every process gets the numbers of one that scored all.

    subset_of: the subset of each clip of a batch; the scores then also hold "protocol, subset"
    save:      is given every batch with its logits (B, T, K, H, W)
    """
    rank, world = (accelerator.process_index, accelerator.num_processes) if accelerator else (0, 1)
    # Bare, because DistributedDataParallel talks to the other processes, whose batches may be over.
    bare = accelerator.unwrap_model(model) if accelerator else model
    device = next(model.parameters()).device
    together = clips_together(protocols, clips) if world > 1 else 1
    order = evaluation_order(len(clips), max(1, batch_size // world), rank, world, together=together)
    scorers = [BySubset(protocol) for protocol in protocols]
    was_training = model.training
    model.eval()
    for indices, batch in zip(order, load(clips, order, Collate(front_end), workers)):
        batch = batch.to(device)
        logits = in_float32(bare(batch)).logits
        names = subset_of(indices, batch) if subset_of else ()
        for scorer in scorers:
            scorer.update(logits, batch.labels, batch.valid, subsets=names)
        if save:
            save(batch, logits)
    model.train(was_training)
    if world > 1:
        scorers = merged(scorers)
    return {name: numbers for scorer in scorers for name, numbers in scorer.compute().items()}


def clips_together(protocols: Sequence[ScoringProtocol], clips: Clips) -> int:
    """How many neighbouring clips fill whole batches of every protocol that scores frames in batches."""
    frames = math.lcm(*(getattr(protocol, "frames_per_batch", 1) for protocol in protocols))
    return frames // math.gcd(frames, len(clips[0].labels)) if frames > 1 else 1


def merged(scorers: list[Scorer]) -> list[Scorer]:
    """What all processes counted, in their order, on each of them."""
    totals = [scorer.fresh() for scorer in scorers]
    for counted in gather_object([[scorer.counted() for scorer in scorers]]):
        for total, part in zip(totals, counted):
            total.merge_counted(part)
    return totals


@torch.no_grad()
def listen(
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
    same on all of them.
    """
    device = next(model.parameters()).device
    collate = Collate(front_end)
    counts = {sound: torch.zeros(2, dtype=torch.long) for sound in sounds}
    was_training = model.training
    model.eval()
    for indices in evaluation_order(len(scenes), batch_size):
        group = [scenes.scene(index) for index in indices]
        truth = collate([scene.clip() for scene in group]).labels
        for sound in sounds:
            batch: Batch = collate([scene.clip(sound) for scene in group])
            prediction = in_float32(model(batch.to(device)))
            counts[sound] += foreground_counts(prediction.logits.cpu(), truth)
    model.train(was_training)
    return {sound: float(inter / max(1, union)) for sound, (inter, union) in counts.items()}


def foreground_counts(logits: Tensor, labels: Tensor) -> Tensor:
    """(2,) pixels in the intersection and in the union of predicted and true foreground.

    logits (B, T, K, H, W): K = 1 is foreground above 0, else where the best class is not 0.
    """
    marked = logits[:, :, 0] > 0 if logits.shape[2] == 1 else logits.argmax(dim=2) != 0  # (B, T, H, W)
    known, true = labels != IGNORE, labels != 0
    inter = (marked & true & known).sum()
    union = ((marked | true) & known).sum()
    return torch.stack([inter, union]).cpu()


def foreground_iou(marked: Mask, true: Mask) -> float:
    """Intersection over union of two bool arrays of any shape; 0 when both are empty."""
    return float((marked & true).sum() / max(1, (marked | true).sum()))


def perfect_eyes(scenes: MiniScenes) -> float:
    """What looking alone can reach: foreground IoU of marking, without a flaw and in every second, whatever
    could sound."""
    inter = union = 0
    for scene in map(scenes.scene, range(len(scenes))):
        able = [thing.mask for thing in scene.objects if thing.name in scene.classes]
        marked = np.any([*able, np.zeros_like(scene.labels[0], bool)], axis=0)  # H W
        true = scene.labels > 0  # T H W
        inter, union = inter + (marked & true).sum(), union + (marked | true).sum()
    return float(inter / max(1, union))
