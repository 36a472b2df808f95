"""CPM's recipe: the rows of its tables, what each data set hears, and what every schedule weighs."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from avslib.audio.frontends import CavpLogMel, VGGishLogMel
from avslib.methods import METHODS
from avslib.methods.cpm.build import build
from avslib.methods.cpm.recipe import LAMBDA, MASK2FORMER, PUBLISHED, TABLE_4, TABLE_5, VARIANTS
from avslib.methods.cpm.sound_map import ResNetSoundMap, VGGishSoundMap
from avslib.methods.cpm.spectrogram import CAVP, VGGISH
from avslib.methods.method import Optimiser
from avslib.methods.resolve import find_run

DATA = ("avsbench/s4", "avsbench/ms3", "avss", "vpo-ms", "vpo-msmi", "mini/ms3", "mini/avss", "mini/vpo-ms")


def paper_model(data: str, variant: str = "") -> Any:
    """Its shapes alone."""
    with torch.device("meta"):
        return find_run(f"cpm{variant}", data, "full").model(pretrained=False)


@pytest.mark.parametrize("data", DATA)
def test_what_a_data_set_hears(data: str) -> None:
    """VPO three seconds of two ears around a still, with the front end of the same authors; AVSBench as everybody."""
    run, vpo = find_run("cpm", data, "full"), "vpo" in data
    front_end = run.front_end()
    assert isinstance(front_end, CavpLogMel if vpo else VGGishLogMel)
    assert run.recipe.learner.keywords["scale"] is (CAVP if vpo else VGGISH)  # type: ignore[attr-defined]
    model = paper_model(data)
    assert isinstance(model.audio, ResNetSoundMap if vpo else VGGishSoundMap)
    sound = front_end(torch.zeros(run.data.sound_channels, 16000 * 5), 16000, frames=1)
    with torch.device("meta"):
        tokens = model.audio(torch.empty(sound.shape))
    assert tokens.shape == (1, model.sound_grid[0] * model.sound_grid[1], 256)


def test_the_network_is_mask2former_s_with_a_decoder_that_hears() -> None:
    model = paper_model("avss")
    assert (len(model.look.layers), len(model.listen.layers), model.learned.shape) == (9, 3, (100, 256))
    assert model.mixtures.means.shape == (72, 3, 256), "71 classes and no object; Table 5: three components"
    assert model.look.classify.norm is not None and model.inference == "best"
    assert (model.mixtures.momentum, model.mixtures.covariance_momentum) == (0.999, 0.999)


@pytest.mark.parametrize("variant", ["", *VARIANTS])
def test_rows_of_the_tables(variant: str) -> None:
    changes = VARIANTS.get(variant, {})
    run = find_run(f"cpm-{variant}" if variant else "cpm", "mini/avss", "smoke")
    model, passes = run.model(pretrained=False), changes.get("passes", ("vcp", "acp", "pcl"))
    components = changes.get("components", 3)
    assert (model.mixtures is None) == (components is None)
    if components is not None:
        assert model.mixtures.components == components  # type: ignore[union-attr]
    assert (model.sound_masks is not None) == bool({"acp", "pcl"} & set(passes))
    weights = run.loss_weights
    assert {n: weights[n] for n in MASK2FORMER} == MASK2FORMER
    assert ("prompted mask" in weights, "recovery" in weights, "contrast" in weights) == (
        "vcp" in passes, "acp" in passes, "pcl" in passes,
    )  # fmt: skip
    assert weights.get("prompted dice", 5.0) == LAMBDA * 5
    assert [scorer().name for scorer in run.recipe.scorers] == ["coverage"]


def test_the_schedules() -> None:
    recipe = find_run("cpm", "avss").recipe
    full, original = recipe.schedules["full"], recipe.schedules["full-original"]
    assert full.optimiser == Optimiser(
        "adamw", lr=1e-4, weight_decay=0.05, lr_scale={"visual.": 0.1}, decay_norms=False
    )
    assert (full.size, original.size, original.test_size) == (224, 512, "own")
    assert recipe.criterion().focal == 2.0 and recipe.criterion().background


def test_the_papers_rows() -> None:
    method = METHODS["cpm"]
    assert method.build is build and method.published == PUBLISHED and len(PUBLISHED) == 7
    assert method.variants == TABLE_4 | TABLE_5 and method.authors is None
    assert {row.data for row in PUBLISHED} == {
        "avsbench/s4", "avsbench/ms3", "avss", "vpo-ss", "vpo-ms", "vpo-msmi",
    }  # fmt: skip
