"""The command line: `avslib train | evaluate | segment | models | score | ledger | cost | mini | doctor | import | export`.

Everything heavy is imported inside the commands, so that `avslib --help` answers at once.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from tyro.conf import FlagCreatePairsOff
from tyro.extras import SubcommandApp

from avslib.cli.data import doctor, mini
from avslib.cli.exporting import export
from avslib.cli.ledger import cost, ledger
from avslib.cli.models import import_, train
from avslib.cli.scoring import evaluate, score
from avslib.cli.video import models, segment
from avslib.errors import UserError, one_line
from avslib.files import forgiving_output

app = SubcommandApp()
for command in (train, evaluate, segment, models, score, ledger, cost, mini, doctor, export):
    app.command(command)
app.command(name="import")(import_)

FORMERLY: Mapping[str, Mapping[str, str]] = {
    "train": {"--deaf": "--sound-blind"},
    "evaluate": {"--classes": "--per-class", "--listen": "--counterfactual"},
    "score": {"--classes": "--per-class", "--labels": "--num-classes"},
}
"""Flags of earlier versions, by command, and what they are called now."""


def main() -> None:
    """Run the command line. A `UserError` ends it with one line and status 2, Ctrl-C with 130."""
    forgiving_output()
    try:
        app.cli(
            prog="avslib",
            description="Audio-visual segmentation: train, score, look.",
            config=(FlagCreatePairsOff,),
            args=at_home(renamed(sys.argv[1:])),
        )
    except UserError as error:
        refuse(str(error))
    except BrokenPipeError:  # the reader went away: avslib mini credits | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.filename is None or error.strerror is None:  # no file's: the place in the code tells more
            raise
        refuse(f"{error.filename}: {error.strerror}; see that it is there, and may be read and written")
    except KeyboardInterrupt:
        writes = sys.argv[1:3] == ["mini", "write"]
        again = sys.argv[1:] if writes or "--resume" in sys.argv else [*sys.argv[1:], "--resume"]
        hint = (
            f"; continue with: {quoted(['avslib', *again])}" if writes or sys.argv[1:2] == ["train"] else ""
        )
        print(f"avslib: interrupted{hint}", file=sys.stderr)
        sys.exit(130)


def refuse(told: str) -> NoReturn:
    """End with one line and status 2."""
    print(f"avslib: error: {one_line(told)}", file=sys.stderr)
    sys.exit(2)


def quoted(command: Sequence[str]) -> str:
    """The command as this system's shell takes it."""
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)


def renamed(arguments: Sequence[str]) -> list[str]:
    """The arguments with flags of earlier versions under today's names, and a note for each."""
    known = FORMERLY.get(arguments[0], {}) if arguments else {}
    told = []
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if flag in known:
            print(f"avslib: note: {flag} is now called {known[flag]}", file=sys.stderr)
        told.append(known.get(flag, flag) + equals + value)
    return told


def at_home(arguments: Sequence[str]) -> list[str]:
    """The arguments with a leading ~ expanded, which shells leave alone in --out=~/runs."""
    parts = [
        argument.partition("=") if argument.startswith("--") else ("", "", argument) for argument in arguments
    ]
    return [
        flag + equals + (os.path.expanduser(value) if value[:1] == "~" else value)
        for flag, equals, value in parts
    ]
