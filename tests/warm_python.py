"""A Python that has imported the library, and becomes `python ARGUMENTS` as often as it is asked.

Importing takes longer than most commands that tests give. Each command has a process of its own, a fork.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SECONDS = 300
"""How long a command may take."""

SOURCE = f"""
import json, os, runpy, signal, sys, tempfile, traceback
import avslib.cli.main, avslib.importers, avslib.ledger.cost_table, avslib.training, pytest, torch._dynamo

def become(option, what, *rest):
    sys.argv = [option, *rest]
    try:
        if option == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(what, {{"__name__": "__main__"}})
    except SystemExit as ended:
        return ended.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

for line in sys.stdin:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        if not (child := os.fork()):
            os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2), signal.alarm({SECONDS})
            status = become(*json.loads(line))
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
        status = os.waitpid(child, 0)[1]
        out.seek(0), err.seek(0)
        print(json.dumps([status, out.read(), err.read()]), flush=True)
"""


class WarmPython:
    """See the file. `asks` and `answers` are of the process that forks."""

    def __init__(self, asks: IO[str], answers: IO[str]) -> None:
        self.asks, self.answers = asks, answers

    def __call__(self, *arguments: str) -> str:
        """What `python -m MODULE ...` or `python -c CODE` prints; its end must be a good one."""
        print(json.dumps(arguments), file=self.asks, flush=True)
        status, out, err = json.loads(self.answers.readline())
        assert status == 0, f"{arguments}: {out}{err}"
        return str(out)


@contextmanager
def warm_python(folder: Path) -> Iterator[WarmPython]:
    """One that works in `folder`, and whose library is the one there."""
    with subprocess.Popen(
        [sys.executable, "-c", SOURCE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout
        yield WarmPython(process.stdin, process.stdout)
