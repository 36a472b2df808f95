"""How much faster is the matcher on a whole batch than picture by picture?

    python benchmarks/matching.py [--pictures 40] [--queries 100] [--points 12544] [--side 56] [--rounds 3] [--threads 2]

8 videos of 5 frames at VCT's sizes: mask logits of a quarter of 224 pixels, 71 classes, one to four of them in a picture.
Two loops stand beside the batch, in turns within one run; the ratios are of medians, and all assignments must agree.

    textbook  the matcher of Hugging Face's `transformers`, which goes picture by picture as Mask2Former's code does
    ours      this library's matcher, asked for one picture at a time
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from transformers.models.mask2former.modeling_mask2former import Mask2FormerHungarianMatcher

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the library beside this file, installed or not

from avslib.losses.hungarian import HungarianMatcher
from avslib.losses.mask_targets import MaskTargets, mask_targets

CLASSES, SIZE, LEAST = 71, 224, 3.0


def labels(pictures: int) -> Tensor:
    """(N, 224, 224): stripes of one to four classes."""
    stripes = torch.randint(0, CLASSES, (pictures, 4)).repeat_interleave(SIZE // 4, dim=1)
    for number, row in enumerate(stripes):
        row[SIZE // 4 * (1 + number % 4) :] = row[0].item()
    return stripes[:, None].expand(-1, SIZE, -1).contiguous()


def textbook(classes: Tensor, masks: Tensor, targets: MaskTargets, points: int) -> Callable[[], Tensor]:
    """-> (N, M), as ours. The targets are laid out for it beforehand."""
    matcher = Mask2FormerHungarianMatcher(cost_class=2, cost_mask=5, cost_dice=5, num_points=points)
    real = targets.classes >= 0
    own_masks = [each[keep].float() for each, keep in zip(targets.masks, real)]
    own_classes = [each[keep] for each, keep in zip(targets.classes, real)]

    def work() -> Tensor:
        pairs = matcher(masks, classes, own_masks, own_classes)
        found = torch.full_like(targets.classes, -1)
        for row, (queries, numbers) in zip(found, pairs):
            row[numbers] = queries
        return found

    return work


def one_by_one(classes: Tensor, masks: Tensor, targets: MaskTargets, points: int) -> Callable[[], Tensor]:
    matcher, singles = HungarianMatcher(points=points), []
    for n in range(len(classes)):
        keep = targets.classes[n] >= 0
        single = MaskTargets(
            targets.classes[n, keep][None], targets.masks[n, keep][None], targets.ignored[n, None]
        )
        singles.append((classes[n, None], masks[n, None], single))

    def work() -> Tensor:
        found = torch.full_like(targets.classes, -1)
        for row, single in zip(found, singles):
            (queries,) = matcher(*single)
            row[: len(queries)] = queries
        return found

    return work


def in_turns(work: dict[str, Callable[[], Tensor]], rounds: int) -> dict[str, float]:
    """Median seconds of each. Every round draws its points by its own seed, the same for all."""
    took: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(rounds + 1):  # the first one warms up
        found = {}
        for name, run in work.items():
            torch.manual_seed(turn)
            start = time.perf_counter()
            found[name] = run()
            if turn:
                took[name].append(time.perf_counter() - start)
        for name, result in found.items():
            assert torch.equal(result, found["batch"]), f"{name} assigns otherwise in round {turn}"
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in {
        "pictures": 40, "queries": 100, "points": 12544, "side": SIZE // 4, "rounds": 3, "threads": 2
    }.items():  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    targets = mask_targets(labels(options.pictures), CLASSES, background=True)
    classes = torch.randn(options.pictures, options.queries, CLASSES + 1)
    masks = 3 * torch.randn(options.pictures, options.queries, options.side, options.side)
    matcher = HungarianMatcher(points=options.points)
    seconds = in_turns(
        {
            "batch": lambda: matcher(classes, masks, targets),
            "textbook": textbook(classes, masks, targets, options.points),
            "ours": one_by_one(classes, masks, targets, options.points),
        },
        options.rounds,
    )
    print(
        f"{options.pictures} pictures, {options.queries} queries, {(targets.classes >= 0).sum()} masks, all assigned alike"
    )
    for name, took in seconds.items():
        print(f"{name:9} {took:6.2f} s   {took / seconds['batch']:5.2f} x the batch")
    return 0 if seconds["textbook"] >= LEAST * seconds["batch"] else 1


if __name__ == "__main__":
    sys.exit(main())
