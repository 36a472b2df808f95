"""The ledger: one JSON record a run, from which every table and every number in the book is made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import nn

from avslib.errors import UserError
from avslib.files import write_atomically
from avslib.ledger import provenance
from avslib.methods.method import plain
from avslib.methods.run import Run

RUNS = Path("results/runs")
"""Where a clone keeps the records that it publishes."""


@dataclass(frozen=True)
class Record:
    """What is known about one finished run.

    commit, versions, device, weights: where the numbers come from; `weights` has one sentence a part
    seconds, peak_memory_mb:           of the training; the evaluation is apart
    lesson_seconds:                    of the eye's and ear's lessons before it; None in records older than this
    metrics:   {split: {protocol: {number: value}}}
    listening: {sound: foreground IoU}, see `avslib.evaluation.evaluate.listen`; empty for real data
    published: the paper's own rows, for the table
    """

    name: str
    recipe: str
    paper: str
    data: str
    schedule: str
    fold: int
    seed: int
    deaf: bool
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
    peak_memory_mb: int
    metrics: dict[str, dict[str, dict[str, float]]]
    listening: dict[str, float]
    published: list[dict[str, Any]]
    lesson_seconds: float | None = None

    @property
    def duration(self) -> str:
        """How long the training took, and the lessons before it if there were any."""
        lessons = (
            f" after {self.lesson_seconds:.0f} s of lessons for eye and ear" if self.lesson_seconds else ""
        )
        return f"{self.seconds:.0f} s of training{lessons}"


def describe(
    run: Run,
    model: nn.Module,
    accelerator: Accelerator,
    *,
    steps: int,
    seconds: float,
    lesson_seconds: float,
    metrics: dict[str, dict[str, dict[str, float]]],
    listening: dict[str, float],
) -> Record:
    """The record of `run`, finished now on this machine."""
    parameters = list(model.parameters())
    return Record(
        name=run.name,
        recipe=run.recipe.name,
        paper=run.recipe.paper,
        data=run.recipe.data,
        schedule=run.schedule,
        fold=run.fold,
        seed=run.seed,
        deaf=run.deaf,
        status="run",
        finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        commit=provenance.commit(),
        config={name: value for name, value in run.config().items() if name != "data_dir"},  # no result
        versions=provenance.versions(),
        device=provenance.device_name(accelerator.device),
        processes=accelerator.num_processes,
        precision="bf16" if accelerator.mixed_precision == "bf16" else "float32",
        weights=provenance.weights_origins(model),
        parameters=sum(p.numel() for p in parameters),
        trained_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        steps=steps,
        seconds=round(seconds, 1),
        lesson_seconds=round(lesson_seconds, 1),
        peak_memory_mb=provenance.peak_memory_mb(accelerator.device),
        metrics=metrics,
        listening=listening,
        published=plain(run.recipe.published),
    )


def add_record(record: Record, folder: Path = RUNS) -> Path:
    """Write `record` into the ledger as <name>.json, in place of an earlier run of that name."""
    path = folder / f"{record.name}.json"
    write_atomically(path, lambda file: file.write((json.dumps(asdict(record), indent=1) + "\n").encode()))
    return path


def read_records(folder: Path = RUNS) -> list[Record]:
    """Every record in `folder`, by file name. Raises UserError for a file that is not one."""
    return [read_record(path) for path in sorted(folder.glob("*.json"))]


def read_record(path: Path) -> Record:
    """One record. Raises UserError when the file is missing, is not JSON, or lacks a field."""
    names = {f.name for f in fields(Record)}
    try:
        values = json.loads(path.read_text())
        return Record(**{name: value for name, value in values.items() if name in names})
    except FileNotFoundError:
        raise UserError(f"{path}: no such record; train the run first") from None
    except (json.JSONDecodeError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: not a ledger record ({error}); delete it or run it again") from None
