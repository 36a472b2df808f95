"""VCT's recipe: the published numbers, the code's, and what the variants change."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from avslib.audio.frontends import VGGishLogMel
from avslib.data.loading.augment import random_mirror
from avslib.data.registry import DATASETS
from avslib.methods import METHODS
from avslib.methods.method import Optimiser
from avslib.methods.resolve import find_run
from avslib.methods.vct.build import build
from avslib.methods.vct.criterion import VCTCriterion
from avslib.methods.vct.prompting import AudioPrototypePrompt, SoundPrompt
from avslib.methods.vct.recipe import LOSS, PUBLISHED, TABLE_3_AND_4, VARIANTS

BINARY = ("avsbench/s4", "avsbench/ms3", "mini/ms3", "mini/s4")
SEMANTIC = ("avss", "mini/avss")
SIZES = {"full": 224, "full-pvt": 224, "full-swin": 224, "full-swin-384": 384}


def paper_model(data: str, variant: str = "", schedule: str = "full") -> Any:
    """Its shapes alone."""
    with torch.device("meta"):
        return find_run(f"vct{variant}", data, schedule).model(pretrained=False)


@pytest.mark.parametrize("data", BINARY + SEMANTIC)
def test_the_codes_optimiser_and_combos_length(data: str) -> None:
    recipe = find_run("vct", data).recipe
    for name, size in SIZES.items():
        plan = recipe.schedules[name]
        assert plan.optimiser == Optimiser(
            "adamw", lr=1e-4, weight_decay=0.05, lr_scale={"visual.": 0.1}, decay_norms=False
        )
        assert (plan.size, plan.clip_norm, plan.decay) == (size, 0.01, "polynomial")
        assert plan.augment == random_mirror
        assert plan.model.keywords["grid"] == size // 4  # type: ignore[attr-defined]
        assert recipe.schedules[name.replace("full", "authors")].size == size
    assert recipe.front_end is VGGishLogMel


@pytest.mark.parametrize(
    ("data", "backbone", "steps", "batch"),
    [
        ("avsbench/s4", "", 90_000, 8), ("avsbench/s4", "-swin-384", 45_000, 2), ("avsbench/ms3", "-pvt", 20_000, 8),
        ("avsbench/ms3", "-swin", 40_000, 2), ("avss", "", 90_000, 8), ("avss", "-swin-384", 45_000, 8),
        ("mini/ms3", "", 20_000, 8), ("mini/avss", "-swin-384", 45_000, 8),
    ],
)  # fmt: skip
def test_how_long(data: str, backbone: str, steps: int, batch: int) -> None:
    """To within an epoch: the last step of one has fewer clips."""
    plan = find_run("vct", data, f"full{backbone}").plan
    clips = {"avsbench/s4": 3452, "avsbench/ms3": 286, "avss": 8498}.get(data, 250 * batch)
    assert plan.batch_size == batch and plan.epochs == pytest.approx(steps * batch / clips, rel=0.02)
    assert plan.steps_per_epoch == (250 if data.startswith("mini") else None)


@pytest.mark.parametrize("data", BINARY + SEMANTIC)
def test_prototypes_are_of_classes(data: str) -> None:
    run = find_run("vct", data)
    criterion = run.recipe.criterion()
    assert isinstance(criterion, VCTCriterion)
    assert (criterion.prototypes is not None) == (data in SEMANTIC)
    assert run.recipe.loss_weights == LOSS | ({"prototypes": 1.0} if data in SEMANTIC else {})
    if data.startswith("mini"):
        dice = 10 if data in BINARY else 5
        assert run.recipe.schedules["reduced"].loss_weights == run.recipe.loss_weights | {"dice": dice}
    generator = paper_model(data).generator
    if data in BINARY:
        assert generator.prompt is None and generator.grouping is not None
    else:
        assert len(generator.prompt.prototypes) == DATASETS[data].classes


@pytest.mark.parametrize(
    ("schedule", "backbone"), [("full", "resnet50"), ("full-pvt", "pvt_v2_b5"), ("full-swin-384", "swin_b")]
)
def test_the_size_of_the_network(schedule: str, backbone: str) -> None:
    model = paper_model("avss", schedule=schedule)
    assert model.visual.name == backbone and model.siam is None
    assert (len(model.places), model.sound_grid, model.hear[0].in_features) == (100, (6, 4), 512)
    assert (len(model.decoder.layers), model.order, model.learned) == (9, (0, 1, 2, 3), None)


def test_the_codes_network_has_other_formulas() -> None:
    model, code = (paper_model("avss", schedule=name).generator for name in ("full", "authors"))
    assert (model.prompt.attention.num_heads, code.prompt.attention.num_heads) == (1, 4)
    assert isinstance(code.prompt.norm, torch.nn.LayerNorm)
    assert (model.grouping.scale, model.grouping.spare) == (1.0, 0.0)
    assert (code.grouping.scale, code.grouping.spare) == (1 / 16, 1.0)
    assert paper_model("avss", schedule="authors").learned is not None


@pytest.mark.parametrize("data", ["mini/ms3", "mini/avss"])
def test_audio_queries(data: str) -> None:
    for schedule in ("smoke", "full"):
        run = find_run("vct-act", data, schedule)
        model = run.model(pretrained=False) if schedule == "smoke" else paper_model(data, "-act")
        assert model.generator is None and model.space is None and model.learned is not None
        assert model.order == (1, 2, 3), "the sound is in the queries, not among what they look at"
        assert run.loss_weights.keys() == LOSS.keys()


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_change_the_generator_alone(variant: str) -> None:
    run, plain = (find_run(name, "mini/avss", "smoke") for name in (f"vct-{variant}", "vct"))
    generator = paper_model("mini/avss", f"-{variant}").generator
    compares = variant == "no-loss"
    assert ("prototypes" in run.loss_weights) is False
    assert (run.criterion().prototypes is None) and plain.criterion().prototypes is not None
    if variant in TABLE_3_AND_4 and not compares:
        assert isinstance(generator.prompt, AudioPrototypePrompt if variant == "replace" else SoundPrompt)
    if variant != "act":
        assert (generator.grouping is None) == (variant == "naive")
    assert not [name for name in run.recipe.schedules if name.startswith("authors")]
    assert run.config() != plain.config()


def test_the_tables_rows() -> None:
    method = METHODS["vct"]
    assert method.build is build and method.published == PUBLISHED and len(PUBLISHED) == 13
    assert method.variants == VARIANTS and len(VARIANTS) == 9
    for row in PUBLISHED:
        assert row.schedule in find_run("vct", row.data).recipe.schedules
        assert ("README" in row.source) == (row.schedule == "authors-swin-384")
