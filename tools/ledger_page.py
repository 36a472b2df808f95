"""The page of the book that holds the whole ledger: what was run, the papers' numbers, what was not run, GPUs.

`write_ledger_page(out)` puts it into a staged book; `python tools/ledger_page.py` prints it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from avslib.evaluation.tables import lay_out
from avslib.ledger.gpu import gpu_table
from avslib.ledger.record import read_records
from avslib.ledger.table import SECONDARY, Row, ledger_rows, number
from avslib.methods import METHODS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
PAGE = ROOT / "book" / "ledger.md"

READING = """
IoU is of the foreground, over all test scenes together; several runs are folds or seeds, as mean ± standard
deviation. *Seen* scenes show cut-outs from training. The columns named *sound* hold the IoU with the same truth
when the model hears something else: silence, a class that is absent, a visible object that is silent. A model that
listens has little there. With the right sound the IoU is that of the first columns. A *sound-blind* control was
trained and scored without sound. Minutes are those of the training steps.
"""

REPORTED = (
    "On their own data, under their own protocols. *Schedule*: the one here that is to reproduce the row."
)


def ledger_page(results: Path = RESULTS) -> str:
    """The page as Markdown: the prose of book/ledger.md, and the tables of the records in `results`/runs."""
    rows = ledger_rows(read_records(results / "runs"))
    parts = [
        PAGE.read_text(encoding="utf-8").strip(),
        f"## What was run\n{READING}\n{measured(rows)}",
        f"## What the papers report\n\n{REPORTED}\n\n{published(rows)}",
        f"## What was not run\n\n{missing(rows)}",
        f"## On a GPU\n\n{gpu_table(results / 'gpu.json', markdown=True)}",
    ]
    return "\n\n".join(parts) + "\n"


def write_ledger_page(out: Path) -> None:
    """Put the page into the staged book OUT, as OUT/book/ledger.md."""
    (out / "book" / "ledger.md").write_text(ledger_page(), encoding="utf-8")


def measured(rows: Iterable[Row]) -> str:
    """A line for each group of runs that differ in fold and seed only."""
    ran = [row for row in rows if row.runs]
    found = dict.fromkeys(column for row in ran for column in row.numbers)
    columns = [name for name in found if not SECONDARY.search(name) and name != "sound right"]
    head = ["method", "data", "schedule", "runs", *columns, "minutes", "device"]
    lines = [
        [
            *(row.method, row.data, row.schedule, str(row.runs)),
            *(number(row, column) for column in columns),
            *("-" if row.minutes is None else f"{row.minutes:.1f}", row.device),
        ]
        for row in ran
    ]
    return lay_out(head, lines, markdown=True)


def published(rows: Iterable[Row]) -> str:
    """A line for each row of a paper's table, with its source, and whether the method was run here on that data."""
    rows = list(rows)
    ran = {(row.method, row.data) for row in rows if row.runs}
    told = [
        [row.method, row.data, row.schedule, row.paper, row.source, _here((_name(row), row.data) in ran)]
        for row in rows
        if row.paper
    ]
    return lay_out(["method", "data", "schedule", "published", "where", "here"], told, markdown=True)


def _name(row: Row) -> str:
    return row.method.partition(",")[0]  # before the backbone


def _here(ran: bool) -> str:
    return "above" if ran else "not run"


def missing(rows: Iterable[Row]) -> str:
    """A line for each method and schedule: the data without a run, and the variants without one."""
    rows = list(rows)
    ran = {row.method for row in rows if row.runs}
    lines = []
    for name, method in METHODS.items():
        without = [row for row in rows if row.method == name and not row.runs and not row.paper]
        for schedule in dict.fromkeys(row.schedule for row in without):
            data = ", ".join(row.data for row in without if row.schedule == schedule)
            lines.append([name, schedule, data])
        variants = [f"{name}-{variant}" for variant in method.variants]
        if unknown := [variant for variant in variants if variant not in ran]:
            lines.append([", ".join(unknown), "any", "any"])
        if f"{name}, sound-blind" not in ran:
            lines.append([f"{name}, sound-blind", "any", "any"])
    return lay_out(["method", "schedule", "not run on"], lines, markdown=True)


if __name__ == "__main__":
    sys.stdout.write(ledger_page())
