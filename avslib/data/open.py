"""Real benchmarks by the names that `avslib train --data` takes: `open_data("avsbench/ms3", folder, "test")`."""

from __future__ import annotations

from pathlib import Path

from torch.utils.data import Dataset

from avslib.data.avsbench_object import AVSBenchObject
from avslib.data.avsbench_semantic import AVSBenchSemantic
from avslib.data.layouts import VPO_TABLE
from avslib.data.vpo import VPO
from avslib.errors import UserError
from avslib.types import Clip

CLASSES = {"avsbench/s4": 1, "avsbench/ms3": 1, "avss": 71} | dict.fromkeys(VPO_TABLE, 22)
"""Name -> K, the logits a pixel gets; 1 for binary masks."""


def open_data(name: str, root: Path | str | None, split: str, *, size: int | None = 224) -> Dataset[Clip]:
    """`split` ("train", "val" or "test") of a real benchmark, read as the papers read it.

    root: the folder of the release: what holds Single-source/ or Multi-sources/ (avsbench/s4, avsbench/ms3),
          metadata.csv (avss), or VPO/ (vpo-ss, vpo-ms, vpo-msmi)

    Training clips of AVSBench-semantic are cropped, all others squashed to `size`. VPO has no validation
    split: its "val" is the test split, as in CAVP, so choose no weights by it.
    Raises UserError for an unknown name, without `root`, and as the readers do.
    """
    if name not in CLASSES:
        raise UserError(f"unknown data {name!r}; choose one of {', '.join(CLASSES)}")
    if root is None:
        raise UserError(f"{name} is not part of avslib: give the folder of the release with --data-dir DIR")
    if name == "avss":
        return AVSBenchSemantic(root, split=split, size=size, fit="crop" if split == "train" else "squash")
    if name in VPO_TABLE:
        return VPO(root, subset=name, split="test" if split == "val" else split, size=size)
    return AVSBenchObject(root, subset=name.removeprefix("avsbench/"), split=split, size=size)
