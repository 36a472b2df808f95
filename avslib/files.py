"""Files that are all of the old or all of the new, whatever the disk does; and what must not be written over."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from avslib.errors import UserError, one_line


def write_atomically(
    path: Path, write: Callable[[BinaryIO], object], *, then: str = "choose another --out, then --resume"
) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to the disk, then put it in place.

    then: the way out that a refusal names, beside making room

    Raises UserError when the disk refuses (full, read-only); `path` then still holds what it held before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:  # not a file of `tempfile`, whose mode is 0600 whatever the umask
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch's zip writer turns a short write into a RuntimeError
        kept = "the previous one is intact" if os.path.exists(path) else "nothing was written"
        raise UserError(
            f"{path}: cannot be written ({reason(error)}; {free_space(path)} free); {kept}; "
            f"make room or {then}"
        ) from None
    finally:
        with contextlib.suppress(OSError):  # its folder may be none
            temporary.unlink(missing_ok=True)


def reason(error: Exception) -> str:
    """What an error says in a few plain words. Torch's, of a file that asks for code, come with advice to run it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    told = str(error)
    if wanted := re.search(r"GLOBAL (\S+)", told):
        return f"it asks for {one_line(wanted[1])}, which is not a tensor"
    if "weights_only" in told or "Weights only" in told or "WeightsUnpickler" in told:
        return "not what torch writes, or damaged"
    return one_line(next(filter(str.strip, told.splitlines()), type(error).__name__))[:120]


def free_space(path: Path) -> str:
    folder = next(filter(os.path.isdir, path.absolute().parents))
    return f"{shutil.disk_usage(folder).free / 1e6:.0f} MB"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """`value` as indented JSON, atomically."""
    write_atomically(path, lambda file: file.write((json.dumps(value, indent=1) + "\n").encode()))


def write_file(path: Path, content: bytes) -> None:
    """Write all of it or nothing; unlike `write_atomically` without waiting for the disk, for thousands of files.

    Raises UserError when the disk is full or read-only."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another folder, then run it again"
        ) from None


def check_not_read(out: Path, inputs: Iterable[Path | str | None], flag: str = "--out") -> None:
    """Raises UserError when `out` is one of `inputs`, under whatever name or link, or a folder that holds one."""
    with contextlib.suppress(OSError):
        here = os.stat(out)
        for given in (Path(each) for each in inputs if each is not None and os.path.exists(each)):
            if os.path.samestat(here, os.stat(given)):
                raise UserError(f"{flag} {out}: is {given}, which is read; give another")
            if any(os.path.samestat(here, os.stat(parent)) for parent in given.resolve().parents):
                raise UserError(f"{flag} {out}: holds {given}, which is read; give a folder of its own")


def check_folder(folder: Path, flag: str = "--out") -> None:
    """Raises UserError unless `folder` is one that can be written into, or can be made. Leaves nothing there."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not os.path.isdir(there):
        raise UserError(f"{flag} {folder}: {there} is not a folder; give a new one")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UserError(
            f"{flag} {folder}: cannot be written ({reason(error)}); give another folder"
        ) from None


def check_file(path: Path, flag: str, begins: bytes) -> None:
    """Raises UserError unless `path` can be written: new, empty, or one of ours, which `begins` so."""
    if os.path.isdir(path):
        raise UserError(f"{flag} {path}: is a folder; give the name of a file")
    check_folder(path.parent, flag)
    if os.path.isfile(path):
        with path.open("rb") as file:
            head = file.read(len(begins))
        if head and head != begins:
            raise UserError(f"{flag} {path}: is there already and something else; give a new name")


def forgiving_output() -> None:
    """Let what is printed reach any terminal or file: what its encoding lacks (GBK, cp1252) is written as \\xe9."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
