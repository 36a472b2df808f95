"""The command line: quick, and for bad input one line, status 2, never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from warm_python import WarmPython

from avslib.cli.main import main, renamed

TOY = str(Path(__file__).parent / "toy.py")


def cold(*arguments: str) -> str:
    """What a Python prints that has imported nothing yet."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, encoding="utf-8"
    ).stdout


def test_help_names_the_commands_and_loads_nothing_heavy() -> None:
    told = cold("-m", "avslib.cli", "--help")
    assert all(name in told for name in ("train", "evaluate", "score", "ledger", "mini", "import"))
    program = "import sys, avslib.cli.main; print(sorted({'torch', 'timm', 'accelerate'} & set(sys.modules)))"
    assert cold("-c", program) == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "nobody", "--data", "mini/ms3"], "unknown method 'nobody'; choose one of: tpavi"),
        (
            ["train", "tpavi", "--data", "mini/nil"],
            "unknown data 'mini/nil'; choose one of: mini/ms3",
        ),
        (
            ["train", "tpavi", "--data", "mini/ms3", "--schedule", "long"],
            "choose one of: smoke, reduced, compare, full",
        ),
        (["train", "absent.py", "--data", "x"], "absent.py: no such file"),
        (["train", __file__, "--data", "x"], "defines no METHOD"),
        (["train", TOY, "--data", "toy/exploding", "--schedule", "smoke"], "the loss term 'area' is inf"),
        (["evaluate", "nowhere"], "nowhere: holds no run"),
        (["ledger", "--add", "nowhere"], "record.json: no such record"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["avslib", *arguments])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "avslib: error:" in line]
    assert told in line


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        ("train", "--deaf", "--sound-blind"),
        ("evaluate", "--listen", "--counterfactual"),
        ("evaluate", "--classes", "--per-class"),
        ("score", "--classes=True", "--per-class=True"),
        ("score", "--labels", "--num-classes"),
    ],
)
def test_flags_of_earlier_versions_work_with_a_note(
    command: str, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert renamed([command, "x", old, "3"]) == [command, "x", new, "3"]
    assert f"{old.split('=')[0]} is now called {new.split('=')[0]}" in capsys.readouterr().err
    assert renamed(["mini", old]) == ["mini", old]


def bad_file(folder: Path, accident: str) -> Path:
    """A wav or png of that name, missing, cut in half, or with NaN in it."""
    path = folder / f"{accident.replace(' ', '_')}.{accident.split()[-1]}"
    if path.suffix == ".png":
        Image.effect_noise((64, 64), 50).save(path)
    else:
        wave = np.sin(np.arange(1600)) if "NaN" not in accident else np.full(1600, np.nan)
        soundfile.write(path, wave, 800, subtype="FLOAT")
    if "missing" in accident:
        path.unlink()
    if "truncated" in accident:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    "accident", ["missing wav", "truncated wav", "NaN wav", "missing png", "truncated png"]
)
def test_a_bad_file_is_one_line_that_names_it(
    accident: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bad_file(tmp_path, accident)
    monkeypatch.setenv("TOY_FILE", str(path))
    options = ["--data", "toy/file", "--schedule", "smoke", "--out", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", ["avslib", "train", TOY, *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert f"avslib: error: {path}" in capsys.readouterr().err.splitlines()[-1]


def test_an_error_in_a_worker_is_one_line_too(python: WarmPython, tmp_path: Path) -> None:
    """The whole output, as a person sees it."""
    options = ["--data", "toy/file", "--schedule", "smoke", "--workers", "1", "--out", str(tmp_path)]
    file = str(bad_file(tmp_path, "NaN wav"))
    told = python.run("-m", "avslib.cli", "train", TOY, *options, TOY_FILE=file)
    assert told.returncode == 2
    assert told.stderr.rstrip().splitlines()[-1].startswith(f"avslib: error: {tmp_path}/NaN_wav.wav")
    assert "Traceback" not in told.stderr + told.stdout


def test_train_evaluate_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["avslib", *arguments])
        main()
        return capsys.readouterr().out

    out, runs = tmp_path / "run", tmp_path / "runs"
    trained = say("train", TOY, "--data", "toy", "--schedule", "smoke", "--out", str(out))
    line = next(line for line in trained.splitlines() if line.startswith("test"))
    scored = say("evaluate", str(out), "--protocol", "toy", "--counterfactual")
    assert line in scored.splitlines()
    assert "visible" in scored
    table = say("ledger", "--runs", str(runs), "--add", str(out), "--markdown")
    assert "| toy | toy | smoke | 1 run |" in table
    assert "not run" in table


def test_ctrl_c_says_how_to_go_on(python: WarmPython, tmp_path: Path) -> None:
    command = ["-m", "avslib.cli", "train", TOY, "--data", "toy/endless"]
    process = python.begin(*command, "--schedule", "reduced", "--out", str(tmp_path))
    deadline = time.monotonic() + 120
    while not (tmp_path / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process, signal.SIGINT)
    ended = python.end()
    assert ended.returncode == 130, ended
    assert f"--out {tmp_path} --resume" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_full_disk_is_one_line(python: WarmPython, tmp_path: Path) -> None:
    """The process may write no file over 6 kB: config.json fits, the checkpoint does not."""
    out = tmp_path / "run"
    program = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); "
        f"sys.argv = ['avslib', 'train', {TOY!r}, '--data', 'toy', '--schedule', 'smoke', "
        f"'--out', {str(out)!r}]; from avslib.cli.main import main; main()"
    )
    answer = python.run("-c", program)
    assert answer.returncode == 2, answer.stderr
    assert "checkpoint.pt: cannot be written" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (out / "checkpoint.pt").exists()
    assert not list(out.glob(".*partial"))
