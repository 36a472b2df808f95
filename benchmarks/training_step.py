"""What two cheap settings of a training step are worth: convolutions' weights in channels-last order, a fused Adam.

    python benchmarks/training_step.py                # ratios in one run, two threads, minutes
    python benchmarks/training_step.py --method pcmanet --pairs 5

One clip of five frames at 224 pixels, ResNet-50 with random weights, float32. The settings take turns, so that a busy
machine slows all of them alike; told is the median of each pair's ratio, above 1 where the setting is faster, and by
how much the loss of the step differs.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from avslib.methods import METHODS
from avslib.methods.learner import Clock, Learner
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.loop import keep_channels_last
from avslib.training.optimiser import build_optimiser
from avslib.types import Batch


@dataclass
class Step:
    """A learner with its optimiser, as a run has them, or without one of the settings."""

    run: Run
    learner: Learner
    optimiser: torch.optim.Optimizer
    loss: float = 0.0

    def __call__(self, batch: Batch) -> float:
        """One training step; seconds."""
        torch.manual_seed(0)
        start = time.perf_counter()
        terms = self.learner(batch, Clock(0, 0, 1))
        loss = torch.stack([self.run.loss_weights[name] * term for name, term in terms.items()]).sum()
        loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.loss = loss.item()
        return time.perf_counter() - start


def prepared(run: Run, learner: Learner, *, channels_last: bool, fused: bool) -> Step:
    learner = copy.deepcopy(learner).train()
    if channels_last:
        keep_channels_last(learner)
    optimiser = build_optimiser(learner, run.plan.optimiser)
    for group in (optimiser.defaults, *optimiser.param_groups):
        group["fused"] = fused
    return Step(run, learner, optimiser)


def clip() -> Batch:
    torch.manual_seed(0)
    labels, every = (torch.rand(1, 5, 224, 224) > 0.7).long(), torch.ones(1, 5, dtype=torch.bool)
    return Batch(torch.rand(1, 5, 3, 224, 224), torch.randn(1, 5, 1, 96, 64), labels, every, every, ("a",))


def compare(method: str, pairs: int) -> None:
    run, batch = find_run(method, "mini/ms3", "full"), clip()
    torch.manual_seed(0)
    learner = run.recipe.learner(model=run.model(pretrained=False), criterion=run.criterion())
    make: Callable[..., Step] = lambda **settings: prepared(run, learner, **settings)  # noqa: E731
    plain = make(channels_last=False, fused=False)
    others = {
        "channels last": make(channels_last=True, fused=False),
        "fused Adam": make(channels_last=False, fused=True),
        "both": make(channels_last=True, fused=True),
    }
    for step in (plain, *others.values()):
        step(batch)
    ratios: dict[str, list[float]] = {name: [] for name in others}
    for _ in range(pairs):
        for name, step in others.items():
            ratios[name].append(plain(batch) / step(batch))
    told = ", ".join(f"{name} {statistics.median(values):.2f}" for name, values in ratios.items())
    first, both = make(channels_last=False, fused=False), make(channels_last=True, fused=True)
    apart = 0.0
    for _ in range(3):
        first(batch), both(batch)
        apart = max(apart, abs(first.loss - both.loss) / first.loss)
    print(f"{method}: {told}; losses of three steps differ by at most {apart:.1e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", choices=tuple(METHODS), action="append")
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    for method in asked.method or METHODS:
        compare(method, asked.pairs)


if __name__ == "__main__":
    main()
