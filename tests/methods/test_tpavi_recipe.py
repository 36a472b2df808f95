"""The TPAVI recipes: every schedule is complete, and smoke is run for real and resumed bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from avslib.data import collate
from avslib.data.loading.order import BatchOrder
from avslib.errors import UserError
from avslib.methods import DATA, RECIPES, find_recipe
from avslib.methods.method import plain
from avslib.methods.run import Run
from avslib.training.loop import train
from avslib.training.optimiser import build_optimiser

KNOWN = [(name, data) for name, names in DATA.items() for data in names]


@pytest.mark.parametrize(("name", "data"), KNOWN)
def test_every_schedule_is_complete(name: str, data: str) -> None:
    recipe = find_recipe(name, data)
    assert set(recipe.schedules) >= {"smoke", "reduced", "full"}
    assert recipe.data == data
    for schedule, plan in recipe.schedules.items():
        train_clips = recipe.datasets("train", plan, 0, 0)
        order = BatchOrder(
            clips=len(train_clips), batch_size=plan.batch_size, epochs=plan.epochs,
            steps_per_epoch=plan.steps_per_epoch, seed=0,
        )  # fmt: skip
        assert order.total > 0
        for split in ("val", *recipe.tests):
            clip = recipe.datasets(split, plan, 0, 0)[0]
            assert clip.frames.shape[-1] == plan.size
        json.dumps(plain(plan))
        Run(recipe, schedule).config()
    assert len({protocol.name for protocol in recipe.protocols()}) == len(recipe.protocols())


def test_every_recipe_knows_its_data() -> None:
    assert set(DATA) == set(RECIPES)
    with pytest.raises(UserError, match="choose one of: mini/ms3, mini/s4, mini/avss"):
        find_recipe("tpavi", "s4")


def test_seeds_move_training_scenes_only_and_folds_all() -> None:
    recipe = find_recipe("tpavi", "mini/ms3")
    plan = recipe.schedule("smoke")

    def picture(split: str, fold: int, seed: int) -> torch.Tensor:
        return recipe.datasets(split, plan, fold, seed)[0].frames

    assert not torch.equal(picture("train", 0, 0), picture("train", 0, 1))
    assert torch.equal(picture("test", 0, 0), picture("test", 0, 1))
    assert not torch.equal(picture("test", 0, 0), picture("test", 1, 0))
    assert not torch.equal(picture("test", 0, 0), picture("test-seen", 0, 0))


def test_the_small_model_freezes_what_it_says() -> None:
    plan = find_recipe("tpavi", "mini/ms3").schedule("reduced")
    model = plan.model()
    build_optimiser(model, plan.optimiser)  # every lr_scale names a part
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith(("visual.net.conv_stem", "visual.net.blocks.0")) for name in trained)
    assert any(name.startswith("visual.net.blocks.5") for name in trained)


@pytest.mark.parametrize(("name", "data"), KNOWN)
def test_the_recipe_says_which_terms_add_up_over_a_batch(name: str, data: str) -> None:
    """The same clips twice: a sum doubles, a mean stays. Several processes depend on the difference."""
    recipe = find_recipe(name, data)
    model, criterion = recipe.schedule("smoke").model().eval(), recipe.criterion()
    scenes = recipe.datasets("train", recipe.schedule("smoke"), 0, 0)
    once = [scenes[0], scenes[1]]
    with torch.no_grad():
        first, second = (
            criterion(model(batch), batch)
            for batch in (collate(clips, recipe.front_end()) for clips in (once, once + once))
        )
    assert first.keys() <= recipe.weights.keys()  # a small model may have fewer stages
    for term in first:
        factor = 2 if term in recipe.summed else 1
        assert second[term].item() == pytest.approx(factor * first[term].item(), rel=1e-3), term


class StopAt:
    """A criterion that is interrupted at its `call`-th call, as by Ctrl-C."""

    def __init__(self, criterion: Callable[..., dict[str, torch.Tensor]], call: int) -> None:
        self.criterion, self.call = criterion, call

    def __call__(self, *arguments: object) -> dict[str, torch.Tensor]:
        self.call -= 1
        if self.call == 0:
            raise KeyboardInterrupt
        return self.criterion(*arguments)


def test_smoke_runs_repeats_and_resumes_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = find_recipe("tpavi", "mini/ms3")
    record = train(Run(recipe, "smoke"), out=tmp_path / "unbroken")
    assert record.metrics.keys() == {"test", "test-seen"}
    assert set(record.listening) == {"right", "silence", "noise", "absent", "visible", "mirrored"}
    assert "EfficientNet" in record.weights["visual"] or "efficientnet" in record.weights["visual"]
    assert record.weights["audio"].endswith("steps on the training recordings' classes")

    criterion = Run.criterion
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "criterion", lambda run: StopAt(criterion(run), 4))  # in the middle of epoch 2
        train(Run(recipe, "smoke"), out=tmp_path / "broken", checkpoint_every=1)
    again = train(Run(recipe, "smoke"), out=tmp_path / "broken", resume=True)
    assert (tmp_path / "unbroken/log.jsonl").read_text() == (tmp_path / "broken/log.jsonl").read_text()
    assert (again.metrics, again.listening) == (record.metrics, record.listening)


@pytest.mark.parametrize(
    ("data", "classes", "own"), [("mini/s4", 1, "avsbench-binary"), ("mini/avss", 9, "avsbench-semantic")]
)
def test_the_other_subsets_train_and_are_scored(data: str, classes: int, own: str, tmp_path: Path) -> None:
    run = Run(find_recipe("tpavi", data), "smoke")
    record = train(run, out=tmp_path)
    assert {name.split(" (")[0] for name in record.metrics["test"]} == {own, "dataset-level"}
    batch = collate([run.clips("test")[0]], run.front_end())
    with torch.no_grad():
        assert run.plan.model()(batch).logits.shape[2] == classes
    assert run.recipe.summed == () and ("mapping" in run.recipe.weights) == (data == "mini/avss")
