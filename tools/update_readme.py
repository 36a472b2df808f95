"""Write the picture and the results tables of README.md, and check that they are current.

python tools/update_readme.py           # after a new record in results/runs, or a new results/gpu.json
python tools/update_readme.py --check   # exit status 1 when the tables are not those of results
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from avslib.ledger import ledger_table
from avslib.ledger.gpu import gpu_table

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PICTURE = "_static/readme.png"


def between(text: str, name: str, content: str) -> str:
    """`text` with `content` between the markers called `name`."""
    pattern = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
    return re.sub(pattern, lambda match: f"{match[1]}{content}{match[2]}", text, flags=re.DOTALL)


def main() -> int:
    old = README.read_text()
    new = between(old, "results", f"\n{ledger_table(ROOT / 'results' / 'runs', markdown=True).strip()}\n\n")
    new = between(new, "gpu", f"\n{gpu_table(ROOT / 'results' / 'gpu.json', markdown=True)}\n\n")
    if "--check" in sys.argv[1:]:
        if new != old:
            print("README.md: the tables are not those of results/; run python tools/update_readme.py")
        return int(new != old)
    command = [sys.executable, "-m", "avslib.figures", "readme", str(ROOT / PICTURE)]
    alt = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    README.write_text(between(new, "picture", f"![{' '.join(alt.split())}]({PICTURE})\n"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
