"""The folder that a book is built in: what may be written there, and what is ours in it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from freshness import ROOT

MARK = ".seeing-sound-book.json"
"""Lies in every folder that a build has made, and lists the copied files."""

BUILT = ("executions", "failed", "book", "_build")


def prepare(out: Path, copied: tuple[str, ...]) -> None:
    """Make OUT ready: copy the book's configuration there, take away what an earlier build copied and this does not.

    Nothing else is ever removed. Ends the program when OUT is not a place for a build: the clone, a folder above it,
    one of its own folders; a file; a folder with other people's files; or links inside.
    """
    if told := refusal(out, (*copied, *BUILT)):
        sys.exit(f"--out {out}: {told}")
    out.mkdir(parents=True, exist_ok=True)
    before = set(json.loads((out / MARK).read_text(encoding="utf-8"))) if (out / MARK).is_file() else set()
    files = [f for name in copied for f in _files(ROOT / name)]
    names = {f.relative_to(ROOT).as_posix() for f in files}
    (out / MARK).write_text(json.dumps(sorted(names | before)), encoding="utf-8")
    for file in files:
        target = out / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    for name in before - names:
        (out / name).unlink(missing_ok=True)
    (out / MARK).write_text(json.dumps(sorted(names)), encoding="utf-8")


def refusal(out: Path, written: tuple[str, ...]) -> str:
    """Why no book can be built in OUT; "" where it can."""
    real = out.resolve()
    if real == ROOT or real in ROOT.parents:
        return "holds the sources; give a folder for the build alone, e.g. _build/book"
    if ROOT in real.parents and real.relative_to(ROOT).parts[0] != "_build":
        return "lies among the sources; inside the clone builds go below _build"
    if real == ROOT / "_build" or not real.exists():
        return "" if real != ROOT / "_build" else "holds builds; give one of its folders, e.g. _build/book"
    if not real.is_dir():
        return "is a file; give a folder"
    for name in written:
        if (real / name).is_symlink():
            return f"{name} in it is a link; a build would write to where it leads"
    if any(real.iterdir()) and not (real / MARK).is_file():
        return "holds files that no build of this book made; give an empty or a new folder"
    return ""


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(f for f in source.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
