"""Files that are all of the old or all of the new, whatever the disk does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from avslib.errors import UserError


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to the disk, then put it in place.

    Raises UserError when the disk refuses (full, read-only); `path` then still holds what it held before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch's zip writer turns a short write into a RuntimeError
        kept = "the previous one is intact" if path.exists() else "nothing was written"
        raise UserError(
            f"{path}: cannot be written ({reason(error)}; {free_space(path)} free); {kept}; "
            "make room or choose another --out, then --resume"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def free_space(path: Path) -> str:
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    return f"{shutil.disk_usage(folder).free / 1e6:.0f} MB"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """`value` as indented JSON, atomically."""
    write_atomically(path, lambda file: file.write((json.dumps(value, indent=1) + "\n").encode()))


def write_file(path: Path, content: bytes) -> None:
    """Write all of it or nothing; unlike `write_atomically` without waiting for the disk, for thousands of files.

    Raises UserError when the disk is full or read-only."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another folder, then run it again"
        ) from None
