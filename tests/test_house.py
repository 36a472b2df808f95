"""The rules of the house that a machine can check: who imports whom, how long a file is, what is in git."""

from __future__ import annotations

import ast
import json
import re
import statistics
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from avslib.methods import METHODS

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "avslib").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))

FLOORS = (
    {"types", "errors", "files"},
    {"audio", "layers", "losses", "metrics"},
    {"encoders", "data"},
    {"methods"},
    {"evaluation"},
    {"ledger"},
    {"training"},
    {"figures", "cli", "importers", "front_door", "video", "export"},
)
"""A room imports from its own floor and from the floors before it."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
NOTEBOOK_PACKAGES = ("IPython", "ipywidgets", "matplotlib", "seaborn", "sklearn")
LONGEST_FILE, LARGEST_FILE = 300, 5_000_000
TEXTS = ("", *".py .md .ipynb .toml .yml .json .txt .csv .bib .cff .css .js".split())
LONGEST_CELL, TYPICAL_CELL = 40, 15


def room(file: Path) -> str:
    """'data' for avslib/data/registry.py, 'files' for avslib/files.py."""
    return file.relative_to(ROOT / "avslib").parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Every module the file imports, inside functions too, and under TYPE_CHECKING."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: import from avslib, not from dots"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def tracked() -> list[Path]:
    """The files in git. Skips where the sources came without their history."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_imports_only_from_below(file: Path) -> None:
    here = room(file)
    if here == "__init__":
        assert {name.rpartition(".")[0] for name in imported(file) if name.startswith("avslib.")} <= {
            "avslib.front_door"
        }
        return
    for name in imported(file):
        package, _, rest = name.partition(".")
        if package == "avslib" and rest.split(".")[0] in FLOOR:
            there = rest.split(".")[0]
            assert FLOOR[there] <= FLOOR[here], f"{here} imports {name}, which lies above it"
        if here != "figures":
            assert package not in NOTEBOOK_PACKAGES, f"{here} imports {name}: only figures may"


def module_of(file: Path) -> str:
    """'avslib.data.registry' for avslib/data/registry.py."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(file): file for file in LIBRARY}


def modules_imported(file: Path) -> set[str]:
    """The library's modules among what `file` imports: `from avslib.data import mirror` is avslib.data."""
    names = {name for name in imported(file) if name.startswith("avslib")}
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} & MODULES.keys()


def test_no_files_import_one_another_in_a_circle() -> None:
    """Imports inside functions and under TYPE_CHECKING count."""
    graph = {name: modules_imported(file) - {name} for name, file in MODULES.items()}
    while free := [name for name, needs in graph.items() if not needs & graph.keys()]:
        for name in free:
            del graph[name]
    assert not graph, "in a circle, or in need of one"


@pytest.mark.parametrize("paper", sorted(METHODS))
def test_no_paper_is_another_s_library(paper: str) -> None:
    others = {f"avslib.methods.{name}" for name in METHODS} - {f"avslib.methods.{paper}"}
    for file in (ROOT / "avslib/methods" / paper).rglob("*.py"):
        strangers = {
            name for name in imported(file) if name.startswith(tuple(f"{other}." for other in others))
        }
        assert not strangers, f"{file.name}: what two methods share belongs into layers, losses or methods"


def test_no_file_is_without_a_caller() -> None:
    places = ("avslib", "benchmarks", "data_scripts", "tools")
    callers = [file for place in places for file in (ROOT / place).rglob("*.py")]
    called = {name for file in callers for name in modules_imported(file) - {module_of(file)}}
    chapters = "".join(file.read_text(encoding="utf-8") for file in NOTEBOOKS)
    called |= {name for name in MODULES if re.search(rf"{re.escape(name)}\b", chapters)}
    called |= {
        name for name in MODULES if name.startswith("avslib.figures") or name.endswith("__main__")
    }  # lazy
    called |= {f"avslib.methods.{name}" for name in METHODS}
    texts = {name: file.read_text(encoding="utf-8") for name, file in MODULES.items()}
    called |= {name for name, text in texts.items() if '__name__ == "__main__"' in text}  # a command
    called |= {name for name, file in MODULES.items() if file.name == "__init__.py"}
    assert not MODULES.keys() - called, "imported by nobody"


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_chapter_imports_public_names_only(file: Path) -> None:
    """From where they are defined, or from a package that lists them in __all__."""
    code = [
        "".join(c["source"])
        for c in json.loads(file.read_text(encoding="utf-8"))["cells"]
        if c["cell_type"] == "code"
    ]
    for cell in code:
        plain = "\n".join(line for line in cell.splitlines() if not line.lstrip().startswith(("%", "!")))
        for node in ast.walk(ast.parse(plain)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("avslib"):
                module = import_module(str(node.module))
                for alias in node.names:
                    assert is_public(module, alias.name), f"{node.module}.{alias.name}"


def is_public(module: ModuleType, name: str) -> bool:
    if name.startswith("_"):
        return False
    if hasattr(module, "__all__"):
        return name in module.__all__ or f"{module.__name__}.{name}" in MODULES
    thing = getattr(module, name, None)
    home = getattr(thing, "__module__", module.__name__)  # a constant has none
    return f"{module.__name__}.{name}" in MODULES or (thing is not None and home == module.__name__)


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_sitting(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_importing_the_library_is_quick_and_brings_no_notebook() -> None:
    watched = (*NOTEBOOK_PACKAGES, "torchvision", "torch")
    code = f"import sys, avslib; print([name for name in {watched} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=9, encoding="utf-8"
    )
    assert done.stdout.strip() == "[]"


def test_no_room_below_the_figures_loads_a_notebook_package() -> None:
    rooms = sorted({room(file) for file in LIBRARY} - {"__init__", "figures"})
    modules = ", ".join(f"avslib.{name}" for name in rooms)
    code = f"import sys, {modules}; print([name for name in {NOTEBOOK_PACKAGES} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert done.stdout.strip() == "[]"


def test_nothing_large_is_in_git() -> None:
    large = {str(file): file.stat().st_size for file in tracked() if file.stat().st_size > LARGEST_FILE}
    assert not large


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    homes = re.compile(rb"(?<![\w.:/])/(?:home|Users|root|work|mnt|scratch)/[A-Za-z0-9_.-]+/")
    found = {
        str(file.relative_to(ROOT)): match.group().decode()
        for file in tracked()
        if file.suffix in TEXTS and (match := homes.search(file.read_bytes()))
    }
    assert not found


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_chapter_is_committed_clean_and_in_small_cells(file: Path) -> None:
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    assert all(cell.get("id") for cell in cells), "a cell without id: save it once in JupyterLab"
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    ran = [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"]]
    assert not ran, "outputs are in the notebook: run  make strip"
    parameters = ["".join(c["source"]) for c in code if "parameters" in c["metadata"].get("tags", [])]
    assert len(parameters) == 1 and "SCHEDULE" in parameters[0], "one cell tagged `parameters` sets SCHEDULE"
    lengths = {cell["id"]: len("".join(cell["source"]).splitlines()) for cell in code}
    assert max(lengths.values()) <= LONGEST_CELL, {k: n for k, n in lengths.items() if n > LONGEST_CELL}
    assert statistics.median(lengths.values()) < TYPICAL_CELL
