"""Score a model under named protocols."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from avslib.data.loading.collate import Collate
from avslib.data.loading.order import evaluation_order, load
from avslib.errors import check_number
from avslib.metrics.groups import ByGroup
from avslib.types import Batch, Clips, FrontEnd, PredictionScorer, ScoringProtocol

Scores = dict[str, dict[str, float]]
Scorer = ByGroup[ScoringProtocol]
GroupOf = Callable[[Sequence[int], Batch], Sequence[str]]
"""(indices of the clips, their batch) -> the name of the group of each."""


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
    group_of: GroupOf | None = None,
    scorers: Sequence[PredictionScorer] = (),
    save: Callable[[Batch, Tensor], None] | None = None,
) -> Scores:
    """{protocol name: {number's name: value}} of `model` over `clips`, in their order.

    With an `accelerator` of several processes each scores a run of neighbouring clips, and what they counted
    is merged: every process gets the numbers of one that scored all.

    model:    not wrapped for several processes: they talk to one another, and some have fewer batches
    group_of: the group of each clip of a batch; the scores then also hold "protocol, group"
    scorers:  of whole predictions; the scores hold theirs too
    save:      is given every batch with its logits (B, T, K, H, W)

    Raises UserError for a batch size below 1 or workers below 0.
    """
    check_number("batch_size", batch_size, 1)
    check_number("workers", workers, 0)
    rank, world = (accelerator.process_index, accelerator.num_processes) if accelerator else (0, 1)
    device = next(model.parameters()).device
    together = clips_together(protocols, clips) if world > 1 else 1
    order = evaluation_order(len(clips), max(1, batch_size // world), rank, world, together=together)
    by_group = [ByGroup(protocol) for protocol in protocols]
    was_training = model.training
    model.eval()
    for indices, batch in zip(order, load(clips, order, Collate(front_end), workers)):
        batch = batch.to(device)
        prediction = model(batch).in_float32()
        logits = prediction.logits
        names = group_of(indices, batch) if group_of else ()
        for own in by_group:
            own.update(logits, batch.labels, batch.valid, groups=names)
        for scorer in scorers:
            scorer.update(prediction, batch)
        if save:
            save(batch, logits)
    model.train(was_training)
    if world > 1:
        by_group, scorers = merged(by_group), together_counted(scorers)
    found = {name: numbers for own in by_group for name, numbers in own.compute().items()}
    return found | {scorer.name: scorer.compute() for scorer in scorers}


def clips_together(protocols: Sequence[ScoringProtocol], clips: Clips) -> int:
    """How many neighbouring clips fill whole batches of every protocol that scores frames in batches."""
    frames = math.lcm(*(getattr(protocol, "frames_per_batch", 1) for protocol in protocols))
    return frames // math.gcd(frames, len(clips[0].labels)) if frames > 1 else 1


def together_counted(scorers: Sequence[PredictionScorer]) -> list[PredictionScorer]:
    """What all processes counted, on each of them."""
    every: list[list[PredictionScorer]] = gather_object([list(scorers)])
    first, *others = every
    for part in others:
        for total, counted in zip(first, part):
            total.merge(counted)
    return first


def merged(scorers: list[Scorer]) -> list[Scorer]:
    """What all processes counted, in their order, on each of them."""
    totals = [scorer.fresh() for scorer in scorers]
    for counted in gather_object([[scorer.counted() for scorer in scorers]]):
        for total, part in zip(totals, counted):
            total.merge_counted(part)
    return totals
