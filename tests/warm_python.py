"""A Python that has imported the library, and becomes `python ARGUMENTS` as often as it is asked.

Importing takes longer than most commands that tests give. Each command has a process of its own, a fork, with the
environment that the test has at that moment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SECONDS = 300
"""How long a command may take."""

SOURCE = f"""
import gc, json, os, runpy, signal, sys, tempfile, traceback
import avslib.cli.main, avslib.importers, avslib.ledger.cost_table, avslib.training, pytest, torch._dynamo

def become(what, *rest):
    if what in ("-c", "-m"):
        what, code, *rest = what, *rest
    sys.argv = [what, *rest]
    try:
        if what == "-m":
            runpy.run_module(code, run_name="__main__", alter_sys=True)
        elif what == "-c":
            exec(code, {{"__name__": "__main__"}})
        else:
            sys.path[0] = os.path.dirname(what)
            runpy.run_path(what, run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

gc.freeze()
for line in sys.stdin:
    arguments, environment = json.loads(line)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        if not (child := os.fork()):
            os.environ.clear(), os.environ.update(environment)
            signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2), signal.alarm({SECONDS})
            status = become(*arguments)
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
        print(child, flush=True)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0), err.seek(0)
        print(json.dumps([status, out.read(), err.read()]), flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended: negative is the signal that ended it."""

    returncode: int
    stdout: str
    stderr: str


class WarmPython:
    """See the file. `asks` and `answers` are of the process that forks."""

    def __init__(self, asks: IO[str], answers: IO[str]) -> None:
        self.asks, self.answers = asks, answers

    def __call__(self, *arguments: str) -> str:
        """What `python -m MODULE ...`, `python -c CODE` or `python FILE` prints; its end must be a good one."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, f"{arguments}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def run(self, *arguments: str, **environment: str) -> Ended:
        """The same, however it ends. environment: what is added to that of the test"""
        self.begin(*arguments, **environment)
        return self.end()

    def begin(self, *arguments: str, **environment: str) -> int:
        """The number of the process that has begun; `end` must follow."""
        print(json.dumps([arguments, {**os.environ, **environment}]), file=self.asks, flush=True)
        return int(self.answers.readline())

    def end(self) -> Ended:
        return Ended(*json.loads(self.answers.readline()))


@contextmanager
def warm_python(folder: Path) -> Iterator[WarmPython]:
    """One that works in `folder`, and whose library is the one there."""
    with subprocess.Popen(
        [sys.executable, "-c", SOURCE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout
        yield WarmPython(process.stdin, process.stdout)
