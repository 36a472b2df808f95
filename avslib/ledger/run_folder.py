"""The folder that a run is written into: whose files are there already, and whether they may be replaced."""

from __future__ import annotations

import json
from pathlib import Path

from avslib.errors import UserError
from avslib.evaluation.score import WEIGHTS
from avslib.files import check_folder, check_not_read
from avslib.methods.run import Run, differences

FILES = ("config.json", "log.jsonl", "checkpoint.pt", WEIGHTS, "record.json")
"""What `train` writes, in this order."""


def check_run_folder(run: Run, out: Path, *, resume: bool = False) -> None:
    """Raises UserError, before any work, when `train(run, out=out)` would touch what is not this run's.

    A run that broke off may be begun again, and with `resume` continued. Refused are a folder that holds what is read,
    one that cannot be written, a run that is there (imported, finished or another), and files that are nobody's.
    """
    check_not_read(out, [run.file or None, run.data_dir])
    check_folder(out)
    there = [name for name in FILES if (out / name).exists()]
    if "checkpoint.pt" in there and "config.json" in there:
        if not resume:
            raise UserError(
                f"{out}: already holds a run; add --resume to continue it, or choose another --out"
            )
    elif there and not _broke_off(run, out, there):
        raise UserError(f"{out / there[-1]}: is there already, and not of this run; choose another --out")


def _broke_off(run: Run, out: Path, there: list[str]) -> bool:
    """Whether `there` is what a start of the same run left behind, before its first checkpoint or its end."""
    if "config.json" not in there or "record.json" in there or "checkpoint.pt" in there:
        return False
    try:
        config = json.loads((out / "config.json").read_text(encoding="utf-8"))
        imported, _ = config.pop("imported", None), config.pop("data_dir", None)
        return imported is None and not differences(config, run.config())
    except (OSError, ValueError, AttributeError):
        return False
