"""Run every chapter with papermill and render the book, with warnings as errors.

    python tools/stage.py --schedule reduced --out _build/book

Executed copies, the book's configuration and a record of each execution (seconds, schedule, versions) go to
OUT; the page is OUT/_build/html/index.html. The sources are never written to. Exit status 1 when a chapter
fails or Sphinx warns; the failing cell is printed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("_config.yml", "_toc.yml", "references.bib", "_static", "_extra", "tools")
RECORDED = ("torch", "timm", "papermill", "jupyter-book")


def chapters() -> list[str]:
    """The files of the table of contents, without suffix, in reading order."""
    import yaml

    found: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        found.extend(node[key] for key in ("root", "file") if key in node)
        for key in ("parts", "chapters", "sections"):
            for child in node.get(key, []):
                walk(child)

    walk(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    return found


def execute(name: str, schedule: str, out: Path) -> dict[str, Any]:
    """Run one chapter into OUT; the record of its execution. Raises what papermill raises."""
    import papermill

    source, target = ROOT / f"{name}.ipynb", out / f"{name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    known = {"SCHEDULE": schedule, "LIVE": False}
    declared = papermill.inspect_notebook(str(source))
    parameters = {key: value for key, value in known.items() if key in declared}
    began = time.monotonic()
    papermill.execute_notebook(
        str(source),
        str(target),
        parameters=parameters,
        cwd=str(ROOT),
        kernel_name="python3",
        progress_bar=False,
    )
    hide_injected(target)
    return {"chapter": name, "schedule": schedule, "seconds": round(time.monotonic() - began, 1)}


def hide_injected(notebook: Path) -> None:
    """The cell that papermill adds is of no interest to a reader."""
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "injected-parameters" in tags:
            cell["metadata"]["tags"] = [*tags, "remove-cell"]
    notebook.write_text(json.dumps(content))


def stage(schedule: str, out: Path, jobs: int) -> bool:
    """Execute all notebooks and copy all else; True when every chapter ran."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, out / name)
        elif source.exists():
            shutil.copy(source, out / name)
    notebooks = [name for name in chapters() if (ROOT / f"{name}.ipynb").exists()]
    for name in set(chapters()) - set(notebooks):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / f"{name}.md", out / f"{name}.md")
    records, failed = [], 0
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(execute, name, schedule, out): name for name in notebooks}
        for done in concurrent.futures.as_completed(running):
            try:
                records.append(done.result())
                print(f"{running[done]}: {records[-1]['seconds']} s", flush=True)
            except Exception as error:
                failed += 1
                print(f"{running[done]} FAILED\n{error}", file=sys.stderr, flush=True)
    write_versions(sorted(records, key=lambda record: record["chapter"]), out)
    return not failed


def write_versions(records: list[dict[str, Any]], out: Path) -> None:
    """The page of run times and versions, and the same as JSON."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in RECORDED}}
    (out / "executions.json").write_text(json.dumps({"records": records, "versions": versions}, indent=1))
    rows = [f"| `{r['chapter']}` | {r['schedule']} | {r['seconds']:.0f} |" for r in records]
    rows += ["", "| package | version |", "|---|---|"] + [f"| {k} | {v} |" for k, v in versions.items()]
    page = ROOT / "book" / "versions.md"
    text = page.read_text() + f"\nMeasured on {os.cpu_count()} CPU cores.\n\n"
    (out / "book" / "versions.md").write_text(
        text + "\n".join(["| chapter | schedule | seconds |", "|---|---|---|", *rows]) + "\n"
    )


def render(out: Path) -> bool:
    """Jupyter Book, every warning an error."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", str(out), "-W", "--keep-going"]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedule", default="reduced", choices=("smoke", "reduced", "full"))
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "book")
    parser.add_argument("--jobs", type=int, default=1, help="chapters at a time; training uses every core")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    return 0 if stage(arguments.schedule, out, arguments.jobs) and render(out) else 1


if __name__ == "__main__":
    sys.exit(main())
