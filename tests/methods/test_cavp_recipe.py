"""CAVP's recipe: the paper's numbers, the authors', and what the variants change."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from avslib.audio.frontends import CavpLogMel
from avslib.data.loading.augment import random_mirror
from avslib.data.registry import DATASETS
from avslib.encoders.resnet_audio import ResNetAudio
from avslib.methods import METHODS
from avslib.methods.cavp.build import build
from avslib.methods.cavp.learner import PairingLearner
from avslib.methods.cavp.recipe import FIGURE_6, PUBLISHED, TRAINING
from avslib.methods.learner import Learner
from avslib.methods.method import Optimiser
from avslib.methods.resolve import find_run
from avslib.methods.run import Run

VPO = ("vpo-ss", "vpo-ms", "vpo-msmi")
BINARY = ("avsbench/s4", "avsbench/ms3", "mini/ms3", "mini/s4")
SEMANTIC = ("avss", "mini/avss", "mini/vpo-ms", *VPO)


def paper_model(data: str, variant: str = "", schedule: str = "full") -> Any:
    """Its shapes alone."""
    with torch.device("meta"):
        return find_run(f"cavp{variant}", data, schedule).model(pretrained=False)


@pytest.mark.parametrize("data", [*BINARY[:2], *SEMANTIC])
def test_the_papers_numbers(data: str) -> None:
    recipe = find_run("cavp", data).recipe
    for name in ("full", "full-pvt", "full-original"):
        plan = recipe.schedules[name]
        assert (
            plan.optimiser == Optimiser("sgd", lr=1e-3, weight_decay=5e-4) and plan.optimiser.momentum == 0.9
        )
        assert (plan.epochs, plan.batch_size, plan.decay, plan.power) == (80, 16, "polynomial", 0.9)
        assert (plan.warmup_steps, plan.clip_norm, plan.augment) == (0, None, random_mirror)
        assert (plan.size, plan.test_size) == ((512, "own") if name == "full-original" else (224, None))
        assert plan.model.keywords["backbone"] == ("pvt_v2_b5" if name == "full-pvt" else "resnet50")  # type: ignore[attr-defined]
        assert plan.criterion is None and not plan.loss_weights, "the recipe's"
    contrast: Any = recipe.criterion()
    assert (contrast.kind, contrast.contrast.views, contrast.contrast.temperature) == ("pairing", 512, 0.1)
    assert (contrast.contrast.mismatched, contrast.contrast.skips_rare) == (True, False)


@pytest.mark.parametrize("data", [*BINARY, *SEMANTIC])
def test_the_contrast_weighs_less_on_binary_masks_and_knows_no_bank_there(data: str) -> None:
    recipe, binary = find_run("cavp", data, "smoke").recipe, data in BINARY
    assert recipe.loss_weights == {"mask": 1.0, "contrast": 0.1 if binary else 1.0}
    assert recipe.learner.keywords["matching"] == (0.0 if binary else 0.5)  # type: ignore[attr-defined]
    for name in ("smoke", "reduced", "compare"):
        weights = {"mask": 1.0, "overlap": 1.5, "response": 3.0, "contrast": 0.1}
        assert recipe.schedules[name].loss_weights == weights, "not the paper's: minutes have to do"


@pytest.mark.parametrize(("data", "decay"), [("avss", 1e-4), ("avsbench/s4", 1e-4), ("vpo-ms", 5e-4)])
def test_the_authors_numbers(data: str, decay: float) -> None:
    run = find_run("cavp", data, "authors")
    for plan in (run.plan, run.recipe.schedules["authors-pvt"]):
        scales = {"pyramid.": 10.0, "low.": 10.0, "head.": 10.0}
        assert plan.optimiser == Optimiser(
            "sgd", lr=1e-3, weight_decay=decay, lr_scale=scales, decay_norms=False
        )
        assert plan.criterion is not None and plan.criterion().contrast.skips_rare  # type: ignore[attr-defined]
        assert (plan.epochs, plan.batch_size, plan.size) == (80, 16, 224)
    assert {name.split(".")[0] for name, _ in paper_model(data).named_parameters()} > {
        "pyramid",
        "low",
        "head",
    }


@pytest.mark.parametrize("data", [*VPO, "mini/vpo-msmi"])
def test_vpo_is_seen_at_stride_8_and_heard_with_two_ears(data: str) -> None:
    for variant, channels in (("", 2), ("-mono", 1)):
        model, run = paper_model(data, variant), find_run(f"cavp{variant}", data, "smoke")
        assert isinstance(model.audio, ResNetAudio) and model.audio.net.conv1.in_channels == channels
        assert model.visual.net.layer3[0].conv2.stride == (1, 1)
        assert hears(run) == (int(DATASETS[data].sound_seconds), channels)
        assert run.model().audio.features[0][0].in_channels == channels, "and so the small one"  # type: ignore[union-attr,index]


@pytest.mark.parametrize("data", ["avss", "avsbench/ms3"])
def test_avsbench_is_seen_at_stride_16_and_heard_by_vggish(data: str) -> None:
    model = paper_model(data)
    assert (model.visual.name, type(model.audio).__name__) == ("deeplab_resnet50", "VGGish")
    assert model.visual.net.layer3[0].conv2.stride == (2, 2) and not model.audio.frozen
    assert model.attend.hear.in_features == model.audio.dim == 304
    assert hears(find_run("cavp", data)) == (1, 1)
    assert model.head.classify.out_channels == DATASETS[data].classes
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(114.8e6, rel=2e-3), (
        "the authors' 119.8 M, without 5 M that nothing uses"
    )


def test_the_authors_pvt_is_narrow() -> None:
    model = paper_model("avss", schedule="full-pvt")
    assert (model.visual.name, model.attend.query.in_features) == ("pvt_v2_b5", 112)


def hears(run: Run) -> tuple[int, int | None]:
    """Seconds and channels of the sound of a frame."""
    front_end = run.front_end()
    assert isinstance(front_end, CavpLogMel)
    shape = run.recipe.learner.keywords.get("sound_shape") if run.recipe.learner is not Learner else None  # type: ignore[attr-defined]
    assert shape in (None, (front_end.channels, front_end.windows, 64)), "the bank keeps what is heard"
    return front_end.seconds, front_end.channels


@pytest.mark.parametrize("variant", FIGURE_6)
def test_figure_6_changes_the_activation(variant: str) -> None:
    for schedule in ("smoke", "full"):
        keywords = find_run(f"cavp-{variant}", "mini/avss", schedule).plan.model.keywords  # type: ignore[attr-defined]
        plain = find_run("cavp", "mini/avss", schedule).plan.model.keywords  # type: ignore[attr-defined]
        assert keywords["activation"] == variant and "activation" not in plain
    assert paper_model("avss", f"-{variant}").attend.activation == variant
    terms = find_run(f"cavp-{variant}", "mini/avss", "smoke").loss_weights
    assert ("response" in terms) == (variant != "channel"), "channels have no response of places"


@pytest.mark.parametrize("variant", TRAINING)
def test_the_other_variants_leave_the_model(variant: str) -> None:
    run, plain = (find_run(name, "mini/vpo-ms", "smoke") for name in (f"cavp-{variant}", "cavp"))
    contrast, learner = run.criterion().kind, run.learner()  # type: ignore[attr-defined]
    assert contrast == {"no-contrast": None, "supcon": "supcon"}.get(variant, "pairing")
    assert run.recipe.criterion().kind == contrast  # type: ignore[attr-defined]
    assert (
        ("contrast" in run.loss_weights) == ("contrast" in run.recipe.loss_weights) == (contrast is not None)
    )
    assert isinstance(learner, PairingLearner) == (contrast is not None)
    if isinstance(learner, PairingLearner):
        assert learner.matching == {"matching-10": 0.1, "matching-90": 0.9}.get(variant, 0.5)
        assert learner.criterion.contrast.mismatched == (variant != "supcon")  # type: ignore[attr-defined]
    shapes = [{n: p.shape for n, p in parts(r).items()} for r in (run, plain)]
    assert (shapes[0] == shapes[1]) == (variant != "mono")
    assert not [name for name in run.recipe.schedules if name.startswith("authors")]
    assert run.config() != plain.config()


def parts(run: Run) -> dict[str, nn.Parameter]:
    return dict(run.model().named_parameters())


def test_the_tables_rows() -> None:
    method = METHODS["cavp"]
    assert method.build is build and method.published == PUBLISHED and len(PUBLISHED) == 6
    assert method.variants == FIGURE_6 and method.recipe_variants == TRAINING
    for row in PUBLISHED:
        assert row.schedule in find_run("cavp", row.data).recipe.schedules
        assert row.data.startswith("vpo") == (row.schedule == "full-original")
