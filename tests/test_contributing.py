"""CONTRIBUTING's "A new method", followed to the letter in a copy: one folder, one line, and everything is there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from warm_python import WarmPython, warm_python

ROOT = Path(__file__).parents[1]
SECTION = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## A new method")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library and its model tests with the room and the line added."""
    root = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "avslib", root / "avslib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "tests/methods", root / "tests/methods", ignore=shutil.ignore_patterns("__pycache__")
    )
    for path, code in re.findall(r"```python\n# (\S+)\n(.*?)```", SECTION, re.S):
        assert path.startswith(("avslib/methods/mine/", "tests/methods/")), "no other place is touched"
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(code, encoding="utf-8")
    (line,) = re.findall(r"in `ROOMS` of `avslib/methods/__init__.py`: `(.*)`", SECTION)
    rooms = root / "avslib/methods/__init__.py"
    rooms.write_text(
        rooms.read_text(encoding="utf-8").replace('    "pcmanet",\n', f'    "pcmanet",\n    {line}\n'),
        encoding="utf-8",
    )
    return root


@pytest.fixture(scope="module")
def python(copy: Path) -> Iterator[WarmPython]:
    with warm_python(copy) as python:
        yield python


ONLY_MINE = """
import sys
from avslib.cli.main import main
from avslib.ledger import cost_table as costs
costs.cost_table.__kwdefaults__["entries"] = [entry for entry in costs.TABLE if entry.method == "Mine"]
sys.argv = ["avslib", "cost"]
main()
"""
"""`avslib cost` without the other methods' lines, which take half a minute: `test_cost` counts those."""


def test_the_commands_of_the_page(python: WarmPython) -> None:
    (block,) = re.findall(r"```bash\n(.*?)```", SECTION, re.S)
    said = {}
    for line in block.strip().splitlines():
        program, *arguments = shlex.split(line)
        module = ["-m", "avslib.cli"] if program == "avslib" else []
        said[line] = python(*(["-c", ONLY_MINE] if line == "avslib cost" else [*module, *arguments]))
    ledger, cost = said["avslib ledger"], said["avslib cost"]
    measured = [row for row in ledger.splitlines() if row.startswith("mine") and "1 run" in row]
    assert len(measured) == 2 and any(row.startswith("mine-gate") for row in measured)
    assert any(row.startswith("mine, ResNet-50") and "mIoU 0.5" in row for row in ledger.splitlines())
    assert any(
        row.startswith("mine ") and "vpo-ms" in row and "not run" in row for row in ledger.splitlines()
    )
    assert re.search(r"^Mine +ResNet-50 +\d+\.\d+", cost, re.M)
    assert "by sound: right" in next(text for line, text in said.items() if "evaluate" in line)


def test_it_is_in_the_front_door_and_among_the_importers(python: WarmPython) -> None:
    code = """
import avslib, json
from pathlib import Path
from avslib.importers.checkpoint import find_authors_code
from avslib.methods.reference_case import fill
made = avslib.create_model("mine", classes=3, pretrained=False)
names = {"visual.net.": "backbone.", "look.": "conv.", "hear.": "fc_audio.", "score.": "out."}
theirs = {
    next((t + key.removeprefix(o) for o, t in names.items() if key.startswith(o)), key): x
    for key, x in made.state_dict().items() if not key.startswith("audio.")
}
code = find_authors_code("mine")
model = code.build(theirs)
moved = code.key_map.load(model, theirs)
print(json.dumps([avslib.list_models(variants=True), len(moved.state), moved.unknown, type(avslib.load("runs/mine")).__name__]))
"""
    python("-m", "avslib.cli", *"train mine --data mini/s4 --schedule smoke --out runs/mine2".split())
    models, moved, unknown, loaded = json.loads(python("-c", code.replace('"runs/mine"', '"runs/mine2"')))
    assert {"mine", "mine-gate"} <= set(models) and moved > 100 and not unknown and loaded == "Mine"
