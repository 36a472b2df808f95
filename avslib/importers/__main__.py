"""Command line of the importers: `python -m avslib.importers check CASE.json [CASE.json ...]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from avslib.errors import UserError
from avslib.importers.check import report


def main() -> int:
    """Exit status: 0 all cases equal the reference, 1 one differs, 2 one cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m avslib.importers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="run reference cases through our models and compare")
    check.add_argument("cases", nargs="+", type=Path, metavar="CASE.json")
    arguments = parser.parse_args()
    try:
        return 0 if all([report(case) for case in arguments.cases]) else 1
    except UserError as error:
        print(f"avslib: error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
