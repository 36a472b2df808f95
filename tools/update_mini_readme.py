"""Write the tables of AVS-Mini's README: the classes, and what is held out of them.

python tools/update_mini_readme.py           # after a change of the pack or of its splits
python tools/update_mini_readme.py --check   # exit status 1 when the tables are not current
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

from update_readme import between

from avslib.data.mini import CLASSES, CORE_CLASSES, FOLDS, SPLITS, Item, load_pack, split_items
from avslib.data.mini.files import VPO_NAME
from avslib.data.mini.pack import FOLDER
from avslib.data.mini.splits import not_by_source
from avslib.data.readers.layouts import COCO_ID, SEMANTIC_NAMES
from avslib.evaluation.tables import lay_out

README = FOLDER / "README.md"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    return lay_out(list(head), [list(map(str, row)) for row in rows], markdown=True) + "\n"


def instances(items: Iterable[Item], kind: str, name: str) -> int:
    """How many photographed objects, or recordings (speakers), of a class."""
    return len({i.instance for i in items if (i.kind, i.name) == (kind, name) and _fair(i)})


def _fair(item: Item) -> bool:
    return item.kind != "cutout" or item.is_photograph


def classes() -> str:
    """One row a class: what there is, and what it is called elsewhere."""
    items, rows = load_pack().items, []
    for label, name in enumerate(CLASSES, start=1):
        hands = {item.group for item in items if (item.kind, item.name) == ("sound", name)}
        other = VPO_NAME.get(name, name)
        avss = f"{SEMANTIC_NAMES.index(name)} {name}" if name in SEMANTIC_NAMES else "-"
        vpo = f"{list(COCO_ID).index(other) + 1} {other}" if other in COCO_ID else "-"
        core = "core" if name in CORE_CLASSES else ""
        counts = (instances(items, "cutout", name), instances(items, "sound", name), len(hands))
        rows.append((label, name, core, *counts, avss, vpo))
    return table(
        ("label", "class", "", "photographs", "recordings", "recordists", "AVSBench-semantic", "VPO"), rows
    )


def counts() -> str:
    """Train / val / test of every class and fold, pictures and recordings."""
    parts = [[split_items(load_pack(), split=s, fold=f) for s in SPLITS] for f in range(FOLDS)]
    rows = []
    for kind, what in (("cutout", "photographs"), ("sound", "recordings")):
        for name in CLASSES:
            cells = (" / ".join(str(instances(part, kind, name)) for part in fold) for fold in parts)
            rows.append((name, what, *cells))
    return table(("class", "of", *(f"fold {f}: train / val / test" for f in range(FOLDS))), rows)


def shared() -> str:
    """A sentence a fold: whose test recordings come from a source that also trains."""
    lines = []
    for fold in range(FOLDS):
        told = [f"{count} of {name}" for name, count in not_by_source(load_pack(), fold).items()]
        lines.append(f"- fold {fold}: {', '.join(told) or 'none'}")
    return "\n".join(lines) + "\n"


def current(text: str) -> str:
    """`text` with today's tables, and the number of files."""
    files = [item.path for item in load_pack().items]
    size = sum(path.stat().st_size for path in files) / 1e6
    text = re.sub(
        r"\d+ free pictures and sounds \(\d+ MB\)",
        f"{len(files)} free pictures and sounds ({size:.0f} MB)",
        text,
    )
    for name, content in (("classes", classes()), ("counts", counts()), ("by source", shared())):
        text = between(text, name, f"\n{content}\n")
    return text


def main() -> int:
    old = README.read_text(encoding="utf-8")
    new = current(old)
    if "--check" in sys.argv[1:]:
        if new != old:
            print("AVS-Mini's README: tables are not current; run python tools/update_mini_readme.py")
        return int(new != old)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
