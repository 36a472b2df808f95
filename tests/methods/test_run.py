"""What decides a run: all of it is in the configuration, and none of it may change unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy

from avslib.data.mini import EDITION
from avslib.data.mini.writer import write_mini
from avslib.errors import UserError
from avslib.evaluation.score import load_run, score
from avslib.ledger import read_records
from avslib.methods import METHODS
from avslib.methods.resolve import find_run, read_run
from avslib.methods.run import Run, differences
from avslib.training.loop import train

ROOT = Path(__file__).parents[2]


def with_recipe(run: Run, **changes: Any) -> Run:
    return replace(run, recipe=replace(run.recipe, **changes))


CHANGES: dict[str, Callable[[Run], Run]] = {
    "criterion": lambda run: with_recipe(run, criterion=lambda: toy.exploding),
    "loss_weights.area": lambda run: with_recipe(run, loss_weights={"bce": 1.0, "area": 0.06}),
    "summed": lambda run: with_recipe(run, summed=()),
    "front_end.name": lambda run: with_recipe(run, front_end=lambda: toy.exploding),
    "protocols": lambda run: replace(run, data=replace(run.data, protocols=lambda: [toy.AVSBenchBinary()])),
    "data_spec.sound_seconds": lambda run: replace(run, data=replace(run.data, sound_seconds=3.0)),
    "plan.optimiser.lr": lambda run: toy.with_plan(run, optimiser=replace(run.plan.optimiser, lr=0.1)),
    "plan.pretraining.audio_steps": lambda run: toy.with_plan(
        run, pretraining=replace(run.plan.pretraining, audio_steps=4)
    ),
    "plan.test_size": lambda run: toy.with_plan(run, test_size="own"),
    "fold": lambda run: replace(run, fold=1),
}


@pytest.mark.parametrize("what", CHANGES)
def test_everything_that_decides_is_in_the_configuration(what: str) -> None:
    run = toy.toy_run()
    (told,) = differences(run.config(), CHANGES[what](run).config())
    assert told.startswith(f"{what}: ") and " then, " in told


@pytest.mark.parametrize("name", METHODS)
def test_configurations_are_plain_and_repeat(name: str) -> None:
    for schedule in find_run(name, "mini/ms3").recipe.schedules:
        config = find_run(name, "mini/ms3", schedule).config()
        assert json.loads(json.dumps(config)) == config == find_run(name, "mini/ms3", schedule).config()
        assert "<" not in json.dumps(config), "an address in memory would differ each time"


def test_a_run_whose_recipe_has_changed_is_refused(tmp_path: Path) -> None:
    train(find_run(toy.__file__, "toy", "smoke"), out=tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["plan"]["optimiser"]["lr"] = 0.5
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(
        UserError, match=r"recipe has changed since this run \(plan.optimiser.lr: 0.5 then, 0.05 now\)"
    ):
        load_run(tmp_path)


def test_a_run_of_an_earlier_version_is_read_with_a_warning(tmp_path: Path) -> None:
    old = {
        "recipe": "pcmanet-no-masking",
        "data": "mini/ms3",
        "schedule": "reduced",
        "fold": 2,
        "seed": 1,
        "deaf": True,
    }
    (tmp_path / "config.json").write_text(
        json.dumps(old | {"weights": {}, "plan": {"lr": 1}}), encoding="utf-8"
    )
    with pytest.warns(UserWarning, match="its recipe cannot be compared"):
        run = read_run(tmp_path)
    assert (run.title, run.fold, run.seed, run.sound_blind) == ("pcmanet-no-masking", 2, 1, True)


def test_a_run_moves_with_its_data(tmp_path: Path) -> None:
    """The folder of the data is no part of what decides: another place, another spelling, another machine."""
    first, second = tmp_path / "first", tmp_path / "second"
    write_mini(first, layout="avsbench", subsets=("ms3",), clips=12, size=64, progress=False)
    run = find_run("tpavi", "avsbench/ms3", "smoke", data_dir=first)
    record = train(run, out=tmp_path / "run")
    assert str(tmp_path) not in json.dumps(record.config)
    first.rename(second)
    with pytest.raises(UserError, match="no such folder"):
        read_run(tmp_path / "run").clips("test")
    again, model = load_run(tmp_path / "run", data_dir=second / "." / "Multi-sources" / "..")
    assert score(again, model, "test") == record.metrics["test"]
    assert train(again, out=tmp_path / "run", resume=True).metrics == record.metrics


def test_every_record_of_the_ledger_is_read() -> None:
    assert all(record.edition in (None, EDITION) for record in read_records(ROOT / "results/runs"))
    assert read_records(ROOT / "results/first-edition") == []
    records = read_records(ROOT / "results/first-edition", edition=1)
    assert len(records) >= 26 and {record.edition for record in records} == {1}
    old = [record for record in records if "recipe" in record.config]
    assert all(record.method and record.counterfactual for record in old)
    assert sum(record.sound_blind for record in records) >= 4
    assert any(record.pretraining_seconds for record in old)
