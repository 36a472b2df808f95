"""Notes what a chapter reads of this project: on the path of its kernel while `tools/chapters.py` runs it.

Python imports a module of this name by itself. Every file below $AVS_TRACE_ROOT that is opened for reading, and every
folder that is listed, is written to $AVS_TRACE, once: "file path" or "folder path", relative, one a line.
"""

import os
import sys

ROOT = os.path.realpath(os.environ.get("AVS_TRACE_ROOT", "")) + os.sep
APART = (".git", ".venv", "_build", "tools" + os.sep + "trace")
noted: set[str] = set()


def note(kind: str, path: object) -> None:
    if not isinstance(path, str | os.PathLike):  # a file descriptor, or bytes
        return
    full = os.path.realpath(os.fspath(path))
    if not isinstance(full, str) or not full.startswith(ROOT):
        return
    name = full[len(ROOT) :]
    line = f"{kind} {name}\n"
    if line not in noted and not name.startswith(APART):
        noted.add(line)
        with open(os.environ["AVS_TRACE"], "a", encoding="utf-8") as file:
            file.write(line)


def hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        if not (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)):
            note("file", path)
    elif event in ("os.listdir", "os.scandir"):
        note("folder", arguments[0])


if os.environ.get("AVS_TRACE"):
    sys.addaudithook(hook)
