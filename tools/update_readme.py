"""Write what is generated in README.md: the links to the pages, the table of results, the picture.

python tools/update_readme.py             # after a new record in results/runs, a new page, a new title
python tools/update_readme.py --picture   # draws the picture anew, too
python tools/update_readme.py --check     # exit status 1 when the links or the table are not current
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import yaml
from PIL import Image

from avslib.ledger.side_by_side import side_by_side
from avslib.ledger.summary import summary_table

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PICTURE = "_static/readme.webp"
QUALITY = 90


def between(text: str, name: str, content: str) -> str:
    """`text` with `content` between the markers called `name`."""
    pattern = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
    return re.sub(pattern, lambda match: f"{match[1]}{content}{match[2]}", text, flags=re.DOTALL)


def site() -> str:
    """The address of the rendered book: the pages of the repository that _config.yml names."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    owner, repository = urlparse(config["repository"]["url"]).path.strip("/").split("/")[:2]
    return f"https://{owner}.github.io/{repository}/"


def title(name: str) -> str:
    """The heading of the page `name`, e.g. "book/01_task"."""
    notebook = ROOT / f"{name}.ipynb"
    if notebook.exists():
        text = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
    else:
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
    return text.partition("# ")[2].partition("\n")[0].strip()


def links() -> str:
    """A line a part of the book, with a link to each of its pages; chapters have their numbers."""
    toc: dict[str, Any] = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    lines = []
    for part in toc["parts"]:
        names = [child["file"] for child in part["chapters"]]
        numbers = [re.match(r"\d+", Path(name).name) for name in names]
        pages = [
            f"[{f'{int(number[0])} ' if number else ''}{title(name)}]({site()}{name}.html)"
            for name, number in zip(names, numbers)
        ]
        lines.append(f"- {part['caption']}: {' · '.join(pages)}")
    return "\n".join([f"**[Read the book]({site()})**", "", *lines]) + "\n"


def current(text: str) -> str:
    """`text` with today's links and tables."""
    tables = {"results": summary_table, "compare": side_by_side}
    for name, table in tables.items():
        text = between(text, name, f"\n{table(ROOT / 'results' / 'runs', markdown=True)}\n\n")
    return between(text, "pages", links())


def picture() -> str:
    """Draw the picture anew; the Markdown that shows it."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "readme.png"
        command = [sys.executable, "-m", "avslib.figures", "readme", str(drawn)]
        alt = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
        with Image.open(drawn) as image:
            image.convert("RGB").save(ROOT / PICTURE, quality=QUALITY, method=6)
    return f"![{' '.join(alt.split())}]({PICTURE})\n"


def main() -> int:
    old = README.read_text(encoding="utf-8")
    new = current(old)
    if "--check" in sys.argv[1:]:
        if new != old:
            print("README.md: links or table are not current; run python tools/update_readme.py")
        return int(new != old)
    if "--picture" in sys.argv[1:]:
        new = between(new, "picture", picture())
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
