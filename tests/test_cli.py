"""The command line: quick, and for bad input one line, status 2, never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOY = str(Path(__file__).parent / "training" / "toy.py")


def avslib(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "avslib.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_names_the_commands_and_loads_nothing_heavy() -> None:
    answer = avslib("--help")
    assert answer.returncode == 0
    assert all(name in answer.stdout for name in ("train", "evaluate", "ledger", "mini", "import"))
    program = "import sys, avslib.cli; print(sorted({'torch', 'timm', 'accelerate'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "nobody", "--data", "mini/ms3"], "unknown recipe 'nobody'; choose one of: tpavi"),
        (
            ["train", "tpavi", "--data", "mini/nil"],
            "unknown data 'mini/nil' for recipe tpavi; choose one of: mini/ms3",
        ),
        (
            ["train", "tpavi", "--data", "mini/ms3", "--schedule", "long"],
            "choose one of: smoke, reduced, full",
        ),
        (["train", "absent.py", "--data", "x"], "absent.py: no such recipe file"),
        (["train", __file__, "--data", "x"], "defines no function recipe(data)"),
        (["train", TOY, "--data", "toy/exploding", "--schedule", "smoke"], "the loss term 'area' is inf"),
        (["evaluate", "nowhere"], "nowhere: holds no run"),
        (["ledger", "--add", "nowhere"], "record.json: no such record"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], told: str, tmp_path: Path) -> None:
    if TOY in arguments:
        arguments = [*arguments, "--out", str(tmp_path)]
    answer = avslib(*arguments)
    assert answer.returncode == 2, answer.stderr
    (line,) = [line for line in answer.stderr.splitlines() if "avslib: error:" in line]
    assert told in line
    assert "Traceback" not in answer.stderr + answer.stdout


def test_train_evaluate_ledger(tmp_path: Path) -> None:
    out, runs = tmp_path / "run", tmp_path / "runs"
    trained = avslib("train", TOY, "--data", "toy", "--schedule", "smoke", "--out", str(out))
    assert trained.returncode == 0, trained.stderr
    line = next(line for line in trained.stdout.splitlines() if line.startswith("test"))
    scored = avslib("evaluate", str(out), "--protocol", "toy", "--listen")
    assert line in scored.stdout.splitlines()
    assert "visible" in scored.stdout
    table = avslib("ledger", "--runs", str(runs), "--add", str(out), "--markdown")
    assert "| toy | toy | smoke | 1 run |" in table.stdout
    assert "not run" in table.stdout


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "avslib.cli",
        "train",
        TOY,
        "--data",
        "toy/endless",
        "--schedule",
        "reduced",
    ]
    command += ["--out", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert f"--out {tmp_path} --resume" in told
    assert "Traceback" not in told


def test_a_full_disk_is_one_line_and_the_checkpoint_stays(tmp_path: Path) -> None:
    """The process may write no file over 6 kB: config.json fits, the checkpoint does not."""
    out = tmp_path / "run"
    assert avslib("train", TOY, "--data", "toy", "--schedule", "smoke", "--out", str(out)).returncode == 0
    before = (out / "checkpoint.pt").read_bytes()
    program = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); "
        f"sys.argv = ['avslib', 'train', {TOY!r}, '--data', 'toy', '--schedule', 'smoke', "
        f"'--out', {str(out)!r}, '--resume']; import avslib.cli; avslib.cli.main()"
    )
    (out / "checkpoint.pt").rename(out / "kept.pt")
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert answer.returncode == 2, answer.stderr
    assert "checkpoint.pt: cannot be written" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert (out / "kept.pt").read_bytes() == before
    assert not list(out.glob(".*partial"))
