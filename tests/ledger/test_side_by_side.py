"""The table of all methods at one size: its lines, its costs, and "not run" where nothing was."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from avslib.ledger.side_by_side import cost_of, side_by_side
from avslib.methods import METHODS
from avslib.methods.resolve import find_run

RUNS = Path(__file__).resolve().parents[2] / "results" / "runs"


def test_a_line_a_method_and_not_run_where_nothing_was(tmp_path: Path) -> None:
    shutil.copy(RUNS / "tpavi-mini-ms3-compare-f0-s0.json", tmp_path)
    shutil.copy(RUNS / "avsegformer-mini-ms3-compare-f0-s0-sound-blind.json", tmp_path)
    head, _, *lines = side_by_side(tmp_path, markdown=True).splitlines()
    assert head.startswith("| method | M parameters | G multiply-adds | runs | right sound |")
    assert [line.split(" | ")[0].strip("| ") for line in lines] == [m.title for m in METHODS.values()]
    assert " | 1 | 0." in lines[0] and all("not run" in line for line in lines[1:]), "controls do not count"


def test_costs_are_those_of_the_network_that_is_trained() -> None:
    run = find_run("tpavi", "mini/ms3", "compare")
    parameters, products = cost_of(run)
    model = run.model(pretrained=False)
    assert parameters == sum(p.numel() for p in model.parameters())
    first = next(m for m in model.modules() if isinstance(m, torch.nn.Conv2d))
    assert products > first.weight.numel() * 5 * (run.plan.size // 2) ** 2, "of five frames"
    smaller = find_run("tpavi", "mini/ms3", "smoke")  # 64 pixels, the same network
    assert cost_of(smaller)[0] == parameters and cost_of(smaller)[1] < products
