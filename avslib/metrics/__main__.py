"""`python -m avslib.metrics check METRICS.json`: are our protocols the reference's?

Prints the relative error of every number. Exit status 0 when all are within 1e-4, 1 when one is
not, 2 when the files cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from avslib.errors import UserError
from avslib.files import forgiving_output
from avslib.metrics.check import errors

LIMIT = 1e-4


def main(arguments: list[str] | None = None) -> int:
    """Run the command with `arguments` (of the command line by default); returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m avslib.metrics", description=__doc__)
    parser.add_argument("command", choices=["check"], help="recompute numbers from the arrays beside them")
    parser.add_argument("json", type=Path, help="the numbers; the arrays are in the .npz of the same name")
    forgiving_output()
    path: Path = parser.parse_args(arguments).json
    try:
        found = dict(errors(path))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    for name, error_size in found.items():
        print(f"{name:40} {error_size:9.2e}{'' if error_size <= LIMIT else '  <- off'}")
    worst = max(found.values(), default=float("inf"))
    print(f"{len(found)} numbers, worst {worst:.2e}, limit {LIMIT:.0e}")
    return int(not worst <= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
