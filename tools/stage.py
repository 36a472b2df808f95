"""Run the chapters that have changed with papermill, and render the book, with warnings as errors.

    python tools/stage.py --schedule reduced --out _build/book

A chapter runs again when its notebook, a file of the project that it read, the schedule or an installed version has
changed; --force runs all. What has run stays when a build is interrupted or fails, and the next one goes on from
there. Executed copies, the book's configuration and a record of each execution go to OUT; the page is
OUT/_build/html/index.html. The sources are never written to. Exit status 1 when a chapter fails, whose failing cell is
told at the end, or when Sphinx warns.
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
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import folders
import freshness
from chapters import CELL_SECONDS, Execution, execute, fresh, source_of
from freshness import ROOT
from ledger_page import write_ledger_page
from markdown_pages import write_markdown

COPIED = ("_config.yml", "_toc.yml", "references.bib", "_static", "_extra", "tools")
RECORDED = ("torch", "timm", "papermill", "jupyter-book")


def pages() -> list[str]:
    """The files of the table of contents, without suffix, in reading order."""
    import yaml

    found: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        found.extend(node[key] for key in ("root", "file") if key in node)
        for key in ("parts", "chapters", "sections"):
            for child in node.get(key, []):
                walk(child)

    walk(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    return found


def run_chapters(
    names: list[str], schedule: str, out: Path, jobs: int, cell_seconds: int
) -> tuple[list[Execution], list[str]]:
    """Execute `names`, `jobs` at a time: the records of those that ran, and what the others died of.

    The last chapter goes first. Those that train come late in the book and take longest; and two of them that begin at
    once wait for each other, because they share the encoders' pretraining.
    """
    records: list[Execution] = []
    failures: list[str] = []
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        running = {
            pool.submit(execute, name, schedule, out, cell_seconds, line): name
            for line, name in enumerate([*names[-1:], *names[:-1]])
        }
        for done in concurrent.futures.as_completed(running):
            try:
                records.append(done.result())
                print(f"{running[done]}: {records[-1].seconds} s", flush=True)
            except Exception as error:
                failures.append(str(error))
                print(f"{running[done]} FAILED", file=sys.stderr, flush=True)
    return records, failures


def stage(schedule: str, out: Path, jobs: int, force: bool, cell_seconds: int) -> list[str]:
    """Bring every page into OUT; what failed, by chapter."""
    folders.prepare(out, COPIED)
    freshness.forget()
    every = pages()
    notebooks = [name for name in every if source_of(name).exists()]
    kept = {} if force else {name: found for name in notebooks if (found := fresh(name, schedule, out))}
    todo = [name for name in notebooks if name not in kept]
    if kept:
        print(f"{len(kept)} of {len(notebooks)} chapters have not changed", flush=True)
    records, failures = run_chapters(todo, schedule, out, jobs, cell_seconds)
    for name in set(every) - set(notebooks):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / f"{name}.md", out / f"{name}.md")
    write_ledger_page(out)
    write_versions(sorted([*kept.values(), *records], key=lambda record: record.chapter), out)
    return failures


def write_versions(records: list[Execution], out: Path) -> None:
    """The page of run times and versions, and the same as JSON."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in RECORDED}}
    kept = [{k: v for k, v in asdict(r).items() if k != "read"} for r in records]
    told = json.dumps({"records": kept, "versions": versions}, indent=1)
    (out / "executions.json").write_text(told, encoding="utf-8")
    rows = [f"| `{r.chapter}` | {r.schedule} | {r.seconds:.0f} |" for r in records]
    rows += ["", "| package | version |", "|---|---|"] + [f"| {k} | {v} |" for k, v in versions.items()]
    page = ROOT / "book" / "versions.md"
    text = page.read_text(encoding="utf-8") + f"\nMeasured on {os.cpu_count()} CPU cores.\n\n"
    text += "\n".join(["| chapter | schedule | seconds |", "|---|---|---|", *rows]) + "\n"
    (out / "book" / "versions.md").write_text(text, encoding="utf-8")


def render(out: Path) -> bool:
    """Jupyter Book over all pages, every warning an error; then each page as Markdown beside its html."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", str(out), "--all", "-W", "--keep-going"]
    if subprocess.run(command, cwd=ROOT).returncode:
        return False
    write_markdown(out)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedule", default="reduced", choices=tuple(CELL_SECONDS))
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "book")
    parser.add_argument(
        "--jobs", type=int, help="chapters at a time, which share the cores; 2, and 1 at full"
    )
    parser.add_argument("--force", action="store_true", help="run every chapter, changed or not")
    parser.add_argument("--cell-seconds", type=int, help="how long one cell may take")
    asked = parser.parse_args()
    cores = os.cpu_count() or 1
    jobs = (1 if asked.schedule == "full" else min(2, cores)) if asked.jobs is None else asked.jobs
    limit = CELL_SECONDS[asked.schedule] if asked.cell_seconds is None else asked.cell_seconds
    if jobs < 1 or limit < 1:
        parser.error("--jobs and --cell-seconds are at least 1")
    os.environ.setdefault(
        "OMP_NUM_THREADS", str(max(1, cores // jobs))
    )  # threads must not wait for each other
    failures = stage(asked.schedule, out := asked.out.resolve(), jobs, asked.force, limit)
    if failures:
        print(f"\n{len(failures)} of the chapters failed; the others are kept:", file=sys.stderr)
        print("\n\n".join(failures), file=sys.stderr)
        return 1
    return 0 if render(out) else 1


if __name__ == "__main__":
    sys.exit(main())
