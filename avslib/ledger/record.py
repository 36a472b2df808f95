"""The ledger: one JSON record a run, from which every table and every number in the book is made."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import nn

from avslib.data.mini.pack import EDITION
from avslib.errors import UserError
from avslib.files import check_folder, reason, write_json
from avslib.ledger import provenance
from avslib.methods.method import plain
from avslib.methods.run import Run

RUNS = Path("results/runs")
"""Where a clone keeps the records that it publishes."""

FORMERLY = {
    "recipe": "method",
    "deaf": "sound_blind",
    "listening": "counterfactual",
    "lesson_seconds": "pretraining_seconds",
}
"""Keys of earlier records, and what they are called now."""

UNFIT = r'[<>:"/\\|?*\x00-\x1f]'
"""What a file's name may not hold on some system, or would lead out of its folder."""


@dataclass(frozen=True)
class Record:
    """What is known about one finished run.

    commit, versions, environment, device, weights: where the numbers come from; `weights` has one sentence a part
    seconds, peak_memory_mb:           of the training; the evaluation is apart. Memory is None where not measured
    pretraining_seconds:               of the encoders, on the machine that did it; None in records older than this
    pretraining_cached:                it was not done for this run, but taken from the cache
    metrics:   {split: {protocol: {number: value}}}
    counterfactual: {sound: foreground IoU}, see `avslib.evaluation.counterfactual`; empty for benchmarks
    published: the paper's own rows, for the table
    """

    name: str
    method: str
    paper: str
    data: str
    schedule: str
    fold: int
    seed: int
    sound_blind: bool
    status: str
    finished: str
    commit: str
    config: dict[str, Any]
    versions: dict[str, str]
    device: str
    processes: int
    precision: str
    weights: dict[str, str]
    parameters: int
    trained_parameters: int
    steps: int
    seconds: float
    peak_memory_mb: int | None
    metrics: dict[str, dict[str, dict[str, float]]]
    counterfactual: dict[str, float]
    published: list[dict[str, Any]]
    pretraining_seconds: float | None = None
    pretraining_cached: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def edition(self) -> int | None:
        """Of AVS-Mini, None for a benchmark. Records that do not say it are of the first."""
        if not self.data.startswith("mini"):
            return None
        edition: int = self.config.get("data_spec", {}).get("edition", 1)
        return edition

    @property
    def duration(self) -> str:
        """How long the training took, and the encoders' pretraining before it if there was any."""
        before = self.pretraining_seconds
        kept = " that an earlier run had kept" if self.pretraining_cached else ""
        after = f" after {before:.0f} s of encoder pretraining{kept}" if before else ""
        return f"{self.seconds:.0f} s of training{after}"


def describe(
    run: Run,
    model: nn.Module,
    accelerator: Accelerator,
    *,
    steps: int,
    seconds: float,
    pretraining_seconds: float,
    pretraining_cached: bool,
    metrics: dict[str, dict[str, dict[str, float]]],
    counterfactual: dict[str, float],
) -> Record:
    """The record of `run`, finished now on this machine."""
    parameters = list(model.parameters())
    return Record(
        name=run.name,
        method=run.title,
        paper=run.method.paper,
        data=run.data.name,
        schedule=run.schedule,
        fold=run.fold,
        seed=run.seed,
        sound_blind=run.sound_blind,
        status="run",
        finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        commit=provenance.commit(),
        config=run.config(),
        versions=provenance.versions(),
        environment=provenance.environment(),
        device=provenance.device_name(accelerator.device),
        processes=accelerator.num_processes,
        precision="bf16" if accelerator.mixed_precision == "bf16" else "float32",
        weights=provenance.weights_origins(model),
        parameters=sum(p.numel() for p in parameters),
        trained_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        steps=steps,
        seconds=round(seconds, 1),
        pretraining_seconds=round(pretraining_seconds, 1),
        pretraining_cached=pretraining_cached,
        peak_memory_mb=provenance.peak_memory_mb(accelerator.device),
        metrics=metrics,
        counterfactual=counterfactual,
        published=[] if run.variant else plain(run.method.published),
    )


def add_record(record: Record, folder: Path = RUNS) -> Path:
    """Write `record` into the ledger as <name>.json, in place of an earlier run of that name.

    Raises UserError when a file of that name is there and is no record, or the folder cannot be written.
    """
    path = folder / f"{re.sub(UNFIT, '-', record.name)}.json"
    if path.exists():
        read_record(path)
    check_folder(folder, "--ledger")
    write_json(path, asdict(record))
    return path


def read_records(folder: Path = RUNS, *, edition: int = EDITION) -> list[Record]:
    """The records in `folder`, by file name; none where there is no folder. Of AVS-Mini, those of one edition: results
    of two are not to be compared. Raises UserError for a file that is not a record."""
    paths = (path for path in sorted(folder.glob("*.json")) if not path.name.startswith("."))
    return [record for record in map(read_record, paths) if record.edition in (None, edition)]


def read_record(path: Path) -> Record:
    """One record. Raises UserError when the file is missing, is not JSON, or lacks a field."""
    names = {f.name for f in fields(Record)}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        values = {FORMERLY.get(name, name): value for name, value in content.items()}
        return Record(**{name: value for name, value in values.items() if name in names})
    except FileNotFoundError:
        raise UserError(f"{path}: no such record; train the run first") from None
    except (OSError, ValueError, AttributeError, TypeError) as error:  # of UTF-8 as well as of JSON
        raise UserError(
            f"{path}: not a ledger record ({reason(error)}); move it away or run it again"
        ) from None
