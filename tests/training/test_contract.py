"""A method with state, a second look, terms that come and go, and three supervised layers: see `stateful`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import stateful
import torch
import toy
from safetensors.torch import load_file
from warm_python import WarmPython

from avslib.data import collate
from avslib.methods.learner import gathered
from avslib.methods.resolve import find_run
from avslib.training.checkpoint import load_checkpoint
from avslib.training.launch import start_accelerator
from avslib.training.loop import train
from avslib.training.progress import Progress
from avslib.types import Batch

FILE = stateful.__file__


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def state_of(folder: Path, data: str) -> dict[str, Any]:
    return load_checkpoint(folder / "checkpoint.pt", find_run(FILE, data, "smoke").config())


def command(out: Path, data: str) -> list[str]:
    options = ["--data", data, "--schedule", "smoke", "--out", str(out), "--checkpoint-every", "1"]
    return ["-m", "avslib.cli", "train", FILE, *options]


def test_it_learns_and_its_terms_come_and_go(tmp_path: Path) -> None:
    record = train(find_run(FILE, "stateful/plain", "reduced"), out=tmp_path)
    assert record.counterfactual["right"] > 0.9 > 0.1 > record.counterfactual["visible"]
    assert set(load_file(tmp_path / "weights.safetensors")) == set(stateful.Model().state_dict()), (
        "only the model"
    )


def test_a_term_is_averaged_over_the_steps_in_which_it_occurred(tmp_path: Path) -> None:
    progress, accelerator = Progress(), start_accelerator("no")
    for step in range(4):
        terms = {"always": torch.tensor(float(step))} | ({"late": torch.tensor(8.0)} if step == 3 else {})
        progress.add(terms, ["always", "late", "never"], accelerator)
    progress.close_epoch(4, 0.1, {}, {})
    assert {name: progress.history[0].get(name) for name in ("always", "late", "never")} == {
        "always": 1.5, "late": 8.0, "never": None,
    }  # fmt: skip
    train(find_run(FILE, "stateful/plain", "smoke"), out=tmp_path)
    first, second, _ = log(tmp_path)
    assert "contrast" not in first and "contrast" in second, "its warm-up is the first epoch"


@pytest.mark.parametrize("kill_at", [2, 5, 9])  # in the warm-up; between two updates of the bank, twice
def test_killed_and_resumed_equals_unbroken(python: WarmPython, tmp_path: Path, kill_at: int) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(find_run(FILE, "stateful", "smoke"), out=whole)
    ended = python.run(*command(broken, "stateful"), TOY_KILL_AT=str(kill_at))
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    train(find_run(FILE, "stateful", "smoke"), out=broken, resume=True)
    assert log(whole) == log(broken)
    one, two = (state_of(folder, "stateful")["learner"] for folder in (whole, broken))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert one["bank"].abs().sum() > 0 and one["temperature"] != 1


def test_two_processes_equal_one(tmp_path: Path) -> None:
    train(find_run(FILE, "stateful/plain", "smoke"), out=tmp_path / "one")
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    ended = subprocess.run(
        [*start, *command(tmp_path / "two", "stateful/plain")], env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300, encoding="utf-8",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    for one, two in zip(log(tmp_path / "one"), log(tmp_path / "two"), strict=True):
        for term in ("loss", "bce", "apart", "contrast"):
            assert two.get(term) == pytest.approx(one.get(term), abs=1e-5), term
    one, two = (state_of(tmp_path / name, "stateful/plain")["learner"] for name in ("one", "two"))
    torch.testing.assert_close(one["bank"], two["bank"], atol=1e-5, rtol=0)


def test_pictures_are_scored_in_their_own_sizes_one_at_a_time(tmp_path: Path) -> None:
    run = toy.with_plan(find_run(FILE, "stateful", "smoke"), test_size="own")
    assert (run.test_size, run.test_batch_size) == (None, 1)
    assert len({run.clips("test")[i].frames.shape for i in range(3)}) == 3
    assert train(run, out=tmp_path).metrics["test"]["toy"]["clips"] == 7


def test_one_process_gathers_what_it_has() -> None:
    values = torch.ones(3, 2, requires_grad=True)
    assert torch.equal(gathered(values), values) and not gathered(values).requires_grad


def test_extras_travel_with_the_batch() -> None:
    run = find_run(FILE, "stateful", "smoke")
    batch: Batch = collate([run.clips("train")[i] for i in (0, 1)], run.front_end())
    assert batch.to("cpu").extras["red"].shape == (2, 2)
