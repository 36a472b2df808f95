"""The GPU's table, and the script that fills it: on a CPU, small, and with everything that it writes."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from warm_python import WarmPython

from avslib.cli.ledger import ledger
from avslib.errors import UserError
from avslib.ledger.gpu import gpu_table

ROOT = Path(__file__).parents[2]
NUMBERS = {"step_ms", "clips_per_second", "memory_mb"}
PARTS = {
    "agreement": {"relative_error", "largest_difference", "largest_logit", "seconds"},
    "training": {
        "steps", "bf16", "float32", "mean_difference", "mean_difference_of_float32_again", "seconds",
    },
    "speed": {"bf16", "tf32", "float32", "operations", "tflops", "share_of_peak", "seconds"},
    "compiled": {
        "backend", "gradient_error", "compile_seconds", "gradient_error_of_bf16_itself", "eager_ms", "compiled_ms",
        "speed_up", "graphs", "graph_breaks", "seconds",
    },
}  # fmt: skip


sys.path.insert(0, str(ROOT / "benchmarks"))
GPU = runpy.run_path(str(ROOT / "benchmarks/gpu.py"))
CHAPTER = runpy.run_path(str(ROOT / "benchmarks/gpu_chapter.py"))


@pytest.fixture(scope="module")
def measured(python: WarmPython, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "gpu.json"
    options = ["--device", "cpu", "--tiny", "--methods", "tpavi", "--out", str(path)]
    python(str(ROOT / "benchmarks/gpu.py"), *options)
    return path


def test_the_script_writes_every_part(measured: Path) -> None:
    text = measured.read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    assert set(content["methods"]) == {"tpavi"} and content["weights"] == "random"
    assert content["commit"] and content["versions"]["cuda"] and content["peak"]["tflops"] > 0
    for found in content["methods"].values():
        assert {part: set(found[part]) for part in PARTS} == PARTS
        assert found["agreement"]["relative_error"] == 0, "a CPU should agree with itself"
        assert found["agreement"]["largest_logit"] > 0
        assert found["training"]["mean_difference_of_float32_again"] == 0
        assert 0 < found["training"]["mean_difference"] < 0.1
        assert all(set(found["speed"][kind]) == NUMBERS for kind in ("bf16", "tf32", "float32"))
        assert found["compiled"]["gradient_error"] < found["compiled"]["gradient_error_of_bf16_itself"]
        assert (found["compiled"]["graphs"], found["compiled"]["graph_breaks"]) == (1, 0)
    assert content["chapter"] == {"ran": False, "error": "not run"}
    assert not [place for place in (ROOT, measured.parent, Path.home()) if f"{place}/" in text]


def test_the_table(measured: Path) -> None:
    head, first, told = gpu_table(measured).splitlines()
    assert head.startswith("method") and first.startswith("tpavi")
    assert "0.0e+00" in first and " x" in first
    assert "random weights" in told and "A chapter at the schedule full: not run." in told
    rows = gpu_table(measured, markdown=True).splitlines()
    assert len({row.count("|") for row in rows[:3]}) == 1 and rows[-1] == told


def test_what_failed_is_said(measured: Path, tmp_path: Path) -> None:
    content = json.loads(measured.read_text(encoding="utf-8"))
    bare = {
        name: value
        for name, value in content["methods"]["tpavi"].items()
        if name not in ("compiled", "speed")
    }
    content["methods"]["pcmanet"] = bare
    content["methods"]["tpavi"] |= {
        "training": {"error": "OutOfMemoryError: no"},
        "compiled": {"error": "not run: out of time"},
    }
    content["chapter"] = {"ran": False, "cell": 7, "error": "NameError: x"}
    path = tmp_path / "gpu.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    _, first, second, told = gpu_table(path).splitlines()
    assert first.split()[-3:] == ["failed", "not", "run"]
    assert second.split()[2:4] == ["-", "-"] and second.split()[-1] == "-"
    assert "failed in cell 7, NameError: x." in told
    content["chapter"] = {"ran": True, "chapter": "05_tpavi", "schedule": "full", "steps": 5, "seconds": 81.2,
                          "device": "a card", "precision": "bf16"}  # fmt: skip
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "cut to 5 steps: ran in 81 s, trained on a card in bf16." in gpu_table(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"methods": {"x": 1}}', '{"methods": {}}', "null"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gpu.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"gpu\.json: not what benchmarks/gpu\.py writes"):
        gpu_table(path)


def test_it_stands_below_the_runs(measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_table(tmp_path / "gpu.json") == "GPU: not run"
    record = next((ROOT / "results" / "first-edition").glob("*.json"))
    (tmp_path / "runs").mkdir()
    shutil.copy(record, tmp_path / "runs")
    ledger(runs=tmp_path / "runs")
    without = capsys.readouterr().out
    assert "share of peak" not in without
    (tmp_path / "gpu.json").write_text(measured.read_text(encoding="utf-8"), encoding="utf-8")
    ledger(runs=tmp_path / "runs")
    assert capsys.readouterr().out == f"{without}\n{gpu_table(tmp_path / 'gpu.json')}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--device cuda: PyTorch finds no GPU here"),
        (["--methods", "tpavi,nobody"], "unknown method 'nobody'"),
        (["--steps", "0"], "--steps 0: at least 1"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(tmp_path / "gpu.json"), *arguments])
    assert GPU["main"]() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gpu.py: error: ") and told in line
    assert not list(tmp_path.iterdir())


def test_a_part_that_fails_or_lasts_leaves_a_line() -> None:
    def fails() -> dict[str, Any]:
        raise ValueError("\x1b[31mno\x1b[0m such file: /opt/somebody/deep/x.py\nand more")

    assert GPU["attempt"](fails, 10.0)["error"] == "ValueError: no such file: x.py"
    found = GPU["attempt"](lambda: time.sleep(60), 5.0)
    assert found["error"] == "stopped after 5 s" and 4 < found["seconds"] < 10
    assert GPU["attempt"](fails, 4.0) == {"error": "not run: out of time"}


def test_a_chapter_is_cut_and_tells(tmp_path: Path) -> None:
    notebook = json.loads((ROOT / "book/05_tpavi.ipynb").read_text(encoding="utf-8"))
    cells = CHAPTER["cut_short"](notebook)["cells"]
    at = next(i for i, cell in enumerate(cells) if cell["metadata"].get("tags") == ["parameters"])
    assert (cells[at + 1]["source"], cells[-1]["source"]) == (CHAPTER["CUT"], CHAPTER["TELL"])
    assert len(cells) == len(notebook["cells"]) + 2
    cells[-1]["outputs"] = [{"output_type": "stream", "text": ["GPU.PY ", '{"steps": 5}\n']}]
    assert CHAPTER["outcome"]({"cells": cells}) == {"steps": 5}
    cells[at]["outputs"] = [
        {"output_type": "error", "ename": "KeyError", "evalue": "a\n/tmp/x/y.py is no key"}
    ]
    failed = {"cell": at, "cell_begins": cells[at]["source"][0].strip(), "error": "KeyError: y.py is no key"}
    assert CHAPTER["outcome"]({"cells": cells}) == failed


def test_the_cut_reaches_the_recipe(python: WarmPython) -> None:
    told = f"{CHAPTER['CUT']}\nfrom avslib.methods.resolve import find_run\nrun = find_run('tpavi', 'mini/ms3', 'full')"
    told += "\nprint(run.plan.epochs, run.plan.steps_per_epoch, *map(len, map(run.clips, ('train', 'test-seen'))))"
    assert python("-c", told) == "1 5 20 8\n"
