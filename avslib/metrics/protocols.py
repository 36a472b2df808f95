"""The named ways to score. The same masks get different numbers under each: a table says which.

Each protocol has a `name`, `update(logits, labels, valid=None)`, `compute() -> {number: value}`, and
`merge(other)` for evaluation in several processes. What is kept does not grow with the data.
"""

from __future__ import annotations

from avslib.metrics.avsbench_binary import AVSBenchBinary
from avslib.metrics.avsbench_semantic import AVSBenchSemantic
from avslib.metrics.dataset_level import DatasetLevel

__all__ = ["PROTOCOLS", "AVSBenchBinary", "AVSBenchSemantic", "DatasetLevel"]

PROTOCOLS: dict[str, type[AVSBenchBinary | AVSBenchSemantic | DatasetLevel]] = {
    "avsbench-binary": AVSBenchBinary,
    "avsbench-semantic": AVSBenchSemantic,
    "dataset-level": DatasetLevel,
}
