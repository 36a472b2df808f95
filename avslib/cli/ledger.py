"""The commands that print tables: `avslib ledger` of runs, `avslib cost` of what methods cost."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from avslib.errors import UserError


def ledger(runs: Path = Path("results/runs"), markdown: bool = False, add: Path | None = None) -> None:
    """Print the table of all recorded runs, and what a GPU made of the methods where gpu.json lies beside `runs`.

    Args:
        runs: the folder of records
        markdown: as markdown, for a page
        add: first put the record of this run folder into the ledger
    """
    from avslib.files import check_not_read
    from avslib.ledger import add_record, ledger_table, read_record, read_records
    from avslib.ledger.gpu import GPU, gpu_table

    if add:
        record = read_record(add / "record.json")
        check_not_read(runs, [add / "record.json"], "--runs")
        check_not_read(runs / f"{record.name}.json", [add / "record.json"], "--runs")
        add_record(record, runs)
    check_records(runs)
    print(ledger_table(runs, markdown=markdown))
    if hidden := sum(path.name[0] != "." for path in runs.glob("*.json")) - len(read_records(runs)):
        print(f"\n{hidden} records of another edition of AVS-Mini are left out: its scenes are other ones.")
    if (path := runs.parent / GPU.name).exists():
        print(f"\n{gpu_table(path, markdown)}")


def check_records(runs: Path) -> None:
    """Raises UserError unless there is a record in `runs`: a table of "not run" alone is no answer to a misspelt name."""
    if not runs.is_dir():
        raise UserError(f"{runs}: no such folder; give the folder of records with --runs DIR")
    if not any(not path.name.startswith(".") for path in runs.glob("*.json")):
        raise UserError(
            f"{runs}: holds no record; put one there with avslib train ... --ledger {runs}, or with --add RUN"
        )


def cost(device: Literal["cpu", "cuda"] | None = None, markdown: bool = False) -> None:
    """Print what each method costs: parameters, multiply-adds, operations, beside the papers' counts.

    Args:
        device: also measure memory and speed there
        markdown: as markdown, for a page
    """
    from avslib.ledger.cost_table import cost_table

    print(cost_table(device=device, markdown=markdown))
