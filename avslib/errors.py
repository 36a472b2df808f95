"""The one exception that is meant for the person at the keyboard, and the checks that raise it most often."""

from __future__ import annotations

import re
from numbers import Integral

_COMMANDS = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\^_])")
"""Commands to a terminal: colours, the window's title."""


class UserError(ValueError):
    """Bad input, told in one line: the file or value, what is wrong, and the way out.

    The command line prints the message without a traceback and exits with status 2.
    """


def one_line(text: str) -> str:
    """`text` as one line of printable characters: names of files and libraries' messages can hold anything."""
    joined = " ".join(line.strip() for line in _COMMANDS.sub("", text).splitlines() if line.strip())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in joined)


def check_number(name: str, value: int, least: int, most: int | None = None) -> None:
    """Raises UserError unless `value`, which the user knows as `name`, is a whole number from `least` to `most`."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        told = f"{least} or more" if most is None else f"{least} to {most}"
        raise UserError(f"{name} {value}: give a whole number, {told}")
