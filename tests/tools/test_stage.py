"""`make book` costs what has changed, goes on where it stopped, names the cell that failed, and removes nothing."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

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


@pytest.fixture
def tools(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """tools/stage.py of the clone, whose neighbours are the clone's too."""
    mine = [path.stem for path in (clone / "tools").glob("*.py")]
    monkeypatch.syspath_prepend(str(clone / "tools"))
    for name in mine:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module("stage")
    for name in mine:
        sys.modules.pop(name, None)


class Builder:
    """Builds the clone's book as the command does, without rendering: which chapters ran, and what failed."""

    def __init__(self, tools: ModuleType, clone: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.tools, self.out, self.capfd = tools, clone / "_build/book", capfd

    def __call__(self, *, force: bool = False, cell_seconds: int = 300) -> tuple[list[str], list[str]]:
        self.capfd.readouterr()
        failures = self.tools.stage("smoke", self.out, 1, force, cell_seconds)
        told = self.capfd.readouterr().out.splitlines()
        return sorted(line.split(":")[0] for line in told if line.startswith("book/0")), failures


@pytest.fixture
def build(tools: ModuleType, clone: Path, capfd: pytest.CaptureFixture[str]) -> Builder:
    return Builder(tools, clone, capfd)


COMMAND = [sys.executable, "tools/stage.py", "--schedule", "smoke", "--out", "_build/book"]


def test_the_command_builds_pages_and_keeps_what_ran_of_a_book_that_fails(clone: Path) -> None:
    second = clone / "book/02_second.ipynb"
    good = second.read_text(encoding="utf-8")
    second.write_text(notebook("x = 1", "raise ValueError('too small')"), encoding="utf-8")
    failed = subprocess.run(COMMAND, cwd=clone, capture_output=True, text=True, encoding="utf-8")
    assert failed.returncode == 1
    told = failed.stderr[failed.stderr.index("1 of the chapters failed") :]
    assert "book/02_second: cell 2" in told and "raise ValueError" in told and "too small" in told
    second.write_text(good, encoding="utf-8")
    done = subprocess.run(COMMAND, cwd=clone, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 2 chapters have not changed" in done.stdout and "book/02_second: " in done.stdout
    assert "02_second:" in done.stderr, "progress is shown"
    for page in ("01_first.html", "01_first.md", "02_second.html"):
        assert (clone / "_build/book/_build/html/book" / page).is_file()


def test_a_chapter_runs_again_only_when_it_or_what_it_read_has_changed(clone: Path, build: Builder) -> None:
    assert build() == (["book/01_first", "book/02_second"], [])
    assert build() == ([], [])
    (clone / "book/01_first.ipynb").write_text(notebook("print(1 + 1)", prose="# Another"), encoding="utf-8")
    assert build() == (["book/01_first"], [])
    assert "# Another" in (clone / "_build/book/book/01_first.ipynb").read_text(encoding="utf-8")
    (clone / "data/fact.txt").write_text("two", encoding="utf-8")
    assert build() == (["book/02_second"], [])
    (clone / "helper.py").write_text("WORD = 'new'\n", encoding="utf-8")
    (clone / "unread.py").write_text("", encoding="utf-8")
    assert build() == (["book/02_second"], [])
    assert build(force=True) == (["book/01_first", "book/02_second"], [])


def test_a_cell_that_hangs_ends_with_its_name(clone: Path, build: Builder) -> None:
    hanging = notebook("x = 1", "import time\ntime.sleep(600)")
    (clone / "book/02_second.ipynb").write_text(hanging, encoding="utf-8")
    ran, (told,) = build(cell_seconds=3)
    assert ran == ["book/01_first"]
    assert told.startswith("book/02_second: cell 2 did not end within 3 s, `import time`")


def test_an_interrupted_build_goes_on_where_it_stopped(clone: Path, build: Builder) -> None:
    slow = notebook("import time\ntime.sleep(0 if __import__('os').path.exists('quick') else 600)")
    (clone / "book/02_second.ipynb").write_text(slow, encoding="utf-8")
    running = subprocess.Popen(
        COMMAND, cwd=clone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # where tests run in the background it is ignored
    )  # fmt: skip
    wait_for(clone / "_build/book/executions/book-01_first.json")
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(timeout=60) != 0
    (clone / "quick").touch()
    assert build() == (["book/02_second"], [])


def wait_for(path: Path, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.2)


REFUSED = [".", "..", "book", "avslib/new", "_build", "../foreign", "file.txt", "../link", "../inside"]


def test_a_build_never_touches_what_is_not_its_own(clone: Path, tools: ModuleType) -> None:
    assert clone.resolve() == tools.ROOT
    (clone / "file.txt").write_text("mine", encoding="utf-8")
    outside = clone.parent
    (outside / "foreign").mkdir()
    (outside / "foreign/letter.txt").write_text("mine", encoding="utf-8")
    (outside / "link").symlink_to(clone / "book", target_is_directory=True)
    (outside / "inside").mkdir()
    (outside / "inside/book").symlink_to(clone / "book", target_is_directory=True)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    for where in REFUSED:
        with pytest.raises(SystemExit, match=r"--out .*: "):
            tools.folders.prepare(clone / where, ("_static", "_config.yml"))
        assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before, where


def test_what_others_put_into_a_build_stays(clone: Path, tools: ModuleType) -> None:
    out, old = clone / "_build/book", clone / "_static/old.css"
    old.write_text("a {}", encoding="utf-8")
    tools.folders.prepare(out, ("_static",))
    letter = out / "_static/letter.txt"
    letter.write_text("mine", encoding="utf-8")
    old.unlink()
    tools.folders.prepare(out, ("_static",))
    assert letter.read_text(encoding="utf-8") == "mine"
    assert not (out / "_static/old.css").exists(), "what the build copied, it takes away again"
