"""How far a run has come, and the log it leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from avslib.errors import UserError
from avslib.files import write_atomically
from avslib.types import Batch


@dataclass
class Progress:
    """The loop's own state; saved in every checkpoint.

    seconds: of the steps, validation included; lesson_seconds: of building the model and teaching its encoders
    sums: of each loss term over the epoch so far; history: the finished epochs' log lines
    """

    step: int = 0
    best: float = float("-inf")
    seconds: float = 0.0
    lesson_seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)

    def add(self, terms: dict[str, Tensor], accelerator: Accelerator) -> None:
        """Count one step's terms, averaged over the processes."""
        values = torch.stack([term.detach().float() for term in terms.values()])
        mean: Tensor = accelerator.reduce(values, reduction="mean")
        for name, value in zip(terms, mean.tolist(), strict=True):
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.step += 1

    def close_epoch(self, steps: int, rate: float, scores: dict[str, dict[str, float]]) -> None:
        """Turn the sums into the epoch's line of the log."""
        losses = {name: total / steps for name, total in self.sums.items()}
        self.sums = {}
        line = {"epoch": self.step // steps, "step": self.step, "lr": rate, **losses, "val": scores}
        self.history.append(line)


def check_terms(terms: dict[str, Tensor], weights: Mapping[str, float], step: int, batch: Batch) -> None:
    """Raise UserError when a loss term is not finite, naming it and the clips, or has no weight."""
    if terms.keys() != weights.keys():
        raise UserError(f"the recipe weighs {sorted(weights)}, but its criterion returns {sorted(terms)}")
    for name, term in terms.items():
        if not torch.isfinite(term):
            raise UserError(
                f"step {step}: the loss term {name!r} is {term.item()} on clips {', '.join(batch.identifiers)}; "
                "lower the learning rate or look at these clips; the last checkpoint is intact"
            )


def write_log(path: Path, progress: Progress) -> None:
    """One JSON line an epoch. Rewritten whole, so that a resumed run leaves no line twice."""
    lines = "".join(json.dumps(line) + "\n" for line in progress.history)
    write_atomically(path, lambda file: file.write(lines.encode()))
