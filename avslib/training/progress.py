"""How far a run has come, and the log it leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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

    seconds: of the steps, validation included
    pretraining_seconds, pretraining_cached: see `avslib.training.pretrain_cache.Pretrained`
    sums, counts: of each loss term over the epoch so far, and of the steps in which it occurred
    history: the finished epochs' log lines
    """

    step: int = 0
    best: float = float("-inf")
    seconds: float = 0.0
    pretraining_seconds: float = 0.0
    pretraining_cached: bool = False
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)

    def add(self, terms: Mapping[str, Tensor], known: Sequence[str], accelerator: Accelerator) -> None:
        """Count one step's terms, averaged over the processes in which they occurred.

        known: every term that may occur, in one order on all processes
        """
        zero = next(iter(terms.values())).detach().float().new_zeros(())
        values = torch.stack([terms[name].detach().float() if name in terms else zero for name in known])
        there = torch.tensor([float(name in terms) for name in known], device=values.device)
        total: Tensor = accelerator.reduce(torch.stack([values, there]), reduction="sum")
        for name, value, count in zip(known, *total.tolist(), strict=True):
            if count:
                self.sums[name] = self.sums.get(name, 0.0) + value / count
                self.counts[name] = self.counts.get(name, 0.0) + 1
        self.step += 1

    def close_epoch(
        self, steps: int, rate: float, scores: dict[str, dict[str, float]], diagnostics: Mapping[str, float]
    ) -> None:
        """Turn the sums into the epoch's line of the log."""
        losses = {name: total / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        line = {
            "epoch": self.step // steps,
            "step": self.step,
            "lr": rate,
            **losses,
            "val": scores,
            **diagnostics,
        }
        self.history.append(line)


def check_terms(terms: Mapping[str, Tensor], weights: Mapping[str, float], step: int, batch: Batch) -> None:
    """Raise UserError when there is no loss term, one has no weight, or is not finite, naming it and the clips."""
    unknown = [name for name in terms if name not in weights]
    if unknown or not terms:
        told = f"the loss term {unknown[0]!r} has no weight" if unknown else "there is no loss term"
        raise UserError(f"step {step}: {told}; the recipe weighs {', '.join(weights)}")
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
