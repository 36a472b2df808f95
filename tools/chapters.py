"""Run one chapter with papermill, in a process of its own."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from freshness import ROOT, fingerprint, read_trace

CELL_SECONDS = {"smoke": 300, "reduced": 900, "full": 48 * 3600}
"""How long one cell may take: a widget that waits for ever must not hold up a build."""


@dataclass(frozen=True)
class Execution:
    """The record of a chapter that has run: how long, with what, and what it was made from."""

    chapter: str
    schedule: str
    seconds: float
    made_from: str
    read: list[str] = field(default_factory=list)


def source_of(name: str) -> Path:
    return ROOT / f"{name}.ipynb"


def record_of(name: str, out: Path) -> Path:
    return out / "executions" / f"{name.replace('/', '-')}.json"


def fresh(name: str, schedule: str, out: Path) -> Execution | None:
    """The record of a chapter that need not run again, else None."""
    try:
        known = Execution(**json.loads(record_of(name, out).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    if known.schedule != schedule or not (out / f"{name}.ipynb").is_file():
        return None
    now = fingerprint(source_of(name), known.read, parameters_of(name, schedule))
    return known if now == known.made_from else None


def parameters_of(name: str, schedule: str) -> dict[str, Any]:
    """Those of the build that the chapter declares."""
    import papermill

    known = {"SCHEDULE": schedule, "LIVE": False}
    declared = papermill.inspect_notebook(str(source_of(name)))
    return {key: value for key, value in known.items() if key in declared}


def execute(name: str, schedule: str, out: Path, cell_seconds: int, line: int) -> Execution:
    """Run a chapter; its executed copy and its record go to OUT only when all of it has run.

    line: of the progress bars, the one for this chapter. Raises RuntimeError that names the failing cell; the copy up
    to there is then OUT/failed/NAME.ipynb.
    """
    import papermill

    target, partial = out / f"{name}.ipynb", out / "failed" / f"{Path(name).name}.ipynb"
    record_of(name, out).unlink(missing_ok=True)  # from here on the old copy is of an earlier state
    for folder in (target.parent, partial.parent, record_of(name, out).parent):
        folder.mkdir(parents=True, exist_ok=True)
    trace, parameters = partial.with_suffix(".trace"), parameters_of(name, schedule)
    trace.unlink(missing_ok=True)
    watch(trace)
    began = time.monotonic()
    try:
        papermill.execute_notebook(
            str(source_of(name)),
            str(partial),
            parameters=parameters,
            cwd=str(ROOT),
            kernel_name="python3",
            execution_timeout=cell_seconds,
            progress_bar={"desc": Path(name).name, "position": line, "leave": False, "mininterval": 1.0},
        )
    except Exception as error:
        raise RuntimeError(f"{name}: {told(error, partial, cell_seconds)}") from None
    seconds = round(time.monotonic() - began, 1)
    hide_injected(partial)
    os.replace(partial, target)
    read = read_trace(trace)
    trace.unlink(missing_ok=True)
    done = Execution(name, schedule, seconds, fingerprint(source_of(name), read, parameters), read)
    record_of(name, out).write_text(json.dumps(asdict(done), indent=1), encoding="utf-8")
    return done


def watch(trace: Path) -> None:
    """Have every Python that this process starts note what it reads; see `trace/sitecustomize.py`."""
    before = os.environ.get("PYTHONPATH")
    tracer = str(ROOT / "tools" / "trace")
    if tracer not in (before or "").split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (tracer, before)))
    os.environ.update(AVS_TRACE=str(trace), AVS_TRACE_ROOT=str(ROOT))


def told(error: Exception, notebook: Path, cell_seconds: int) -> str:
    """Which cell failed, and how."""
    if hasattr(error, "evalue"):
        first = next(filter(None, error.source.splitlines()), "")
        return f"cell {error.cell_index} failed, `{first}`\n{error}"
    number, source = last_begun(notebook)
    first = next(filter(None, source.splitlines()), "")
    if "Timeout" in type(error).__name__:
        return f"cell {number} did not end within {cell_seconds} s, `{first}`; --cell-seconds gives more"
    return f"cell {number}, `{first}`: {type(error).__name__}: {error}"


def last_begun(notebook: Path) -> tuple[int, str]:
    """(number, source) of the last cell that was started, of a copy that papermill left."""
    if not notebook.exists():
        return 0, "the kernel did not start"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    begun = [i for i, c in enumerate(cells) if c["metadata"].get("papermill", {}).get("start_time")]
    return (begun[-1], "".join(cells[begun[-1]]["source"])) if begun else (0, "")


def hide_injected(notebook: Path) -> None:
    """The cell that papermill adds is of no interest to a reader."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "injected-parameters" in tags:
            cell["metadata"]["tags"] = [*tags, "remove-cell"]
    notebook.write_text(json.dumps(content), encoding="utf-8")
