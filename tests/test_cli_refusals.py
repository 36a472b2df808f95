"""What the command line refuses before any work, in one line and with status 2; and what it leaves alone."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
import torch

from avslib.cli.data import FILES, MARK
from avslib.cli.main import at_home, main

TOY = str(Path(__file__).parent / "toy.py")
TRAIN = ["train", TOY, "--data", "toy", "--schedule", "smoke"]


class Shell:
    """Runs `avslib ...` in a folder of its own."""

    def __init__(self, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str], folder: Path) -> None:
        self.patch, self.output, self.folder = patch, output, folder

    def say(self, *arguments: str) -> str:
        self.patch.setattr(sys, "argv", ["avslib", *arguments])
        main()
        return self.output.readouterr().out

    def refused(self, *arguments: str) -> str:
        """The one line that a refused command says; no file has changed."""
        before = state(self.folder)
        with pytest.raises(SystemExit) as stopped:
            self.say(*arguments)
        told = self.output.readouterr().err.rstrip("\n").splitlines()[-1]
        assert stopped.value.code == 2 and told.startswith("avslib: error: ") and told.isprintable()
        assert state(self.folder) == before, "it wrote or removed something"
        return told


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"mine")
    return Shell(monkeypatch, capsys, tmp_path)


def state(folder: Path) -> dict[str, str]:
    """{every file and folder: what is in it}."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([*TRAIN, "--workers", "-1"], "--workers -1: give a whole number, 0 or more"),
        ([*TRAIN, "--checkpoint-every", "0"], "--checkpoint-every 0: give a whole number, 1 or more"),
        ([*TRAIN, "--checkpoint-every", "-5"], "--checkpoint-every -5"),
        ([*TRAIN, "--fold", "-1"], "--fold -1: give a whole number, 0 or more"),
        ([*TRAIN, "--seed", "-1"], "--seed -1: give a whole number, 0 to 4294967295"),
        ([*TRAIN, "--seed", str(10**30)], "0 to 4294967295"),
        ([*TRAIN, "--out", "file"], "--out file: file is not a folder; give a new one"),
        ([*TRAIN, "--out", "file/run"], "--out file/run: file is not a folder; give a new one"),
        ([*TRAIN, "--out", "run", "--ledger", "file"], "--ledger file: file is not a folder"),
        (["train", "tpavi", "--data", "mini/ms3", "--fold", "99"], "unknown fold 99; choose 0 to 3"),
        (["import", "file", "--out", "file"], "file: is there already; give a new folder"),
        (["import", "file", "--out", "."], ".: is there already; give a new folder"),
        (["import", "file", "--out", "file/run"], "file is not a folder"),
        (["import", "absent", "--out", "run"], "absent: not a readable weight file: no such file"),
        (["mini", "show", "--out", "file"], "--out file: file is not a folder"),
        (["mini", "show", "--out", "file/x"], "--out file/x: file is not a folder"),
        (["mini", "show", "--index", "-1"], "--index -1: give a whole number, 0 or more"),
        (["mini", "show", "--seed", "-1"], "--seed -1"),
        (["mini", "show", "--fold", "-1"], "--fold -1"),
        (["mini", "show", "--fold", "99"], "unknown fold 99; choose 0 to 3"),
        (["mini", "show", "--size", "0"], "--size 0: give a whole number, 32 or more"),
        (["mini", "write"], "name the folder to write into"),
        (["mini", "write", "file"], "file is not a folder"),
        (["mini", "write", "."], "is not empty and not AVS-Mini"),
        (["mini", "write", "new", "--clips", "-3"], "--clips -3"),
        (["mini", "write", "new", "--fold", "99"], "unknown fold 99"),
        (["doctor", ".", "--workers", "-3"], "--workers -3: give a whole number, 0 or more"),
        (["doctor", ".", "--csv", "file"], "--csv file: is there already and something else"),
        (["doctor", ".", "--csv", "."], "--csv .: is a folder; give the name of a file"),
        (["doctor", ".", "--csv", "file/x.csv"], "file is not a folder"),
        (["doctor", "file"], "file: no such folder"),
        (["score", ".", "--data", "mini/ms3", "--fold", "-1"], "--fold -1"),
        (["score", ".", "--data", "mini/ms3", "--clips", "0"], "--clips 0: give a whole number, 1 or more"),
        (["score", ".", "--data", "mini/ms3", "--size", "-1"], "--size -1"),
        (["score", ".", "--truth", ".", "--num-classes", "1"], "--num-classes 1: give a whole number, 2 or more"),
        (["evaluate", "run", "--save", "file"], "--save file: file is not a folder"),
        (["evaluate", "run", "--save", "."], ".: not an empty folder; save predictions into a new one"),
        (["evaluate", "file", "--save", "file"], "--save file: is file, which is read; give another"),
        (["evaluate", "run", "--save-logits"], "--save-logits: say where, with --save DIR"),
        (["export", "absent", "x.onnx"], "absent: no such run or checkpoint"),
        (["export", "file", "x.txt"], "x.txt: give a name that ends in .onnx or .pt2"),
        (["export", "file", "x"], "x: give a name that ends in .onnx or .pt2"),
        (["export", "file", "nowhere/x.pt2"], "nowhere/x.pt2: there is no folder nowhere; make it first"),
        (["export", "file", "x.pt2", "--clip-length", "0"], "--clip-length 0: give a whole number, 1 or more"),
        (["export", "file", "x.pt2", "--size", "31"], "--size 31: give a whole number, 32 or more"),
        (["export", "file", "x.pt2", "--size", "64", "--any-size"], "--size 64: leave it out, or --any-size"),
        (["export", "file", "x.pt2"], "file: not a readable weight file"),
        (["export", ".", "x.pt2"], ".: holds no run (no config.json)"),
        (["ledger"], "runs: no such folder; give the folder of records with --runs DIR"),
        (["ledger", "--runs", "misspelt"], "misspelt: no such folder"),
        (["ledger", "--runs", "file"], "file: no such folder"),
        (["ledger", "--runs", "."], ".: holds no record; put one there with avslib train ... --ledger ."),
        (["ledger", "--add", "file"], "record.json: not a ledger record (Not a directory)"),
    ],
    ids=lambda each: " ".join(each).replace(TOY, "toy")[:70] if isinstance(each, list) else "",
)  # fmt: skip
def test_it_is_one_line_before_any_work(arguments: list[str], told: str, shell: Shell) -> None:
    assert told in shell.refused(*arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(shell: Shell) -> None:
    assert "--device cuda: not to be had here" in shell.refused("cost", "--device", "cuda")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which nobody can write")
@pytest.mark.parametrize(
    "arguments",
    [[*TRAIN, "--out", "/proc/x/run"], ["mini", "show", "--out", "/proc/x"], ["mini", "write", "/proc/x"],
     ["import", "file", "--out", "/proc/x"], ["evaluate", "run", "--save", "/proc/x"],
     ["doctor", ".", "--csv", "/proc/x.csv"], ["export", "file", "/proc/x.pt2"], [*TRAIN, "--out", "run", "--ledger", "/proc/x"]],
    ids=lambda each: " ".join(each).replace(TOY, "toy"),
)  # fmt: skip
def test_where_nobody_can_write_it_says_so_at_once(arguments: list[str], shell: Shell) -> None:
    assert "cannot be written" in shell.refused(*arguments)


def test_a_file_that_cannot_be_read_is_one_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the system that no command has foreseen."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "some/\x1b[1mfile")

    monkeypatch.setattr("avslib.ledger.read_record", refuse)
    assert "some/file: Permission denied; see that it is there" in shell.refused("ledger", "--add", "x")


def test_training_touches_only_its_own_run(shell: Shell) -> None:
    """A folder with its own method in it; an imported run, a finished one, another's file of a name that it writes."""
    own = Path("own")
    own.mkdir()
    (own / "method.py").write_text(Path(TOY).read_text(encoding="utf-8"), encoding="utf-8")
    mine = ["train", "own/method.py", "--data", "toy", "--schedule", "smoke", "--out"]
    os.symlink("own", "linked")
    for out in ("own", "linked", "own/.", "."):
        assert "which is read; give a folder of its own" in shell.refused(*mine, out)
    for name in ("weights.safetensors", "record.json", "log.jsonl", "config.json", "checkpoint.pt"):
        folder = Path("theirs", name)
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"{}")
        assert f"{folder / name}: is there already, and not of this run" in shell.refused(
            *TRAIN, "--out", str(folder)
        )
        assert shell.refused(*TRAIN, "--out", str(folder), "--resume")
    shell.say(*TRAIN, "--out", "run")
    assert "run: already holds a run; add --resume" in shell.refused(*TRAIN, "--out", "run")
    Path("run/checkpoint.pt").unlink()
    assert "run/record.json: is there already" in shell.refused(*TRAIN, "--out", "run")
    Path("run/record.json").unlink()
    assert "is there already, and not of this run" in shell.refused(*TRAIN, "--out", "run", "--seed", "1")
    config = json.loads(Path("run/config.json").read_text(encoding="utf-8"))
    Path("run/config.json").write_text(json.dumps(config | {"imported": {}}), encoding="utf-8")
    assert "is there already, and not of this run" in shell.refused(*TRAIN, "--out", "run")
    Path("run/config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "everything is in run" in shell.say(*TRAIN, "--out", "run"), "it broke off, and begins again"


def test_weights_that_are_none_are_told_as_what_they_are(shell: Shell) -> None:
    shell.say(*TRAIN, "--out", "run")
    for content, told in (
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git-LFS pointer"),
        (b"", "empty"),
    ):
        Path("run/weights.safetensors").write_bytes(content)
        assert f"cannot be read as this run's weights: {told}" in shell.refused("evaluate", "run")
    Path("run/weights.safetensors").unlink()
    assert "no such file; let the run finish" in shell.refused("evaluate", "run")
    Path("theirs.pth").write_bytes(b"Access denied")
    told = shell.refused("import", "theirs.pth", "--out", "imported")
    assert "theirs.pth: not a readable weight file: text ('Access denied')" in told


def test_the_ledger_takes_no_place_but_its_own(shell: Shell) -> None:
    shell.say(*TRAIN, "--out", "run")
    name = f"{json.loads(Path('run/record.json').read_text(encoding='utf-8'))['name']}.json"
    assert "--runs run: holds run/record.json, which is read" in shell.refused(
        "ledger", "--runs", "run", "--add", "run"
    )
    Path("runs").mkdir()
    os.link("run/record.json", f"runs/{name}")
    assert f"--runs runs/{name}: is run/record.json" in shell.refused(
        "ledger", "--runs", "runs", "--add", "run"
    )
    Path("runs", name).unlink()
    Path("runs", name).write_bytes(b'{"not": "a record"}')
    assert "not a ledger record" in shell.refused("ledger", "--runs", "runs", "--add", "run")
    Path("runs", name).unlink()
    assert "1 run" in shell.say("ledger", "--runs", "runs", "--add", "run")
    assert "1 run" in shell.say("ledger", "--runs", "runs", "--add", "run"), "in place of the same"
    content = json.loads(Path("run/record.json").read_text(encoding="utf-8")) | {"name": '../up: a "name"'}
    Path("run/record.json").write_text(json.dumps(content), encoding="utf-8")
    shell.say("ledger", "--runs", "runs", "--add", "run")
    assert {path.name for path in Path("runs").iterdir()} == {name, "..-up- a -name-.json"}


def test_a_scene_is_written_over_a_scene_alone(shell: Shell) -> None:
    show = ["mini", "show", "--size", "32", "--out"]
    shell.say(*show, "scene")
    first = state(Path("scene"))
    assert set(first) == {MARK, *FILES}
    shell.say(*show, "scene", "--index", "1")
    assert state(Path("scene")).keys() == first.keys() and state(Path("scene")) != first
    for name in (MARK, *FILES):
        folder = Path("theirs", name)
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"mine")
        if name != MARK:
            assert f"{folder / name}: is there already" in shell.refused(*show, str(folder))
    shell.say(*show, ".")
    assert Path("file").read_bytes() == b"mine"


def test_home_is_found_in_flags_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    asked = ["train", "~/x.py", "--out=~/runs", "--out", "~/y", "--data=a=~b", "~"]
    home = str(tmp_path)
    assert at_home(asked) == [
        "train",
        f"{home}/x.py",
        f"--out={home}/runs",
        "--out",
        f"{home}/y",
        "--data=a=~b",
        home,
    ]
