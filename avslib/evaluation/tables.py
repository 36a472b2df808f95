"""Scores as tables: one row a protocol, so that the same masks can be seen under all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from avslib.evaluation.evaluate import Scores
from avslib.types import ScoringProtocol

ORDER = ("IoU", "mIoU", "F", "F1", "J&F", "J", "FDR")
"""The numbers that come first, in this order."""


def score_table(splits: Mapping[str, Scores], *, markdown: bool = False) -> str:
    """{split: {protocol: {number: value}}} as a table: a row a split and protocol, a column a number."""
    found = dict.fromkeys(n for scores in splits.values() for numbers in scores.values() for n in numbers)
    columns = [name for name in ORDER if name in found] + [name for name in found if name not in ORDER]
    rows = [
        [split, protocol, *(_value(numbers.get(column)) for column in columns)]
        for split, scores in splits.items()
        for protocol, numbers in scores.items()
    ]
    return lay_out(["split", "protocol", *columns], rows, markdown)


def class_table(protocol: ScoringProtocol, names: Sequence[str], *, markdown: bool = False) -> str:
    """The numbers of every class that has any, from `protocol.per_class()`; '' where it has no classes.

    names: of the labels 1, 2, ...; labels without a name get their number
    """
    if not hasattr(protocol, "per_class"):
        return ""
    numbers: dict[str, list[float]] = protocol.per_class()
    titles = ["background", *names]
    rows = []
    for label, values in enumerate(zip(*numbers.values())):
        if not all(map(math.isnan, values)):
            title = titles[label] if label < len(titles) else str(label)
            rows.append([title, *map(_value, values)])
    return f"{protocol.name}, by class\n" + lay_out(["class", *numbers], rows, markdown)


def _value(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.4f}"


def lay_out(head: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool = False) -> str:
    """A table as aligned text, or as markdown for a page."""
    if markdown:
        lines = [head, ["---"] * len(head), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in [head, *rows])
