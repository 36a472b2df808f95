"""What CAVP's contrast costs: its share of a training step on 16 pictures, and its memory by the number of classes.

    python benchmarks/cavp_contrast.py [--rounds 3] [--threads 2]

The paper's network on AVSBench (D-ResNet50, VGGish, 71 classes, 224 pixels, random weights), 16 clips of one frame, forwards
and backwards; the contrast alone on the maps that such a step gives, forwards and backwards. Ratio of one run, medians.
Memory is the most that the contrast's own tensors need beyond its inputs, for 8, 32 and 71 classes of 512 pixels each. Linux.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the library beside this file, installed or not

from avslib.losses.info_nce import info_nce
from avslib.methods.cavp.contrast import AudioVisualContrast, Pairing
from avslib.methods.learner import Clock
from avslib.methods.resolve import find_run
from avslib.types import Batch

PICTURES, SIZE, CLASSES = 16, 224, 71


def seconds(work: Callable[[], torch.Tensor], rounds: int) -> float:
    """Median of forwards and backwards."""
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        work().backward()  # type: ignore[no-untyped-call]
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def labels() -> torch.Tensor:
    """(16, 1, 224, 224): one object of a tenth to a third of the picture in each, of a class of its own."""
    torch.manual_seed(0)
    found = torch.zeros(PICTURES, 1, SIZE, SIZE, dtype=torch.long)
    for number in range(PICTURES):
        side = 70 + 4 * number
        found[number, 0, 20 : 20 + side, 30 : 30 + side] = 1 + number
    return found


def share(rounds: int) -> tuple[float, float]:
    """Seconds of the step and of the contrast."""
    run = find_run("cavp", "avss", "full")
    learner = run.recipe.learner(model=run.model(pretrained=False), criterion=run.criterion()).train()
    truth, every = labels(), torch.ones(PICTURES, 1, dtype=torch.bool)
    frames = torch.rand(PICTURES, 1, 3, SIZE, SIZE) * 255
    batch = Batch(frames, torch.rand(PICTURES, 1, 1, 96, 64) - 1, truth, every, every)
    step = seconds(lambda: sum(learner(batch, Clock(0, 0, 1)).values(), torch.zeros(())), rounds)
    maps = torch.randn(2, PICTURES, 304, SIZE // 4, SIZE // 4, requires_grad=True)
    contrast, own = AudioVisualContrast(), truth[:, 0]
    alone = lambda: contrast(Pairing(maps[0], own), Pairing(maps[1], torch.zeros_like(own)))  # noqa: E731
    return step, seconds(alone, rounds)


def memory(classes: int) -> None:
    """Print MiB that one pass over 512 pixels of each class adds to the process."""
    z = torch.nn.functional.normalize(torch.randn(512 * classes, 304), dim=1).requires_grad_()
    of = torch.arange(classes).repeat_interleave(512)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    info_nce(z, of).backward()  # type: ignore[no-untyped-call]
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int, default=0, help="of this many classes alone")
    options = parser.parse_args()
    if options.memory:
        memory(options.memory)
        return 0
    for classes in (8, 32, 71):
        command = [sys.executable, __file__, "--memory", str(classes)]
        told = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
        print(f"{classes:3} classes, {512 * classes:6} anchors: {float(told):6.0f} MiB")
    torch.set_num_threads(options.threads)
    step, alone = share(options.rounds)
    print(f"step {step:.1f} s, contrast {alone:.2f} s: {alone / step:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
