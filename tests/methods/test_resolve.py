"""Recipes on the files of a release: read, trained, scored, recorded, and evaluated again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from avslib.data import collate
from avslib.data.loading.order import BatchOrder
from avslib.data.mini.writer import write_mini
from avslib.data.open import CLASSES, open_data
from avslib.errors import UserError
from avslib.evaluation.score import load_run
from avslib.methods import find_recipe
from avslib.methods.run import Run, read_run
from avslib.training.loop import train


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """{name of the data: folder}, AVS-Mini in the layouts of the real benchmarks."""
    avsbench, vpo = (tmp_path_factory.mktemp(name) / "data" for name in ("avsbench", "vpo"))
    write_mini(avsbench, layout="avsbench", clips=12, size=64, progress=False)
    write_mini(vpo, layout="vpo", clips=12, size=64, progress=False)
    folders = {name: vpo if name.startswith("vpo") else avsbench for name in CLASSES}
    table = next(avsbench.rglob("metadata.csv"))
    yield folders | {"avss": table.parent}


@pytest.mark.parametrize("data", CLASSES)
def test_every_release_can_be_trained_on(data: str, releases: dict[str, Path]) -> None:
    recipe = find_recipe("tpavi", data, releases[data])
    assert list(recipe.schedules) == ["smoke", "reduced", "full", "full-8"] and recipe.tests == ("test",)
    for name, plan in recipe.schedules.items():
        assert plan.eye_steps == plan.ear_steps == 0, "AVS-Mini's pictures of objects are not in a release"
        clips = recipe.datasets("train", plan, 0, 0)
        if name != "reduced":
            BatchOrder(clips=len(clips), batch_size=plan.batch_size, epochs=plan.epochs,
                       steps_per_epoch=plan.steps_per_epoch, seed=0)  # fmt: skip
    plan, model = recipe.schedule("smoke"), recipe.schedule("smoke").model()
    clips = [recipe.datasets(split, plan, 0, 0)[0] for split in ("train", "train")]
    batch = collate(clips, recipe.front_end())
    prediction = model(batch)
    assert prediction.logits.shape[2] == CLASSES[data]
    terms = (plan.criterion or recipe.criterion)()(prediction, batch)
    assert terms.keys() == (plan.weights or recipe.weights).keys()
    assert torch.stack(list(terms.values())).isfinite().all()
    paper = recipe.criterion()(prediction, batch)
    assert paper.keys() == recipe.weights.keys()
    for split in ("val", "test"):
        clip = recipe.datasets(split, plan, 0, 0)[0]
        for protocol in recipe.protocols():
            logits = torch.zeros(1, len(clip.labels), CLASSES[data], *clip.labels.shape[1:])
            protocol.update(logits, clip.labels[None], clip.valid[None])
            assert protocol.compute()


def test_a_run_on_a_release_knows_its_folder(releases: dict[str, Path], tmp_path: Path) -> None:
    folder = releases["avsbench/ms3"]
    run = Run(find_recipe("tpavi", "avsbench/ms3", folder), "smoke")
    record = train(run, out=tmp_path, workers=0)
    assert set(record.metrics) == {"test"} and record.listening == {}
    assert json.loads((tmp_path / "config.json").read_text())["data_dir"] == str(folder)
    assert "data_dir" not in record.config, "a record goes into the ledger, and a machine's path does not"
    assert read_run(tmp_path).config() == run.config()
    again, _ = load_run(tmp_path)
    assert len(again.clips("test")) == len(run.clips("test"))


def test_eight_processes_share_a_batch_of_eight(releases: dict[str, Path]) -> None:
    recipe = find_recipe("tpavi", "avsbench/ms3", releases["avsbench/ms3"])
    plan = recipe.schedule("full-8")
    order = BatchOrder(clips=286, batch_size=plan.batch_size, epochs=plan.epochs,
                       steps_per_epoch=plan.steps_per_epoch, seed=0, rank=7, world=8)  # fmt: skip
    assert len(order) == 30 * (286 // 8) and len(next(iter(order))) == 1


def test_what_is_missing_is_told_before_long_work(releases: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give the folder of the release with --data-dir DIR"):
        find_recipe("tpavi", "avsbench/s4")
    with pytest.raises(UserError, match="mini/ms3 needs no folder; real data are avsbench/s4"):
        find_recipe("tpavi", "mini/ms3", tmp_path)
    with pytest.raises(UserError, match=r"choose one of: mini/ms3, .*avsbench/s4.*vpo-msmi"):
        find_recipe("tpavi", "vpo", tmp_path)
    with pytest.raises(UserError, match="fold 1: avsbench/ms3 comes with one split"):
        Run(find_recipe("tpavi", "avsbench/ms3", releases["avsbench/ms3"]), "smoke", fold=1).clips("train")
    with pytest.raises(UserError, match="no such table"):
        train(Run(find_recipe("tpavi", "avsbench/ms3", tmp_path), "smoke"), out=tmp_path / "run")
    with pytest.raises(UserError, match="unknown data 'voc'"):
        open_data("voc", tmp_path, "train")


def test_vpo_has_no_validation_split(releases: dict[str, Path]) -> None:
    val, test = (open_data("vpo-ms", releases["vpo-ms"], split) for split in ("val", "test"))
    assert val[0].identifier == test[0].identifier
    recipe = find_recipe("tpavi", "vpo-ms", releases["vpo-ms"])
    assert {plan.keep for plan in recipe.schedules.values()} == {"last"}


def test_training_pictures_of_avss_are_cropped(releases: dict[str, Path]) -> None:
    train_clips, test_clips = (open_data("avss", releases["avss"], split) for split in ("train", "test"))
    assert (train_clips.fit, test_clips.fit) == ("crop", "squash")  # type: ignore[attr-defined]
