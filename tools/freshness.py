"""Has anything changed that a chapter was made from? A hash of its notebook, of what it read, and of the versions."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from avslib.encoders.weights import cache_folder

ROOT = Path(__file__).resolve().parent.parent
COMPILED = re.compile(r"__pycache__/(\w+)\.[^/]*\.pyc$")


def read_trace(path: Path) -> list[str]:
    """What `trace/sitecustomize.py` noted, each line once, a compiled module as its source."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    named = {COMPILED.sub(r"\1.py", line.replace("\\", "/")) for line in lines}
    return sorted(line for line in named if _counts(*line.split(" ", 1)))


def _counts(kind: str, name: str) -> bool:
    """Files that are there; and folders of data: which modules lie in a package, its imports say."""
    path = ROOT / name
    if kind == "file":
        return path.is_file()
    return (
        path.is_dir() and path != ROOT and not (path / "__init__.py").exists() and path.suffix != ".egg-info"
    )


def fingerprint(notebook: Path, read: Iterable[str], parameters: dict[str, Any]) -> str:
    """One hash of the notebook, its parameters, what was read ("file name", "folder name"), and the versions."""
    parts = [_of_file(notebook), json.dumps(parameters, sort_keys=True), versions(), weights()]
    parts += [line + _of(*line.split(" ", 1)) for line in sorted(read)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _of(kind: str, name: str) -> str:
    path = ROOT / name
    if kind == "file":
        return _of_file(path)
    return ",".join(sorted(p.name for p in path.glob("*") if p.name[0] not in "._")) if path.is_dir() else ""


def forget() -> None:
    """Look at all files anew: some may have changed since."""
    _of_file.cache_clear()


@cache
def _of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "gone"


@cache
def versions() -> str:
    """Python and everything installed."""
    installed = {f"{d.metadata['Name']}=={d.version}" for d in distributions()}
    return " ".join([platform.python_version(), *sorted(installed)])


@cache
def weights() -> str:
    """The public weights that a chapter would find on this machine, by name and size."""
    folder = cache_folder()
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return " ".join(f"{path.name} {path.stat().st_size}" for path in files if path.is_file())
