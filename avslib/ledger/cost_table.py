"""The costs of the methods side by side, beside what the papers say: `avslib cost`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

from torch import nn

from avslib.encoders.visual import VisualEncoder
from avslib.ledger.cost import FRAMES, SIZE, Cost, Costed, Published, Unused, count, measure, parameters_of
from avslib.methods.avsegformer.recipe import build as build_avsegformer
from avslib.methods.pcmanet.model import PCMANet
from avslib.methods.tpavi.model import TPAVI

TABLE_III = "PCMANet, Table III"
BACKBONES = {"resnet50": "ResNet-50", "pvt_v2_b5": "PVTv2-B5"}
PLACES = FRAMES * sum((SIZE // stride) ** 2 for stride in (4, 8, 16, 32))


def encoder(name: str) -> VisualEncoder:
    """With random weights: they cost the same."""
    return VisualEncoder(name=name, pretrained=False)


def tpavi(backbone: str) -> TPAVI:
    """As in its paper."""
    return TPAVI(visual=encoder(backbone), audio=nn.Identity())


def pcmanet(backbone: str, *, masking: bool) -> PCMANet:
    """As in its paper. Counted without masking: every query is kept, as with random weights."""
    return PCMANet(visual=encoder(backbone), audio=nn.Identity(), masking=masking)


def former(backbone: str) -> nn.Module:
    """As in its paper."""
    return build_avsegformer(encoder(backbone), nn.Identity())


def second_half(model: nn.Module) -> int:
    """Parameters of the copy of layers 3 and 4 that AVSBench's ResNet-50 carries, and nothing calls."""
    net: nn.Module = model.visual.net  # type: ignore[union-attr,assignment]
    return parameters_of(part for name, part in net.named_children() if name in ("layer3", "layer4"))


def unused_in_tpavi(model: nn.Module) -> Unused:
    """A residual unit without input, and the key of each second once for every place of its frame."""
    assert isinstance(model, TPAVI)
    unit = model.decoder.blocks[-1].refine
    key = model.interactions[0].key.weight.numel()  # type: ignore[union-attr,operator]
    return Unused(
        parameters=second_half(model) + parameters_of([unit]),  # type: ignore[list-item]
        multiply_adds=(PLACES - 4 * FRAMES) * key,
        why="a second ResNet half, path4.resConfUnit1; the sound's key repeated over all places",
    )


def unused_in_pcmanet(model: nn.Module) -> Unused:
    """A branch of the coarsest fusion without input, and the finest stage's answer to the sound."""
    assert isinstance(model, PCMANet)
    width = model.hear.out_features
    answer = (
        FRAMES * 2 * width**2 + FRAMES * (SIZE // 8) ** 2 * 2 * width**2
    )  # its query and output; keys and values
    return Unused(
        parameters=second_half(model) + parameters_of([model.fuse[-1].guide]) + 3 * width**2,  # type: ignore[list-item]
        multiply_adds=answer,
        why="a second ResNet half, gf4.seq2; the sound's answer at the finest stage",
    )


TABLE = (
    Costed("TPAVI", "resnet50", partial(tpavi, "resnet50"), unused_in_tpavi, Published(91.40, 169.320, 13.83, TABLE_III)),
    Costed("TPAVI", "pvt_v2_b5", partial(tpavi, "pvt_v2_b5"), unused_in_tpavi, Published(101.32, 154.137, 11.63, TABLE_III)),
    Costed("AVSegFormer", "resnet50", partial(former, "resnet50")),
    Costed("AVSegFormer", "pvt_v2_b5", partial(former, "pvt_v2_b5")),
    Costed("PCMANet", "resnet50", partial(pcmanet, "resnet50", masking=False), unused_in_pcmanet, Published(65.68, 84.157, 32.47, TABLE_III)),
    Costed("PCMANet", "pvt_v2_b5", partial(pcmanet, "pvt_v2_b5", masking=False), unused_in_pcmanet, Published(94.81, 107.556, 18.47, TABLE_III)),
)  # fmt: skip


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
    measured, or not in a paper.
    """
    lines = [HEAD, *(_line(entry, cost(entry, device)) for entry in entries)]
    if markdown:
        rule = ["---"] * len(HEAD)
        return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rule, *lines[1:]])
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines)


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
