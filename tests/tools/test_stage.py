"""`make book` costs what has changed, goes on where it stopped, names the cell that failed, and removes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.book

ROOT = Path(__file__).parents[2]
CONFIG = """
title: Two chapters
only_build_toc_files: true
execute: {execute_notebooks: "off"}
repository: {url: "https://github.com/seeing-sound/seeing-sound"}
"""
TOC = """
format: jb-book
root: book/intro
parts: [{caption: All, chapters: [{file: book/01_first}, {file: book/02_second}, {file: book/ledger}, {file: book/versions}]}]
"""
READS = "from pathlib import Path\nimport helper\nprint(helper.WORD, Path('data/fact.txt').read_text())"


def notebook(*cells: str, prose: str = "# A title") -> str:
    content = [{"cell_type": "markdown", "id": "p", "metadata": {}, "source": prose}] + [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": cell}
        for i, cell in enumerate(cells)
    ]  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": content, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A book of two short chapters, with the tools of this one."""
    home = tmp_path / "clone"
    shutil.copytree(ROOT / "tools", home / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("book", "data", "_static", "_extra", "results/runs"):
        (home / folder).mkdir(parents=True)
    (home / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (home / "_toc.yml").write_text(TOC, encoding="utf-8")
    (home / "references.bib").write_text("", encoding="utf-8")
    (home / "TUTOR.md").write_text("# Tutor\n", encoding="utf-8")
    for page in ("intro", "versions", "ledger"):
        (home / f"book/{page}.md").write_text(f"# {page}\n", encoding="utf-8")
    (home / "helper.py").write_text("WORD = 'known'\n", encoding="utf-8")
    (home / "data/fact.txt").write_text("one", encoding="utf-8")
    (home / "book/01_first.ipynb").write_text(notebook("print(1 + 1)"), encoding="utf-8")
    (home / "book/02_second.ipynb").write_text(notebook(READS), encoding="utf-8")
    return home


def build(clone: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/stage.py", "--schedule", "smoke", "--out", "_build/book", *more]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=300, encoding="utf-8")


def ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    return sorted(line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("book/0"))


def test_a_chapter_runs_again_only_when_it_or_what_it_read_has_changed(clone: Path) -> None:
    first = build(clone)
    assert first.returncode == 0, first.stdout + first.stderr
    assert ran(first) == ["book/01_first", "book/02_second"]
    assert "01_first" in first.stderr, "progress is shown"
    assert (clone / "_build/book/_build/html/book/01_first.html").is_file()
    assert (clone / "_build/book/_build/html/book/01_first.md").is_file()

    again = build(clone)
    assert ran(again) == [] and "2 of 2 chapters have not changed" in again.stdout
    (clone / "book/01_first.ipynb").write_text(notebook("print(1 + 1)", prose="# Another"), encoding="utf-8")
    assert ran(build(clone)) == ["book/01_first"]
    assert "Another" in (clone / "_build/book/_build/html/book/01_first.html").read_text(encoding="utf-8")
    (clone / "data/fact.txt").write_text("two", encoding="utf-8")
    assert ran(build(clone)) == ["book/02_second"]
    (clone / "helper.py").write_text("WORD = 'new'\n", encoding="utf-8")
    assert ran(build(clone)) == ["book/02_second"]
    (clone / "unread.py").write_text("", encoding="utf-8")
    assert ran(build(clone)) == []
    assert ran(build(clone, "--force")) == ["book/01_first", "book/02_second"]


def test_a_failed_cell_and_a_hanging_one_are_named_and_what_ran_is_kept(clone: Path) -> None:
    second = clone / "book/02_second.ipynb"
    second.write_text(notebook("x = 1", "raise ValueError('too small')"), encoding="utf-8")
    failed = build(clone)
    assert failed.returncode == 1 and ran(failed) == ["book/01_first"]
    told = failed.stderr[failed.stderr.index("1 of the chapters failed") :]
    assert "book/02_second: cell 2" in told and "raise ValueError" in told and "too small" in told
    second.write_text(notebook("x = 1", "import time\ntime.sleep(600)"), encoding="utf-8")
    hung = build(clone, "--cell-seconds", "3")
    assert hung.returncode == 1 and ran(hung) == []
    assert "book/02_second: cell 2 did not end within 3 s, `import time`" in hung.stderr
    second.write_text(notebook("x = 1"), encoding="utf-8")
    assert ran(build(clone)) == ["book/02_second"]


def test_an_interrupted_build_goes_on_where_it_stopped(clone: Path) -> None:
    slow = notebook("import time\ntime.sleep(0 if __import__('os').path.exists('quick') else 600)")
    (clone / "book/02_second.ipynb").write_text(slow, encoding="utf-8")
    command = [sys.executable, "tools/stage.py", "--schedule", "smoke", "--out", "_build/book"]
    running = subprocess.Popen(
        command, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for(clone / "_build/book/executions/book-01_first.json")
    os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode != 0
    (clone / "quick").touch()
    assert ran(build(clone)) == ["book/02_second"]


def wait_for(path: Path, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.2)


@pytest.mark.parametrize(
    "where", [".", "..", "book", "avslib/new", "_build", "foreign", "file.txt", "link", "inside"]
)
def test_a_build_never_touches_what_is_not_its_own(clone: Path, where: str) -> None:
    (clone / "file.txt").write_text("mine", encoding="utf-8")
    outside = clone.parent
    (outside / "foreign").mkdir()
    (outside / "foreign/letter.txt").write_text("mine", encoding="utf-8")
    (outside / "link").symlink_to(clone / "book", target_is_directory=True)
    (outside / "inside").mkdir()
    (outside / "inside/book").symlink_to(clone / "book", target_is_directory=True)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    out = outside / where if where in ("foreign", "link", "inside") else clone / where
    refused = build(clone, "--out", str(out))
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith(f"--out {out.resolve()}: ") or line.startswith(f"--out {out}: ")
    after = {
        path: path.read_bytes()
        for path in outside.rglob("*")
        if path.is_file() and "pycache" not in str(path)
    }
    assert after == before


def test_what_others_put_into_a_build_stays(clone: Path) -> None:
    (clone / "_static/old.css").write_text("a {}", encoding="utf-8")
    assert build(clone).returncode == 0
    letter = clone / "_build/book/_static/letter.txt"
    letter.write_text("mine", encoding="utf-8")
    (clone / "_static/old.css").unlink()
    assert build(clone).returncode == 0
    assert letter.read_text(encoding="utf-8") == "mine"
    assert not (clone / "_build/book/_static/old.css").exists(), "what the build copied, it takes away again"
