"""Training, scoring and the ledger. `train(Run(find_recipe("tpavi", "mini/ms3"), "smoke"), out=...)`."""

from avslib.evaluation.counterfactual import foreground_iou, perfect_eyes
from avslib.evaluation.score import load_run
from avslib.ledger.record import Record, add_record, read_records
from avslib.ledger.table import Row, ledger_rows, ledger_table
from avslib.methods.run import Run
from avslib.training.ear import pretrain_ear
from avslib.training.loop import train

__all__ = [
    "Record", "Row", "Run", "add_record", "foreground_iou", "ledger_rows", "ledger_table", "load_run",
    "perfect_eyes", "pretrain_ear", "read_records", "train",
]  # fmt: skip
