"""The costs of the methods side by side, beside what the papers say: `avslib cost`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

from torch import nn

from avslib.evaluation.tables import lay_out
from avslib.ledger.cost import Cost, Costed, count, find_device, measure
from avslib.methods import METHODS
from avslib.methods.cost import FRAMES

BACKBONES = {"resnet50": "ResNet-50", "pvt_v2_b5": "PVTv2-B5", "swin_b": "Swin-B"}


def costed(name: str, backbone: str) -> Costed:
    """A method's line. Counted with random weights, which cost the same, and without VGGish, as in the papers."""
    method = METHODS[name]
    return Costed(
        method=method.title,
        backbone=backbone,
        build=partial(_build, name, backbone),
        unused=method.costs.unused,
        published=method.costs.published.get(backbone),
        sound=method.costs.sound,
    )


def _build(name: str, backbone: str) -> nn.Module:
    method = METHODS[name]
    visual = method.encoders.visual(name=backbone, pretrained=False)
    return method.build(visual=visual, audio=nn.Identity(), **method.costs.changes)


TABLE = tuple(costed(name, backbone) for name, method in METHODS.items() for backbone in method.backbones)


def cost(entry: Costed, device: str | None) -> Cost:
    """Count, and measure if there is a `device`; each measurement in a process of its own."""
    counted = count(entry)
    if device is None:
        return counted
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as process:
        memory, seconds = process.submit(measure, entry, device).result()
    return replace(counted, memory_mb=memory, seconds=seconds)


HEAD = [
    "method", "backbone", "M parameters", "as counted", "paper", "G multiply-adds", "as counted", "paper",
    "G operations", "MB", "frames/s", "paper",
]  # fmt: skip


def cost_table(
    *, device: str | None = None, markdown: bool = False, entries: Sequence[Costed] = TABLE
) -> str:
    """One line a method and backbone, for one clip of five frames of 224 pixels.

    "as counted" is what the papers counted: ours plus what their code carries for nothing. A dash: not
    measured, or not in a paper. Raises UserError for a device that is not there, before anything is counted.
    """
    if device is not None:
        find_device(device)
    return lay_out(HEAD, [_line(entry, cost(entry, device)) for entry in entries], markdown)


def _line(entry: Costed, found: Cost) -> list[str]:
    paper, unused = entry.published, found.unused
    return [
        entry.method,
        BACKBONES.get(entry.backbone, entry.backbone),
        f"{found.parameters / 1e6:.2f}",
        f"{(found.parameters + unused.parameters) / 1e6:.2f}" if paper else "-",
        f"{paper.parameters:.2f}" if paper else "-",
        f"{found.multiply_adds / 1e9:.2f}",
        f"{(found.multiply_adds + unused.multiply_adds) / 1e9:.2f}" if paper else "-",
        f"{paper.multiply_adds:.3f}" if paper else "-",
        f"{found.flops / 1e9:.1f}",
        "-" if found.memory_mb is None else f"{found.memory_mb:.0f}",
        "-" if found.seconds is None else f"{FRAMES / found.seconds:.2f}",
        f"{paper.frames_per_second:.2f}" if paper else "-",
    ]
