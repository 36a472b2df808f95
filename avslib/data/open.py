"""Real benchmarks by the names that `avslib train --data` takes: `open_data("avsbench/ms3", folder, "test")`."""

from __future__ import annotations

from pathlib import Path

from torch.utils.data import Dataset

from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.layouts import VPO_TABLE
from avslib.data.readers.vpo import VPO
from avslib.errors import UserError
from avslib.types import Clip

CLASSES = {"avsbench/s4": 1, "avsbench/ms3": 1, "avss": 71} | dict.fromkeys(VPO_TABLE, 22)
"""Name -> K, the logits a pixel gets; 1 for binary masks."""


def open_data(
    name: str, root: Path | str, split: str, *, size: int | None = 224, vpo_seconds: float = 3.0
) -> Dataset[Clip]:
    """`split` ("train", "val" or "test") of a real benchmark, read as the papers read it.

    root: the folder of the release: what holds Single-source/ or Multi-sources/ (avsbench/s4, avsbench/ms3),
          metadata.csv (avss), or VPO/ (vpo-ss, vpo-ms, vpo-msmi)
    vpo_seconds: of sound around a still: 3 for CAVP, 1 for methods that hear VGGish

    Training clips of AVSBench-semantic are cropped, all others squashed to `size`. VPO has no validation
    split: its "val" is the test split, as in CAVP, so choose no weights by it.
    Raises UserError for an unknown name, and as the readers do.
    """
    if name not in CLASSES:
        raise UserError(f"unknown data {name!r}; choose one of {', '.join(CLASSES)}")
    if name == "avss":
        return AVSBenchSemantic(root, split=split, size=size, fit="crop" if split == "train" else "squash")
    if name in VPO_TABLE:
        part = "test" if split == "val" else split
        return VPO(root, subset=name, split=part, size=size, seconds=vpo_seconds)
    return AVSBenchObject(root, subset=name.removeprefix("avsbench/"), split=split, size=size)
