"""What there is to segment with: trained runs and imported checkpoints, and what each of them knows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from avslib.data.registry import DATASETS, DataSpec
from avslib.evaluation.score import WEIGHTS
from avslib.evaluation.tables import lay_out

HEAD = ["run", "method", "trained on", "schedule", "knows", "state"]


def model_table(folders: Iterable[Path], *, markdown: bool = False) -> str:
    """A line for every run in `folders`, newest last; a sentence where there is none."""
    runs = sorted(
        (path.parent for folder in folders for path in folder.glob("*/config.json")),
        key=lambda run: (run / "config.json").stat().st_mtime,
    )
    if not runs:
        return "no trained model yet: avslib train tpavi --data mini/ms3, or avslib segment, which trains one"
    return lay_out(HEAD, [line(run) for run in runs], markdown)


def line(run: Path) -> list[str]:
    """A run's line, whatever state it is in: what is damaged is listed as that."""
    try:
        config: dict[str, Any] = json.loads((run / "config.json").read_text(encoding="utf-8"))
        title = "-".join(filter(None, (config["method"], config["variant"])))
        blind = ", sound-blind" if config["sound_blind"] else ""
        told = [title + blind, config["data"], config["schedule"]]
        return [str(run), *told, knows(DATASETS.get(config["data"])), state(run, config)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [str(run), "-", "-", "-", "-", "damaged"]


def knows(data: DataSpec | None) -> str:
    """What a model that was trained on `data` has seen and heard."""
    if data is None:
        return "data of its own"
    if data.names:
        return f"{len(data.names)} classes by name"
    return "what sounds, no classes" if data.classes == 1 else f"{data.classes - 1} classes"


def state(run: Path, config: dict[str, Any]) -> str:
    """Imported from a file, finished, or how to go on."""
    if not (run / WEIGHTS).is_file():
        return "interrupted; avslib train ... --resume" if (run / "checkpoint.pt").is_file() else "damaged"
    if "imported" in config:
        return f"imported from {config['imported']['file']}"
    return "trained" if (run / "record.json").is_file() else "interrupted; avslib train ... --resume"
