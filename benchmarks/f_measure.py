"""F at 255 thresholds: one pass over the pixels against a loop over the thresholds.

    python benchmarks/f_measure.py [--frames 64] [--size 224]

Prints the best of three times of each, their ratio, and the largest difference between the two. At 64 frames of
224 x 224 the library promises a ratio of at least 50 and a difference below 1e-6; exit status 1 if it is not kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from avslib.metrics.avsbench_binary import BETA_SQUARED, f_curve
from avslib.metrics.statistics import THRESHOLDS


def loop_curve(logits: Tensor, foreground: Tensor) -> Tensor:
    """The definition: for each frame and threshold, mark the pixels and count. (N, 255)."""
    curves = torch.zeros(len(logits), len(THRESHOLDS))
    for n, (probability, truth) in enumerate(zip(logits.sigmoid(), foreground.float())):
        for i, threshold in enumerate(THRESHOLDS):
            marked = (probability >= threshold).float()
            hit = (marked * truth).sum()
            precision, recall = hit / (marked.sum() + 1e-20), hit / (truth.sum() + 1e-20)
            curves[n, i] = (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)
    return curves.nan_to_num(0.0)


def best_of_three(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """(seconds, result)."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def main() -> int:
    """Run both on the same random frames, on one thread; 1 when the promise is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    shape = (options.frames, options.size, options.size)
    foreground = torch.rand(shape, generator=generator) < 0.2
    logits = 4 * torch.randn(shape, generator=generator) + 2 * foreground
    once, ours = best_of_three(lambda: f_curve(logits, foreground))
    looped, theirs = best_of_three(lambda: loop_curve(logits, foreground))
    print(f"{options.frames} frames of {options.size} x {options.size}, one thread")
    print(f"one pass {once * 1e3:9.1f} ms")
    print(f"loop     {looped * 1e3:9.1f} ms")
    ratio, difference = looped / once, float((ours - theirs).abs().max())
    print(f"ratio    {ratio:9.1f}")
    print(f"largest difference {difference:.1e}")
    return int(not (ratio >= 50 and difference < 1e-6))


if __name__ == "__main__":
    sys.exit(main())
