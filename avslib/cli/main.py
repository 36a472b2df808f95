"""The command line: `avslib train | evaluate | score | ledger | cost | mini | doctor | import`.

Everything heavy is imported inside the commands, so that `avslib --help` answers at once.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence

from tyro.conf import FlagCreatePairsOff
from tyro.extras import SubcommandApp

from avslib.cli.data import doctor, mini
from avslib.cli.ledger import cost, ledger
from avslib.cli.models import import_, train
from avslib.cli.scoring import evaluate, score
from avslib.errors import UserError

app = SubcommandApp()
for command in (train, evaluate, score, ledger, cost, mini, doctor):
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
    try:
        app.cli(
            prog="avslib",
            description="Audio-visual segmentation: train, score, look.",
            config=(FlagCreatePairsOff,),
            args=renamed(sys.argv[1:]),
        )
    except UserError as error:
        print(f"avslib: error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader went away: avslib mini credits | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        command = shlex.join(["avslib", *sys.argv[1:]])
        writes = sys.argv[1:3] == ["mini", "write"]
        again = command if writes or "--resume" in sys.argv else f"{command} --resume"
        hint = f"; continue with: {again}" if writes or sys.argv[1:2] == ["train"] else ""
        print(f"avslib: interrupted{hint}", file=sys.stderr)
        sys.exit(130)


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
