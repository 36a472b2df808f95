"""The package is complete, builds without a warning, and installs beside a torch that is there already."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from colab_versions import constraints  # noqa: E402

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_wheel_builds_without_a_warning_and_holds_the_data(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "avslib", source / "avslib", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-v",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.findall(r"\w*Warning: .*", done.stdout + done.stderr)
    assert not told, told
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = [p for p in (source / "avslib").rglob("*") if p.is_file()]
    missing = [p for p in wanted if p.relative_to(source).as_posix() not in held]
    assert not missing, missing


def test_every_python_that_is_tested_is_allowed_and_no_other_is_refused() -> None:
    workflow = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(3\.\d+)"', workflow) == ["3.10", "3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.10"' in PROJECT, "an upper bound makes Colab's first cell fail"


def test_no_dependency_of_a_reader_is_pinned() -> None:
    """Colab's own torch has to satisfy them: lower bounds only."""
    block = PROJECT.split("dependencies = [")[1].split("\n]")[0]
    asked = re.findall(r'"([^"]+)"', block)
    assert len(asked) > 10 and all(re.fullmatch(r"[\w-]+>=[\d.]+", line) for line in asked)


def test_all_chapters_install_alike() -> None:
    cells = set()
    for path in (ROOT / "book").glob("0*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells.add("".join(next(c for c in notebook["cells"] if c["cell_type"] == "code")["source"]))
    (cell,) = cells
    assert '"google.colab" in sys.modules' in cell
    assert "avslib[offline] @ git+https://github.com/seeing-sound/seeing-sound" in re.sub(r"'\s+'", "", cell)


def test_colabs_versions_become_constraints() -> None:
    freeze = "absl-py==1.4.0\ntorch==2.9.0+cu126\nTorchVision==0.24.0+cu126\nen_core @ https://x\nnumpy==2.0.2\nscikit_learn==1.6.1\n"
    assert constraints(freeze, PROJECT) == [
        "numpy==2.0.2", "scikit-learn==1.6.1", "torch==2.9.0", "torchvision==0.24.0",
    ]  # fmt: skip
