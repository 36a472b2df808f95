"""Two gloo processes take the steps of one, and score every clip once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import toy

from avslib.training.loop import train

TOY = toy.__file__


def launch(out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    command += ["-m", "avslib.cli", "train", TOY, "--data", "toy/plain", "--schedule", "smoke"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, "--out", str(out), *more],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        encoding="utf-8",
    )


def test_two_processes_equal_one(tmp_path: Path) -> None:
    alone = train(toy.toy_run("toy/plain"), out=tmp_path / "one")
    launched = launch(tmp_path / "two", "--ledger", str(tmp_path / "ledger"))
    assert launched.returncode == 0, launched.stderr
    (path,) = (tmp_path / "ledger").glob("*.json")
    together = json.loads(path.read_text(encoding="utf-8"))
    assert together["processes"] == 2
    # 7 test clips do not divide by two processes, and batches of 8 frames must not be torn by them.
    assert together["metrics"]["test"]["toy"]["clips"] == 7
    assert len(alone.metrics["test"]) == 2
    for name, numbers in alone.metrics["test"].items():
        assert together["metrics"]["test"][name] == pytest.approx(numbers, abs=1e-4)
    one, two = (
        [
            json.loads(line)
            for line in (tmp_path / name / "log.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        for name in ("one", "two")
    )
    assert [line["loss"] for line in two] == pytest.approx([line["loss"] for line in one], abs=2e-5)
    assert launched.stdout.count("by sound:") == 1  # only the first process speaks

    again = launch(tmp_path / "two", "--resume")
    assert again.returncode == 0, again.stderr
