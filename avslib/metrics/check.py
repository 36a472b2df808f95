"""Recompute reference numbers from their arrays, and say how far off each is.

`METRICS.json` holds the numbers, `METRICS.npz` beside it the arrays. What is understood:

- `mask_iou_each`, `mask_iou_all`, `avsbench_binary_batchN` (N frames a batch; `F`, `mIoU`,
  `F_batches`, `mIoU_batches`), from `binary_logits` (N, H, W) and `binary_gt` (N, H, W)
- `avsbench_semantic` (`iou_sum`, `f_sum`, `count`, `mIoU`, `F`, `mIoU_drop_last`), from
  `class_logits` (N, K, H, W) and `labels` (N, H, W)
- `dataset_level` (`iou`, `mIoU`, `pixel_acc`, `FDR`, `F1`, `F03`, `confusion`), from `class_logits`
  and `labels_ignore` (N, H, W)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.metrics.avsbench_binary import mask_iou
from avslib.metrics.protocols import AVSBenchBinary, AVSBenchSemantic, DatasetLevel

Arrays = dict[str, Tensor]

PRINTED = {"dataset_level.FDR", "dataset_level.F1", "dataset_level.F03"}
"""The reference prints these with four decimals."""


def errors(path: Path) -> Iterator[tuple[str, float]]:
    """(name of the number, its relative error) for every number in `path`, lists as one with their worst.

    The error is absolute where the reference is 0, infinite where a number is not understood.
    Raises UserError when a file is missing or cannot be read, or an array that is needed is not there.
    """
    reference, arrays = _read(path)
    for group, expected in reference.items():
        try:
            ours = _recompute(group, arrays)
        except KeyError as error:
            beside, there = path.with_suffix(".npz"), ", ".join(arrays) or "none"
            raise UserError(f"{beside}: holds no array `{error.args[0]}`; it has {there}") from None
        if not isinstance(expected, dict):
            yield group, _error(group, ours.get("value"), expected)
            continue
        for key, value in expected.items():
            yield f"{group}.{key}", _error(f"{group}.{key}", ours.get(key), value)


def _read(path: Path) -> tuple[dict[str, Any], Arrays]:
    beside = path.with_suffix(".npz")
    try:
        reference = json.loads(path.read_text(encoding="utf-8"))
        with np.load(beside, allow_pickle=False) as file:
            arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file; .json and .npz stand side by side") from error
    except (ValueError, BadZipFile) as error:
        raise UserError(f"{path} or {beside.name} cannot be read ({error}); fetch them again") from error
    if not isinstance(reference, dict):
        raise UserError(f"{path}: a {type(reference).__name__} where an object of named numbers belongs")
    return reference, arrays


def _recompute(group: str, arrays: Arrays) -> dict[str, Any]:
    """Our values of one group of the file; nothing where the group is not understood."""
    if batch := re.fullmatch(r"avsbench_binary_batch(\d+)", group):
        return _binary(arrays, int(batch[1]))
    if group in ("mask_iou_each", "mask_iou_all"):
        each = mask_iou(arrays["binary_logits"].float(), arrays["binary_gt"] > 0)
        return {"value": each.tolist() if group == "mask_iou_each" else float(each.mean())}
    if group == "avsbench_semantic":
        semantic = AVSBenchSemantic(classes=arrays["class_logits"].shape[1])
        semantic.update(arrays["class_logits"], arrays["labels"])
        return {**semantic.compute(), **{name: getattr(semantic, name) for name in semantic.sums}}
    if group == "dataset_level":
        level = DatasetLevel(classes=arrays["class_logits"].shape[1])
        level.update(arrays["class_logits"], arrays["labels_ignore"])
        ours, iou = level.compute(), level.per_class()["IoU"]
        more = {"F03": ours["F"], "iou": iou, "confusion": level.confusion}
        return {name: ours[name] for name in ("mIoU", "pixel_acc", "FDR", "F1")} | more
    return {}


def _binary(arrays: Arrays, frames: int) -> dict[str, Any]:
    logits, truth = arrays["binary_logits"], (arrays["binary_gt"] > 0).long()

    def scored(part: slice) -> dict[str, float]:
        protocol = AVSBenchBinary(frames_per_batch=frames)
        protocol.update(logits[part], truth[part])
        return protocol.compute()

    batches = [scored(slice(first, first + frames)) for first in range(0, len(logits), frames)]
    lists = {f"{name}_batches": [batch[name] for batch in batches] for name in ("F", "mIoU")}
    return {**scored(slice(None)), **lists}


def _error(name: str, ours: Any, reference: Any) -> float:
    """Worst relative error; infinite when `ours` is None, of another shape, or not finite."""
    if ours is None:
        return float("inf")
    expected = np.asarray(reference, dtype=np.float64)
    found = np.asarray(ours, dtype=np.float64)
    if found.shape != expected.shape or not np.isfinite(found + expected).all():
        return float("inf")
    difference = np.abs(found - expected)
    if name in PRINTED and round(float(expected), 4) == float(expected):
        difference = np.maximum(difference - 0.5e-4, 0)  # what rounding alone may do
    scale = np.where(expected == 0, 1, np.abs(expected))
    return float((difference / scale).max(initial=0.0))
