"""The commands that print tables: `avslib ledger` of runs, `avslib cost` of what methods cost."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def ledger(runs: Path = Path("results/runs"), markdown: bool = False, add: Path | None = None) -> None:
    """Print the table of all recorded runs, and what a GPU made of the methods where gpu.json lies beside `runs`.

    Args:
        runs: the folder of records
        markdown: as markdown, for a page
        add: first put the record of this run folder into the ledger
    """
    from avslib.ledger import add_record, ledger_table, read_record
    from avslib.ledger.gpu import GPU, gpu_table

    if add:
        add_record(read_record(add / "record.json"), runs)
    print(ledger_table(runs, markdown=markdown))
    if (path := runs.parent / GPU.name).exists():
        print(f"\n{gpu_table(path, markdown)}")


def cost(device: Literal["cpu", "cuda"] | None = None, markdown: bool = False) -> None:
    """Print what each method costs: parameters, multiply-adds, operations, beside the papers' counts.

    Args:
        device: also measure memory and speed there
        markdown: as markdown, for a page
    """
    from avslib.ledger.cost_table import cost_table

    print(cost_table(device=device, markdown=markdown))
