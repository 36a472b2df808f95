"""Files inside a data folder, and nowhere else, whatever its tables say."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from avslib.errors import UserError


def data_folder(root: Path | str) -> Path:
    """The real path of a data folder. Raises UserError when there is none."""
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise UserError(f"{root}: no such folder; give the one that holds the benchmark's data")
    return folder.resolve()


def inside(root: Path, relative: str) -> Path:
    """`root`/`relative`, of which no part leads out of `root`, not through a link either.

    root: as `data_folder` gives it. The file need not exist.
    Raises UserError for an absolute path, a `..`, a backslash, and for links that leave the folder.
    """
    parts = PurePosixPath(relative).parts
    named = parts and relative.isprintable() and "\\" not in relative
    if not named or relative.startswith("/") or ".." in parts:
        raise UserError(f"{relative!r}: not a path inside {root}; correct the table that names it")
    path = root / relative
    real = os.path.realpath(path)
    if real != str(root) and not real.startswith(f"{str(root).rstrip(os.sep)}{os.sep}"):
        raise UserError(f"{path}: a link that leaves {root}; put the file itself there")
    return path


def plain_name(name: str, where: str) -> str:
    """`name`, where it can be the name of one file or folder. `where` tells the reader of the error whose.

    Raises UserError for separators, drive letters, `.`, `..`, unprintable characters and an empty name.
    """
    if name in ("", ".", "..") or any(c in name for c in "/\\:") or not name.isprintable():
        raise UserError(f"{where}: {name!r} is not a plain name; correct the table")
    return name


def missing(root: Path, relative: Iterable[str]) -> list[str]:
    """Those of `relative` that are not there, in order. One listing a folder, so that thousands are quick."""
    listed: dict[str, set[str]] = {}
    absent = []
    for path in relative:
        folder, _, name = path.rpartition("/")
        if folder not in listed:
            where = inside(root, folder) if folder else root
            listed[folder] = set(os.listdir(where)) if where.is_dir() else set()
        if name not in listed[folder]:
            absent.append(path)
    return absent


def expect(root: Path, relative: Sequence[str]) -> None:
    """Raises UserError that names the first file or folder of `relative` that is missing, and how many are."""
    absent = missing(root, relative)
    if absent:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise UserError(f"{root / absent[0]}: missing{more}; see what is there with: avslib doctor {root}")
