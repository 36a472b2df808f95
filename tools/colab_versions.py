"""What Colab has installed, as constraints: `python tools/colab_versions.py FREEZE > colab.txt`.

FREEZE is the pip-freeze.txt that Colab publishes (github.com/googlecolab/backend-info). Kept are the packages that this
project asks for by name in pyproject.toml, without the CUDA part of a version, and of those what Colab has.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^+\s;]+)")
WANTED = re.compile(r'^\s*"([A-Za-z0-9._-]+)\s*(?:[<>=~!]=?|\[|;|")', re.MULTILINE)


def plain(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints(freeze: str, project: str) -> list[str]:
    """The lines "name==version" of `freeze` for the packages that `project`, a pyproject.toml, names."""
    wanted = {plain(name) for name in WANTED.findall(project)}
    pins = (PINNED.match(line) for line in freeze.splitlines())
    return sorted(f"{plain(p[1])}=={p[2]}" for p in pins if p and plain(p[1]) in wanted)


def main() -> int:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        print(__doc__, file=sys.stderr)
        return 2
    freeze = Path(sys.argv[1]).read_text(encoding="utf-8")
    found = constraints(freeze, (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if not any(line.startswith("torch==") for line in found):
        print(f"{sys.argv[1]}: names no torch; is it a pip-freeze.txt?", file=sys.stderr)
        return 1
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
