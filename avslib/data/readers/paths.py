"""Files of a data folder, and no others, whatever its tables say.

Links are followed, out of the folder as well: whoever keeps the data puts parts of it on another disk. What must not
lead out is a name in a table or in an archive.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from avslib.errors import UserError


def data_folder(root: Path | str) -> Path:
    """The real path of a data folder. Raises UserError when there is none."""
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise UserError(f"{root}: no such folder; give the one that holds the benchmark's data")
    return folder.resolve()


def inside(root: Path, relative: str) -> Path:
    """`root`/`relative`, which need not exist, of a path that does not lead out by itself.

    Raises UserError for an absolute path, a `..` and a backslash.
    """
    parts = PurePosixPath(relative).parts
    named = parts and relative.isprintable() and "\\" not in relative
    if not named or relative.startswith("/") or ".." in parts:
        raise UserError(f"{relative!r}: not a path inside {root}; correct the table that names it")
    return root / relative


def plain_name(name: str, where: str) -> str:
    """`name`, where it can be the name of one file or folder. `where` tells the reader of the error whose.

    Raises UserError for separators, drive letters, `.`, `..`, unprintable characters and an empty name.
    """
    if name in ("", ".", "..") or any(c in name for c in "/\\:") or not name.isprintable():
        raise UserError(f"{where}: {name!r} is not a plain name; correct the table")
    return name


LEFT_BEHIND = {
    ".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", ".ipynb_checkpoints", ".spotlight-v100",
    ".trashes", ".fseventsd", ".appledouble", "$recycle.bin", "system volume information", "@eadir", "lost+found",
    "icon\r",
}  # fmt: skip
"""Names, in small letters, of what systems and notebooks leave in folders without being asked."""


def left_behind(path: str) -> bool:
    """Whether `path`, or a folder on it, is no part of the data but something that a system has left there."""
    parts = path.replace("\\", "/").split("/")
    return any(part.lower() in LEFT_BEHIND or part.startswith("._") for part in parts)


def holds_anything(folder: Path) -> bool:
    """Whether there is anything in `folder` but what is `left_behind`."""
    return any(not left_behind(name) for name in os.listdir(folder))


def pictures_below(root: Path) -> list[str]:
    """The png files at any depth, relative to `root`, in order; links are followed, `left_behind` is passed over."""
    return files_below(root, (".png",))


def files_below(root: Path, endings: tuple[str, ...]) -> list[str]:
    """The files with one of `endings` (small letters), as `pictures_below` has them."""
    return sorted(path for path in _below(root, "", ()) if path.lower().endswith(endings))


def _below(root: Path, folder: str, above: tuple[str, ...]) -> Iterator[str]:
    """All files. above: real paths of the folders on the way, so that a link back to one is not followed."""
    real = os.path.realpath(root / folder)
    if real in above:
        return
    try:
        entries = list(os.scandir(root / folder))
    except OSError as error:
        raise UserError(f"{root / folder}: cannot be listed ({error.strerror}); make it readable") from None
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if left_behind(entry.name):
            continue
        if entry.is_dir():
            yield from _below(root, path, (*above, real))
        else:
            yield path


def missing(root: Path, relative: Iterable[str]) -> list[str]:
    """Those of `relative` that are not there, or links to nowhere, in order. One listing a folder, so that thousands
    are quick."""
    listed: dict[str, set[str]] = {}
    absent = []
    for path in relative:
        folder, _, name = path.rpartition("/")
        if folder not in listed:
            where = inside(root, folder) if folder else root
            entries = os.scandir(where) if where.is_dir() else ()
            listed[folder] = {e.name for e in entries if not e.is_symlink() or os.path.exists(e.path)}
        if name not in listed[folder]:
            absent.append(path)
    return absent


def expect(root: Path, relative: Sequence[str]) -> None:
    """Raises UserError that names the first file or folder of `relative` that is missing, and how many are."""
    absent = missing(root, relative)
    if absent:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise UserError(f"{root / absent[0]}: missing{more}; see what is there with: avslib doctor {root}")
