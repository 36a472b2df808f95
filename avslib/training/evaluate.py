"""Score a model: under named protocols, and under sounds it should not believe."""

from __future__ import annotations

from typing import Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from avslib.data import SOUNDS, Collate
from avslib.data.scenes import Sound
from avslib.recipes.recipe import Clips, FrontEnd, ScoringProtocol
from avslib.training.order import evaluation_order, load
from avslib.types import IGNORE, Batch, Clip, Prediction

Scores = dict[str, dict[str, float]]


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
    protocols: list[ScoringProtocol],
    *,
    batch_size: int,
    accelerator: Accelerator | None = None,
    workers: int = 0,
) -> Scores:
    """{protocol name: {number's name: value}} of `model` over `clips`, in their order.

    With an `accelerator` of several processes each predicts its share; every process then scores
    all of them, so the numbers do not depend on how many there are.
    """
    rank, world = (accelerator.process_index, accelerator.num_processes) if accelerator else (0, 1)
    device = next(model.parameters()).device
    batches = evaluation_order(len(clips), batch_size, rank, world)
    was_training = model.training
    model.eval()
    seen = 0
    for batch in load(clips, batches, Collate(front_end), workers):
        batch = batch.to(device)
        scored = (in_float32(model(batch)).logits, batch.labels, batch.valid)
        if accelerator and world > 1:
            scored = accelerator.gather(scored)
        here = min(batch_size, len(clips) - seen)  # the rest repeats the last clip, see evaluation_order
        seen += here
        logits, labels, valid = (tensor[:here].cpu() for tensor in scored)
        for protocol in protocols:
            protocol.update(logits, labels, valid)
    model.train(was_training)
    return {protocol.name: protocol.compute() for protocol in protocols}


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
