"""A method in a file of one's own: a module like any other, in this process and in one that is started afresh."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from pathlib import Path

import pytest
import toy

from avslib.data import collate
from avslib.errors import UserError
from avslib.methods.method import plain
from avslib.methods.own import load_file
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.types import Batch

CODE = """
from dataclasses import dataclass, replace
from functools import partial

import toy
from a_neighbour import LOUDER

from avslib.data.registry import DataSpec


class Front:
    def __call__(self, waveform, sample_rate, frames):
        return toy.tone(LOUDER * waveform, sample_rate, frames)


@dataclass
class Clips:
    inner: toy.ToyScenes

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, index):
        return self.inner[index]


def read(wanted):
    return Clips(toy.read("toy", wanted))


def recipe(data, changes):
    return replace(toy.recipe(data, changes), front_end=Front)


DATASETS = {"own": DataSpec("own", "toy", 1, read, partial(toy.protocols, "toy"), composed=True)}
METHOD = replace(toy.METHOD, recipe=recipe)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a folder and under a name that no module could have, with a neighbour that it imports."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "é my methods" / "method.v2-final.py"
    path.parent.mkdir()
    path.write_text(CODE, encoding="utf-8")
    (path.parent / "a_neighbour.py").write_text("LOUDER = 2.0\n", encoding="utf-8")
    yield path  # type: ignore[misc]
    sys.modules.pop("a_neighbour", None)


def batch_of(clips: object, front_end: object) -> Batch:
    return collate([clips[0], clips[1]], front_end)  # type: ignore[index,arg-type]


def parts(run: Run) -> tuple[object, object]:
    return run.clips("train"), run.front_end()


def test_its_classes_reach_a_process_that_is_started_afresh(file: Path) -> None:
    """As macOS, Windows, and Linux since Python 3.14 start workers."""
    clips, front_end = parts(find_run(str(file), "own", "smoke"))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(batch_of, (clips, front_end))
    here = batch_of(clips, front_end)
    assert there.sound.equal(here.sound) and there.frames.equal(here.frames)
    assert plain(front_end) == "Front"


def test_it_is_loaded_once_and_again_when_it_changes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_file(file)
    monkeypatch.chdir(file.parent)
    assert load_file(Path(file.name)) is first, "by whatever spelling"
    kept = pickle.dumps(first.Front())
    assert type(pickle.loads(kept)) is first.Front
    file.write_text(CODE.replace("class Front:", "class Front:\n    new = True\n"), encoding="utf-8")
    second = load_file(file)
    assert second is not first and second.Front.new
    assert type(pickle.loads(kept)) is second.Front
    assert {path.name for path in file.parent.iterdir()} - {"__pycache__"} == {file.name, "a_neighbour.py"}
    assert not list(file.parent.glob(f"__pycache__/{file.stem}*")), (
        "no cache of it, which could be out of date"
    )


def test_two_files_of_one_name_are_two(tmp_path: Path) -> None:
    for number in (1, 2):
        path = tmp_path / str(number) / "random.py"  # also the name of a module of Python's
        path.parent.mkdir()
        path.write_text(f"NUMBER = {number}\n", encoding="utf-8")
    assert [load_file(tmp_path / name / "random.py").NUMBER for name in ("1", "2")] == [1, 2]
    import random

    assert random.random() < 1


def test_a_file_that_fails_leaves_no_half_module(tmp_path: Path) -> None:
    path = tmp_path / "half.py"
    path.write_text("DONE = 1\nraise KeyError('here')\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(KeyError, match="here"):
            load_file(path)
    path.write_text("DONE = 1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"half\.py: defines no METHOD"):
        find_run(str(path), "own")
    with pytest.raises(ModuleNotFoundError):
        __import__("avslib.methods.own.no_path_at_all")


def test_the_toy_is_still_the_toy() -> None:
    assert find_run(toy.__file__, "toy", "smoke").config() | {"method": ""} == toy.toy_run().config() | {
        "method": ""
    }
