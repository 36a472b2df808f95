"""Writing: whole or not at all, with the mode that the umask gives, and never over what is read or is not ours."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from avslib.errors import UserError, check_number, one_line
from avslib.evaluation.predictions import PredictionWriter
from avslib.evaluation.score import save_weights
from avslib.files import check_file, check_folder, check_not_read, write_atomically, write_file, write_json
from avslib.training.checkpoint import save_checkpoint
from avslib.types import Batch


@pytest.fixture(params=[0o022, 0o027, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def predict(folder: Path) -> None:
    """Masks and logits of one clip of one second."""
    frames, every = torch.zeros(1, 1, 3, 8, 8, dtype=torch.uint8), torch.ones(1, 1, dtype=torch.bool)
    batch = Batch(frames, torch.zeros(1, 1, 1), torch.zeros(1, 1, 8, 8).long(), every, every, ["clip"])
    PredictionWriter(folder, about={"data": "x"}, logits=True)(batch, torch.zeros(1, 1, 1, 8, 8))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_what_is_written_has_the_mode_that_the_umask_gives(umask: int, tmp_path: Path) -> None:
    top = tmp_path / "top"
    write_json(top / "config.json", {"a": 1})
    write_file(top / "new" / "a.csv", b"a")
    save_weights(top / "weights.safetensors", torch.nn.Linear(2, 1))
    save_checkpoint(top / "checkpoint.pt", {"a": 1})
    check_modes(top, umask, 6)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_predictions_too(umask: int, tmp_path: Path) -> None:
    predict(tmp_path / "top")
    check_modes(tmp_path / "top", umask, 5)


def check_modes(top: Path, umask: int, count: int) -> None:
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (top, *top.rglob("*"))}
    assert len(modes) == count
    for path, mode in modes.items():
        assert mode == (0o777 if path.is_dir() else 0o666) & ~umask, f"{path.name}: {mode:o}"


def test_a_folder_that_is_a_file_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    for name in ("file/x.json", "file/deep/x.json", "n" * 300):
        with pytest.raises(UserError, match="cannot be written"):
            write_atomically(tmp_path / name, lambda file: file.write(b"ours"))
        with pytest.raises(UserError, match="cannot be written"):
            write_file(tmp_path / name, b"ours")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"mine")]


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    """By the file itself and not by its name: another spelling, a link, a hard link, a folder around it."""
    given = tmp_path / "data" / "given.pth"
    given.parent.mkdir()
    given.write_bytes(b"theirs")
    (tmp_path / "link.pth").symlink_to(given)
    (tmp_path / "linked").symlink_to(given.parent)
    os.link(given, tmp_path / "hard.pth")
    for out in ("data/given.pth", "data/../data/given.pth", "link.pth", "hard.pth", "linked/given.pth"):
        with pytest.raises(UserError, match=r"--out .*: is .*given\.pth, which is read; give another"):
            check_not_read(tmp_path / out, [None, given])
    for out in ("data", "linked", "data/.", "."):
        with pytest.raises(UserError, match=r"--save .*: (is|holds) .*, which is read; give"):
            check_not_read(tmp_path / out, [given, given.parent], "--save")
    check_not_read(tmp_path / "new", [given])
    check_not_read(given.parent / "new", [given, given.parent, tmp_path / "absent"])


def test_a_folder_is_tried_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/deeper/still", "dangling", "dangling/x"):
        with pytest.raises(UserError, match=r"(file|dangling) is not a folder; give a new one"):
            check_folder(tmp_path / name)
    for name in (".", "new", "new/er/still"):
        check_folder(tmp_path / name)
    assert {p.name for p in tmp_path.iterdir()} == {"file", "dangling"}, "nothing is left by the trial"
    if Path("/proc/self").is_dir():
        with pytest.raises(UserError, match=r"--out /proc/new: cannot be written"):
            check_folder(Path("/proc/new"))


def test_a_file_of_another_kind_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    check_file(path, "--csv", b"kind,path")
    for content in (b"", b"kind,path,what\n"):
        path.write_bytes(content)
        check_file(path, "--csv", b"kind,path")
    path.write_bytes(b"uid,split\n")
    with pytest.raises(
        UserError, match=r"--csv .*x\.csv: is there already and something else; give a new name"
    ):
        check_file(path, "--csv", b"kind,path")
    with pytest.raises(UserError, match="is a folder; give the name of a file"):
        check_file(tmp_path, "--csv", b"kind,path")
    with pytest.raises(UserError, match=r"x\.csv is not a folder"):
        check_file(path / "y.csv", "--csv", b"kind,path")
    assert path.read_bytes() == b"uid,split\n"


def test_one_line_is_one_line() -> None:
    assert one_line("a  b.png: \x1b[1mbad\x1b[0m\n\n  and more\r\n") == "a  b.png: bad and more"
    assert one_line("\x1b]0;title\x07x\x00y\udc80 é 音") == "x\\x00y\\udc80 é 音"


@pytest.mark.parametrize("value", [-1, 0, 11, 1.0, float("nan"), True, "3"])
def test_numbers_are_whole_and_in_their_range(value: object) -> None:
    with pytest.raises(UserError, match=r"--many .*: give a whole number, 1 to 10"):
        check_number("--many", value, 1, 10)  # type: ignore[arg-type]
    check_number("--many", 10, 1, 10)
    with pytest.raises(UserError, match=r"--many -1: give a whole number, 0 or more"):
        check_number("--many", -1, 0)
