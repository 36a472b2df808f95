"""`python -m avslib.importers check CASE.json ...`: are our models equal to the authors' on these cases?

Prints the relative error of each output. Exit status 0: all at most 1e-4; 1: one is above; 2: bad input.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from avslib.errors import UserError, one_line
from avslib.files import forgiving_output
from avslib.importers.check import TOLERANCE, Comparison, check_case


def main() -> int:
    """Read the arguments, check every case, print; returns the exit status."""
    forgiving_output()
    parser = argparse.ArgumentParser(prog="python -m avslib.importers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("check", help="compare our models with reference cases")
    command.add_argument("cases", nargs="+", type=Path, metavar="CASE.json", help="CASE.npz lies beside it")
    equal = True
    try:
        for path in parser.parse_args().cases:
            comparison = check_case(path)
            print(_report(path, comparison))
            equal = equal and comparison.equal
    except UserError as error:
        print(f"avslib: error: {one_line(str(error))}", file=sys.stderr)
        return 2
    return 0 if equal else 1


def _report(path: Path, comparison: Comparison) -> str:
    lines = [f"{path.name}: {comparison.translation}"]
    lines += [f"  unknown, left out: {name}" for name in comparison.translation.unknown]
    for name, error in comparison.errors.items():
        verdict = "" if error <= TOLERANCE else f"  above {TOLERANCE:g}"
        lines.append(f"  {name:12} {error:.2e}{verdict}")
    lines.append(f"  {'equal to' if comparison.equal else 'differs from'} the reference")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
