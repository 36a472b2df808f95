"""The named ways to score. The same masks get different numbers under each: a table says which.

Each protocol has a `name`, `update(logits, labels, valid=None)`, `compute() -> {number: value}`, and
`merge(other)` for evaluation in several processes. What is kept does not grow with the data. `protocol(name)`
makes one; `ByGroup` scores parts of the data apart.
"""

from __future__ import annotations

from collections.abc import Callable

from avslib.errors import UserError
from avslib.metrics.avsbench_binary import AVSBenchBinary
from avslib.metrics.avsbench_semantic import AVSBenchSemantic
from avslib.metrics.dataset_level import DatasetLevel
from avslib.metrics.groups import ByGroup, sources
from avslib.metrics.j_and_f import JAndF
from avslib.metrics.j_and_f_papers import JAndFOfPapers

__all__ = [
    "PROTOCOLS", "AVSBenchBinary", "AVSBenchSemantic", "ByGroup", "DatasetLevel", "JAndF", "JAndFOfPapers",
    "protocol", "sources",
]  # fmt: skip

Named = AVSBenchBinary | AVSBenchSemantic | DatasetLevel | JAndF | JAndFOfPapers

PROTOCOLS: dict[str, Callable[..., Named]] = {
    "avsbench-binary": lambda classes=2: AVSBenchBinary(any_class=classes > 2),
    "avsbench-semantic": AVSBenchSemantic,
    "dataset-level": DatasetLevel,
    "J&F": JAndF,
    "J&F-papers": lambda classes=2: JAndFOfPapers(
        of=AVSBenchSemantic(classes=classes) if classes > 2 else None
    ),
}
"""Name -> what makes a fresh one for `classes`."""


def protocol(name: str, *, classes: int = 2) -> Named:
    """A fresh protocol that takes the logits of `classes` classes, background included; for 2, one logit.

    Binary masks pass for two classes in `avsbench-semantic`; of several classes `avsbench-binary` scores the
    foreground; `J&F-papers` is the mean of the benchmark's own numbers: of the first for 2 classes, else of
    the second. Raises UserError for an unknown name.
    """
    if name not in PROTOCOLS:
        raise UserError(f"unknown protocol {name!r}; choose of: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name](classes=classes)
