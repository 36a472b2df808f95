"""Training, scoring and the ledger. `train(Run(find_recipe("tpavi", "mini/ms3"), "smoke"), out=...)`."""

from avslib.training.ear import pretrain_ear
from avslib.training.evaluate import foreground_iou, perfect_eyes
from avslib.training.ledger import Record, add_record, read_records
from avslib.training.loop import train
from avslib.training.run import Run
from avslib.training.score import load_run
from avslib.training.table import Row, ledger_rows, ledger_table

__all__ = [
    "Record", "Row", "Run", "add_record", "foreground_iou", "ledger_rows", "ledger_table", "load_run",
    "perfect_eyes", "pretrain_ear", "read_records", "train",
]  # fmt: skip
