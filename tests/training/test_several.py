"""Trainings side by side: the same numbers as one after the other, and nothing is left when one of them fails."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avslib.errors import UserError
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training import train, train_several
from avslib.training.several import heard_of


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def runs() -> list[Run]:
    return [find_run(name, "mini/ms3", "smoke") for name in ("tpavi", "vct-act")]


def without_a_model(*_: object, **__: object) -> torch.nn.Module:
    raise UserError("no such model")


def broken(run: Run, model: object) -> Run:
    plan = replace(run.plan, model=model)  # type: ignore[arg-type]
    return replace(run, recipe=replace(run.recipe, schedules={run.schedule: plan}))


def test_side_by_side_trains_what_one_after_the_other_does(
    two_threads: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / "first", tmp_path / "beside"]
    records = train_several(runs(), folders)
    bars = capfd.readouterr().err
    assert runs()[0].name in bars and runs()[1].name not in bars
    torch.set_num_threads(1)
    alone = train(runs()[1], out=tmp_path / "alone")
    assert [record.name for record in records] == [run.name for run in runs()]
    assert (records[1].metrics, records[1].counterfactual) == (alone.metrics, alone.counterfactual)
    for name in ("weights.safetensors", "record.json", "log.jsonl"):
        assert all((folder / name).is_file() for folder in folders)
    torch.set_num_threads(2)


def test_with_one_thread_they_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avslib.training.several.train", lambda run, *, out: (run.name, out))
    folders = [tmp_path / "a", tmp_path / "b"]
    assert train_several(runs(), folders) == [(run.name, out) for run, out in zip(runs(), folders)]


def test_a_folder_that_is_taken_is_named_before_any_work(two_threads: None, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "record.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"b/record\.json: is there already"):
        train_several(runs(), [tmp_path / "a", tmp_path / "b"])
    assert not (tmp_path / "a").exists()
    with pytest.raises(ValueError, match="shorter"):
        train_several(runs(), [tmp_path / "a"])


def test_what_goes_wrong_beside_is_told_after_the_first(two_threads: None, tmp_path: Path) -> None:
    first, other = runs()
    with pytest.raises(UserError, match="no such model"):
        train_several([first, broken(other, without_a_model)], [tmp_path / "a", tmp_path / "b"])
    assert (tmp_path / "a" / "record.json").is_file() and not multiprocessing.active_children()


def test_a_process_that_dies_is_not_waited_for(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    theirs.close()
    with pytest.raises(UserError, match="b: the training broke off"):
        heard_of(ours, tmp_path / "b")


def test_when_the_first_fails_the_others_are_stopped(two_threads: None, tmp_path: Path) -> None:
    first, other = runs()
    with pytest.raises(UserError, match="no such model"):
        train_several([broken(first, without_a_model), other], [tmp_path / "a", tmp_path / "b"])
    assert not multiprocessing.active_children() and not (tmp_path / "b" / "record.json").exists()
