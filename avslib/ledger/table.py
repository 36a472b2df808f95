"""The ledger as a table: mean and spread over folds and seeds, and "not run" for what was not run."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from avslib.data.registry import DATASETS
from avslib.evaluation.tables import lay_out
from avslib.ledger.record import RUNS, Record, read_records
from avslib.methods import METHODS

SECONDARY = re.compile(
    r"dataset-level (mIoU|F|F1|FDR|pixel_acc)$|^test-seen avsbench|^sound (noise|mirrored)$"
)
"""Columns that the table leaves out unless asked for by name; they are in the records all the same."""


@dataclass(frozen=True)
class Row:
    """One line: the runs that differ only in fold and seed, or something that was never run.

    numbers: {column: (mean, standard deviation; None for a single run)}; paper: the paper's own numbers
    """

    method: str
    data: str
    schedule: str
    runs: int = 0
    numbers: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    minutes: float | None = None
    device: str = ""
    paper: str = ""
    source: str = ""

    @property
    def status(self) -> str:
        """How many runs the line is made of, or "not run"."""
        return f"{self.runs} run{'s' if self.runs > 1 else ''}" if self.runs else "not run"


def ledger_rows(records: Iterable[Record], *, with_missing: bool = True) -> list[Row]:
    """What was measured, then (with_missing) what was never run: known recipes, and the papers' tables."""
    groups: dict[tuple[str, str, str, bool], list[Record]] = defaultdict(list)
    for record in records:
        groups[record.method, record.data, record.schedule, record.sound_blind].append(record)
    rows = [_measured(group) for _, group in sorted(groups.items())]
    if with_missing:
        mini = [name for name, spec in DATASETS.items() if spec.composed]
        wanted = [(m, d, s) for m in METHODS for d in mini for s in ("reduced", "full")]
        wanted += [(m, "mini/ms3", "compare") for m in METHODS]
        rows += [Row(m, d, s) for m, d, s in wanted if (m, d, s, False) not in groups]
        rows += _published()
    return rows


def ledger_table(
    folder: Path = RUNS,
    *,
    markdown: bool = False,
    columns: Sequence[str] | None = None,
    with_missing: bool = True,
) -> str:
    """The table of all records in `folder`, as aligned text or as markdown.

    columns: which numbers, e.g. ["test dataset-level IoU", "sound visible"]; None: all but `SECONDARY`
    """
    rows = ledger_rows(read_records(folder), with_missing=with_missing)
    if columns is None:
        found = dict.fromkeys(name for row in rows for name in row.numbers)
        columns = [name for name in found if not SECONDARY.search(name)]
    head = ["method", "data", "schedule", "status", *columns, "minutes", "device", "paper"]
    cells = [[*_left(row), *(number(row, c) for c in columns), *_right(row)] for row in rows]
    return lay_out(head, cells, markdown)


def _measured(group: list[Record]) -> Row:
    first = group[0]
    numbers: dict[str, list[float]] = defaultdict(list)
    for record in group:
        for column, value in _numbers(record):
            numbers[column].append(value)
    return Row(
        method=f"{first.method}, sound-blind" if first.sound_blind else first.method,
        data=first.data,
        schedule=first.schedule,
        runs=len(group),
        numbers={column: _spread(values) for column, values in numbers.items()},
        minutes=statistics.mean(record.seconds for record in group) / 60,
        device=", ".join(sorted({record.device for record in group})),
    )


def _numbers(record: Record) -> list[tuple[str, float]]:
    scores = [
        (f"{split} {protocol} {number}", value)
        for split, protocols in record.metrics.items()
        for protocol, values in protocols.items()
        for number, value in values.items()
    ]
    return scores + [(f"sound {sound}", value) for sound, value in record.counterfactual.items()]


def _spread(values: list[float]) -> tuple[float, float | None]:
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def _published() -> list[Row]:
    return [
        Row(
            method=f"{name}, {row.backbone}",
            data=row.data,
            schedule=row.schedule,
            paper=", ".join(f"{number} {value:.4g}" for number, value in row.metrics.items()),
            source=row.source,
        )
        for name, method in METHODS.items()
        for row in method.published
    ]


def _left(row: Row) -> list[str]:
    return [row.method, row.data, row.schedule, row.status]


def number(row: Row, column: str) -> str:
    """Mean ± spread of one column, or "-" where the row has none."""
    if column not in row.numbers:
        return "-"
    mean, deviation = row.numbers[column]
    return f"{mean:.3f}" if deviation is None else f"{mean:.3f} ± {deviation:.3f}"


def _right(row: Row) -> list[str]:
    minutes = "-" if row.minutes is None else f"{row.minutes:.1f}"
    return [minutes, row.device or "-", row.paper or "-"]
