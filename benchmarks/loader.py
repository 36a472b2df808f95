"""Does training wait for its data, and does the memory of the loader grow?

    python benchmarks/loader.py [--data mini/s4] [--workers 2] [--size 224] [--steps 4] [--clips 2000]
    python benchmarks/loader.py --data avsbench/ms3 --data-dir DIR      from files, of a release or of AVS-Mini

Waiting: TPAVI with ResNet-50 (random weights cost the same as learned ones) takes training steps of four
clips; of each step, the part that is spent waiting for the next batch. One run, one machine, a ratio.
`--device cuda` asks more of the loader: there the steps are short.

Memory: a pass over all clips without training; the memory of this process and its workers (Linux: the
proportional set size) after a quarter of the epoch, when every file of AVS-Mini has been met, and at its end.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tqdm import tqdm

from avslib.audio.frontends import VGGishLogMel
from avslib.data import Collate, find_data
from avslib.data.loading.order import BatchOrder, load
from avslib.encoders.vggish import VGGish
from avslib.encoders.visual import VisualEncoder
from avslib.methods.tpavi.criterion import TPAVICriterion
from avslib.methods.tpavi.model import TPAVI
from avslib.types import Batch, Clips

BATCH = 4
WARM_UP = 2


def training_clips(options: argparse.Namespace) -> tuple[Clips, int]:
    """The data that was asked for, and how many logits a pixel gets."""
    spec = find_data(options.data)
    return spec.open("train", folder=options.data_dir, size=options.size, length=options.clips), spec.classes


def batches(clips: Clips, steps: int, workers: int) -> Iterator[Batch]:
    """`steps` batches in training's order."""
    order = BatchOrder(clips=len(clips), batch_size=BATCH, epochs=1, steps_per_epoch=steps, seed=0)
    return load(clips, order, Collate(VGGishLogMel()), workers)


def waiting(
    clips: Clips, *, classes: int, steps: int, workers: int, device: str
) -> tuple[list[float], list[float]]:
    """Seconds of waiting and of computing, step by step, without the first two."""
    torch.manual_seed(0)
    visual, audio = VisualEncoder(name="resnet50", pretrained=False), VGGish(pretrained=False)
    model = TPAVI(visual=visual, audio=audio, classes=classes).to(device).train()
    criterion, optimiser = TPAVICriterion(), torch.optim.Adam(model.parameters(), lr=1e-4)
    waits, works = [], []
    before = time.perf_counter()
    for batch in tqdm(batches(clips, steps + WARM_UP, workers), total=steps + WARM_UP, desc="training"):
        there = time.perf_counter()
        batch = batch.to(device)
        loss = torch.stack(list(criterion(model(batch), batch).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()  # waits for the GPU
        after = time.perf_counter()
        waits.append(there - before)
        works.append(after - there)
        before = after
    return waits[WARM_UP:], works[WARM_UP:]


def memory() -> float:
    """MiB of this process and its children; what they share is counted once."""
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children").read_text(encoding="utf-8").split()
    kib = 0
    for process in [str(me), *children]:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8")
        found = re.search(r"^Pss:\s+(\d+) kB", rollup, flags=re.MULTILINE)
        kib += int(found[1]) if found else 0
    return kib / 1024


def growth(clips: Clips, *, workers: int) -> list[float]:
    """MiB after each eighth of an epoch."""
    steps = len(clips) // BATCH
    marks = {steps * part // 8 for part in range(1, 9)}
    seen = []
    for number, _ in enumerate(tqdm(batches(clips, steps, workers), total=steps, desc="one epoch"), start=1):
        if number in marks:
            seen.append(memory())
    return seen


def main() -> None:
    """Print both answers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mini/s4")
    parser.add_argument("--data-dir")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    clips, classes = training_clips(options)
    eighths = growth(clips, workers=options.workers)
    waits, works = waiting(
        clips, classes=classes, steps=options.steps, workers=options.workers, device=options.device
    )
    print(f"{options.data} at {options.size} pixels, {options.workers} workers, {options.device}")
    print(f"a step computes   {sorted(works)[len(works) // 2]:9.3f} s (median of {len(works)})")
    print(f"it waits for data {sum(waits) / sum(waits + works):9.2%} of the time")
    print("memory, MiB, after each eighth of an epoch: " + " ".join(f"{x:.0f}" for x in eighths))
    print(f"growth from a quarter to the end {eighths[-1] / eighths[1] - 1:9.2%}")


if __name__ == "__main__":
    main()
