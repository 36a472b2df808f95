"""The ledger in one small table: what each method and its sound-blind control mark when they hear three sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from avslib.evaluation.tables import lay_out
from avslib.ledger.record import RUNS, Record, read_records
from avslib.ledger.table import ledger_rows, number
from avslib.methods import METHODS

SOUNDS = {"right": "right sound", "visible": "a silent object's", "absent": "an absent class's"}
"""Counterfactual sounds of a record, and what the table's head calls them."""

NOT_TIMED = "Minutes with *over*: the encoders' pretraining, not timed yet when these runs were recorded, comes on top."


def summary_table(
    folder: Path = RUNS, *, data: str = "mini/ms3", schedule: str = "reduced", markdown: bool = False
) -> str:
    """Two lines a method: as it is, and its control. IoU as mean ± spread over folds; "not run" where no run is.

    A control cannot tell one sound from another; what repeats its first number reads "the same".
    Minutes are those of training and of the encoders' pretraining, where the records know it.
    """
    runs = [run for run in read_records(folder) if (run.data, run.schedule) == (data, schedule)]
    lines = []
    for name, method in METHODS.items():
        for blind in (False, True):
            title = f"{method.title}, sound-blind" if blind else method.title
            mine = [run for run in runs if (run.method, run.sound_blind) == (name, blind)]
            lines.append([title, *scores_and_minutes(mine)])
    table = lay_out(["method", "runs", *SOUNDS.values(), "minutes"], lines, markdown)
    return f"{table}\n\n{NOT_TIMED}" if any(line[-1].startswith("over") for line in lines) else table


def scores_and_minutes(runs: Sequence[Record]) -> list[str]:
    """Of runs that differ in fold and seed: how many, IoU by sound as in `SOUNDS`, minutes."""
    if not runs:
        return ["not run", *("-" for _ in SOUNDS), "-"]
    (row,) = ledger_rows(runs, with_missing=False)
    scores = [number(row, f"sound {sound}") for sound in SOUNDS]
    told = scores[:1] + ["the same" if score == scores[0] else score for score in scores[1:]]
    return [str(len(runs)), *told, _minutes(runs)]


def _minutes(runs: Sequence[Record]) -> str:
    known = [run.pretraining_seconds for run in runs]
    seconds = sum(run.seconds for run in runs) + sum(before or 0.0 for before in known)
    return f"{'over ' if None in known else ''}{seconds / len(runs) / 60:.1f}"
