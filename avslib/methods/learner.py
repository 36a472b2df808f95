"""What a run trains: a model, its criterion, and whatever a method keeps from step to step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from avslib.types import Batch, Criterion, Prediction


@dataclass(frozen=True)
class Clock:
    """When a step takes place. step, epoch: from 0; steps: of the whole run."""

    step: int
    epoch: int
    steps: int


class Learner(nn.Module):
    """What the loop trains, saves, resumes and hands to Accelerate.

    A method with state, with a second look at the batch, or with terms that come and go subclasses it: buffers
    are its state, parameters train, `forward` is one step. Only `model` is reported and published. (A buffer that
    the loss reads and the step then writes is read as a clone: the gradient needs what was there.)

    model:     a `Segmenter`
    criterion: of the recipe; see `avslib.types.Criterion`
    """

    def __init__(self, *, model: nn.Module, criterion: Criterion) -> None:
        super().__init__()
        self.model, self.criterion = model, criterion

    def forward(self, batch: Batch, clock: Clock) -> dict[str, Tensor]:
        """One step's loss, {term: scalar}, unweighted. A term may be absent in some steps."""
        return self.loss(self.model(batch), batch)

    def diagnostics(self) -> dict[str, float]:
        """What the log and the record tell of training, besides losses: numbers of the epoch so far."""
        return {}

    def loss(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """The criterion, in float32 whatever the model computes in."""
        with torch.autocast(batch.frames.device.type, enabled=False):
            return self.criterion(prediction.in_float32(), batch)


def gathered(values: Tensor) -> Tensor:
    """`values` (n, ...) of all processes in their order, the same on each; without gradient.

    n may differ between them. What a buffer collects goes through here, or the processes' states part.
    """
    values = values.detach()
    if not (distributed.is_available() and distributed.is_initialized()):
        return values
    counts = [
        torch.zeros(1, dtype=torch.long, device=values.device) for _ in range(distributed.get_world_size())
    ]
    distributed.all_gather(counts, torch.tensor([len(values)], device=values.device))
    longest = max(int(count) for count in counts)
    padded = values.new_zeros(longest, *values.shape[1:])
    padded[: len(values)] = values
    parts = [torch.empty_like(padded) for _ in counts]
    distributed.all_gather(parts, padded)
    return torch.cat([part[: int(count)] for part, count in zip(parts, counts)])
