"""What the recipe of every method owes on every data set that is composed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avslib.data import DATASETS, SOUNDS, collate
from avslib.data.loading.order import BatchOrder
from avslib.methods import METHODS
from avslib.methods.learner import Clock
from avslib.methods.method import plain
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.loop import train

MINI = [name for name, spec in DATASETS.items() if spec.composed]
KNOWN = [(method, data) for method in METHODS for data in MINI]


OF_A_STEP = {"contrast", "recovery", "prompted class", "prompted mask", "prompted dice"}
"""Terms that a prediction alone has not: the learner makes what they compare."""


def paper_terms(run: Run) -> set[str]:
    """Of the paper's loss, on the small model: the small PCMANet has no finest stage."""
    return set(run.recipe.loss_weights) - ({"stage1"} if run.method.name == "pcmanet" else set()) - OF_A_STEP


@pytest.mark.parametrize(("method", "data"), KNOWN)
def test_every_schedule_is_complete(method: str, data: str) -> None:
    smoke = find_run(method, data, "smoke")
    assert set(smoke.recipe.schedules) >= {"smoke", "reduced", "full"}
    for name, plan in smoke.recipe.schedules.items():
        run = replace(smoke, schedule=name)
        order = BatchOrder(
            clips=len(run.clips("train")), batch_size=plan.batch_size, epochs=plan.epochs,
            steps_per_epoch=plan.steps_per_epoch, seed=0,
        )  # fmt: skip
        assert order.total > 0
        assert run.clips("train")[0].frames.shape[-1] == plan.size
        for split in ("val", *run.data.tests):
            clips = run.clips(split)
            assert len(clips) == plan.clips[split] and clips[0].frames.shape[-1] == (run.test_size or 224)
        json.dumps(plain(plan)), json.dumps(run.config())
        assert set(plan.expected) <= set(DATASETS)
    names = [protocol.name for protocol in smoke.data.protocols()]
    assert len(set(names)) == len(names)


def test_rows_of_compare_may_be_compared() -> None:
    """One size, one encoder and one budget for all methods; what is left is theirs."""
    shared = (
        "size", "batch_size", "epochs", "steps_per_epoch", "train_seconds", "turns", "clips", "pretraining", "decay",
        "warmup_steps", "clip_norm", "channels_last", "test_size", "keep",
    )  # fmt: skip
    runs = [find_run(method, "mini/ms3", "compare") for method in METHODS]
    assert len({json.dumps([plain(getattr(run.plan, name)) for name in shared]) for run in runs}) == 1
    encoders = [[f"{n} {tuple(p.shape)}" for n, p in run.model().visual.named_parameters()] for run in runs]  # type: ignore[union-attr]
    assert all(encoder == encoders[0] for encoder in encoders)
    assert runs[0].plan.epochs * (runs[0].plan.steps_per_epoch or 0) == 640


@pytest.mark.parametrize(("method", "data"), KNOWN)
def test_the_recipe_says_which_terms_add_up_over_a_batch(method: str, data: str) -> None:
    """The same clips twice: a sum doubles, a mean stays. Several processes depend on the difference.

    VCT and CPM compare masks in points, which are drawn.
    """
    torch.manual_seed(0)
    near = 2e-2 if method in ("vct", "cpm") else 1e-3
    run = find_run(method, data, "smoke")
    scenes, model = run.clips("train"), run.model().eval()
    once = [scenes[0], scenes[1]]
    batches = [collate(clips, run.front_end()) for clips in (once, once + once)]
    with torch.no_grad():
        predictions = [model(batch) for batch in batches]
    assert predictions[0].logits.shape[2] == run.data.classes
    for criterion, terms in (
        (run.recipe.criterion(), paper_terms(run)),
        (run.criterion(), set(run.loss_weights) - OF_A_STEP),
    ):
        first, second = (criterion(*each) for each in zip(predictions, batches))
        assert first.keys() == terms
        for term in first:
            factor = 2 if term in run.recipe.summed else 1
            assert second[term].item() == pytest.approx(factor * first[term].item(), rel=near), term


@pytest.mark.parametrize(
    "name", [f"{m.name}-{v}" for m in METHODS.values() for v in (*m.variants, *m.recipe_variants)]
)
def test_every_variant_is_a_recipe(name: str) -> None:
    """Its small model gives the terms that its two criteria weigh."""
    run = find_run(name, "mini/ms3", "smoke")
    pvt = {"full-pvt"} if "pvt_v2_b5" in run.method.backbones else set()
    schedules = {"smoke", "reduced", "compare", "full"} | pvt
    own = {"full-original", "full-swin", "full-swin-384"}
    assert run.title == name and set(run.recipe.schedules) - own == schedules
    asked = run.method.changes(run.variant)
    assert run.plan.model.keywords.items() >= asked.items()  # type: ignore[attr-defined]
    learner = run.learner()
    batch = collate([run.clips("train")[0]] * 2, run.front_end())
    terms = learner(batch, Clock(0, 0, 1))
    assert terms.keys() == run.loss_weights.keys()
    assert all(torch.isfinite(term) for term in terms.values())
    assert run.recipe.criterion()(learner.model(batch), batch).keys() == paper_terms(run)


@pytest.mark.parametrize("method", METHODS)
def test_seeds_move_training_scenes_only_and_folds_all(method: str) -> None:
    def picture(split: str, fold: int, seed: int) -> torch.Tensor:
        return find_run(method, "mini/ms3", "smoke", fold=fold, seed=seed).clips(split)[0].frames

    assert not torch.equal(picture("train", 0, 0), picture("train", 0, 1))
    assert torch.equal(picture("test", 0, 0), picture("test", 0, 1))
    assert not torch.equal(picture("test", 0, 0), picture("test", 1, 0))
    assert not torch.equal(picture("test", 0, 0), picture("test-seen", 0, 0))


@pytest.mark.parametrize("method", [name for name in METHODS if name != "tpavi"])
def test_smoke_runs(method: str, tmp_path: Path) -> None:
    """TPAVI's has tests of its own, which also resume it."""
    record = train(find_run(method, "mini/ms3", "smoke"), out=tmp_path)
    told = {"train"} if method == "cpm" else set()  # how stable its matching was
    assert record.metrics.keys() == {"test", "test-seen"} | told
    assert set(record.counterfactual) == set(SOUNDS)


def test_published_numbers_are_of_known_data() -> None:
    for method in METHODS.values():
        for row in method.published:
            assert row.data in DATASETS and all(0 < value < 1 for value in row.metrics.values())
