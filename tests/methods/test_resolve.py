"""Methods on the files of a release: read, trained, scored, recorded, and evaluated again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avslib.data import DATASETS, collate, find_data
from avslib.data.loading.order import BatchOrder
from avslib.data.mini.writer import write_mini
from avslib.errors import UserError
from avslib.evaluation.score import load_run
from avslib.methods import METHODS
from avslib.methods.learner import Clock
from avslib.methods.method import Pretraining
from avslib.methods.resolve import find_run, read_run
from avslib.training.loop import train

RELEASES = [name for name, spec in DATASETS.items() if not spec.composed]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """{name of the data: folder}, AVS-Mini in the layouts of the real benchmarks."""
    avsbench, vpo = (tmp_path_factory.mktemp(name) / "data" for name in ("avsbench", "vpo"))
    write_mini(avsbench, layout="avsbench", clips=12, size=64, progress=False)
    write_mini(vpo, layout="vpo", clips=12, size=64, progress=False)
    folders = {name: vpo if name.startswith("vpo") else avsbench for name in RELEASES}
    table = next(avsbench.rglob("metadata.csv"))
    yield folders | {"avss": table.parent}


@pytest.mark.parametrize("data", RELEASES)
@pytest.mark.parametrize("method", METHODS)
def test_every_release_can_be_trained_on(method: str, data: str, releases: dict[str, Path]) -> None:
    run = find_run(method, data, "smoke", data_dir=releases[data])
    recipe, classes = run.recipe, DATASETS[data].classes
    assert recipe.schedules.keys() >= {"smoke", "reduced", "full", "full-8"} and run.data.tests == ("test",)
    for name, plan in recipe.schedules.items():
        assert plan.pretraining == Pretraining(), "AVS-Mini's pictures of objects are not in a release"
        clips = replace(run, schedule=name).clips("train")
        if name not in ("reduced", "compare"):
            BatchOrder(clips=len(clips), batch_size=min(len(clips), plan.batch_size), epochs=plan.epochs,
                       steps_per_epoch=plan.steps_per_epoch, seed=0)  # fmt: skip
    batch = collate([run.clips("train")[0]] * 2, run.front_end())
    learner = run.learner()
    prediction = learner.model(batch)
    assert prediction.logits.shape[2] == classes
    terms = learner(batch, Clock(0, 0, 1))
    assert terms.keys() == run.loss_weights.keys()
    assert torch.stack(list(terms.values())).isfinite().all()
    paper = recipe.criterion()(prediction, batch)
    prompted = {"prompted class", "prompted mask", "prompted dice", "recovery", "contrast"}
    left_out = {"pcmanet": {"stage1"}, "cavp": {"contrast"}, "cpm": prompted}.get(
        method, set()
    )  # see test_every_recipe
    assert paper.keys() == recipe.loss_weights.keys() - left_out
    for split in ("val", "test"):
        clip = run.clips(split)[0]
        for protocol in run.data.protocols():
            logits = torch.zeros(1, len(clip.labels), classes, *clip.labels.shape[1:])
            protocol.update(logits, clip.labels[None], clip.valid[None])
            assert protocol.compute()


def test_a_run_on_a_release_knows_its_folder(releases: dict[str, Path], tmp_path: Path) -> None:
    folder = releases["avsbench/ms3"]
    run = find_run("tpavi", "avsbench/ms3", "smoke", data_dir=folder)
    record = train(run, out=tmp_path, workers=0)
    assert set(record.metrics) == {"test"} and record.counterfactual == {}
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["data_dir"] == str(folder)
    assert "data_dir" not in record.config, "a record goes into the ledger, and a machine's path does not"
    assert read_run(tmp_path).config() == run.config()
    again, _ = load_run(tmp_path)
    assert len(again.clips("test")) == len(run.clips("test"))


def test_eight_processes_share_a_batch_of_eight(releases: dict[str, Path]) -> None:
    plan = find_run("tpavi", "avsbench/ms3", "full-8", data_dir=releases["avsbench/ms3"]).plan
    order = BatchOrder(clips=286, batch_size=plan.batch_size, epochs=plan.epochs,
                       steps_per_epoch=plan.steps_per_epoch, seed=0, rank=7, world=8)  # fmt: skip
    assert len(order) == 30 * (286 // 8) and len(next(iter(order))) == 1


def test_what_is_missing_is_told_before_long_work(releases: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give the folder of the release with --data-dir DIR"):
        find_run("tpavi", "avsbench/s4", "smoke").clips("train")
    with pytest.raises(UserError, match="mini/ms3 needs no folder; real data are avsbench/s4"):
        find_run("tpavi", "mini/ms3", "smoke", data_dir=tmp_path).clips("train")
    with pytest.raises(UserError, match=r"choose one of: mini/ms3, .*avsbench/s4.*vpo-msmi"):
        find_run("tpavi", "vpo", data_dir=tmp_path)
    with pytest.raises(UserError, match="fold 1: avsbench/ms3 comes with one split"):
        find_run("tpavi", "avsbench/ms3", "smoke", fold=1, data_dir=releases["avsbench/ms3"]).clips("train")
    with pytest.raises(UserError, match="no such table"):
        train(find_run("tpavi", "avsbench/ms3", "smoke", data_dir=tmp_path), out=tmp_path / "run")
    with pytest.raises(UserError, match="unknown data 'voc'"):
        find_data("voc")


def test_unknown_methods_variants_and_schedules_are_told() -> None:
    with pytest.raises(
        UserError, match=r"unknown method 'magic'; choose one of: tpavi, .*or give a \.py file"
    ):
        find_run("magic", "mini/ms3")
    with pytest.raises(UserError, match="unknown variant pcmanet-magic; there are: pcmanet-baseline"):
        find_run("pcmanet-magic", "mini/ms3")
    with pytest.raises(UserError, match="unknown schedule 'long' of tpavi; choose one of: smoke, reduced"):
        find_run("tpavi", "mini/ms3", "long")


def test_vpo_has_no_validation_split(releases: dict[str, Path]) -> None:
    val, test = (find_data("vpo-ms").open(split, folder=releases["vpo-ms"]) for split in ("val", "test"))
    assert val[0].identifier == test[0].identifier
    for method in METHODS:
        recipe = find_run(method, "vpo-ms", data_dir=releases["vpo-ms"]).recipe
        assert {plan.keep for plan in recipe.schedules.values()} == {"last"}


def test_training_pictures_of_avss_are_cropped(releases: dict[str, Path]) -> None:
    train_clips, test_clips = (
        find_data("avss").open(split, folder=releases["avss"]) for split in ("train", "test")
    )
    assert (train_clips.fit, test_clips.fit) == ("crop", "squash")  # type: ignore[attr-defined]
