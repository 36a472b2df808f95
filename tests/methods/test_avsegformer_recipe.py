"""AVSegFormer's recipes: the paper's numbers and the code's, the rows of Table 2, and smoke for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from avslib.data import collate
from avslib.errors import UserError
from avslib.methods import ABLATIONS, PUBLISHED, find_recipe
from avslib.methods.avsegformer.recipe import AUTHORS, TABLE_2, build
from avslib.methods.run import Run
from avslib.training.loop import train


class NoEncoder(nn.Module):
    """Stands where an encoder would be, and only has its channels."""

    channels = (256, 512, 1024, 2048)


def paper_size(**changes: Any) -> float:
    """Millions of parameters without both encoders."""
    model = build(NoEncoder(), nn.Identity(), **changes)
    return sum(p.numel() for p in model.parameters()) / 1e6


def test_the_authors_model_has_the_reference_s_parameters() -> None:
    """33.157 M of head and 0.033 M of audio_proj, without 2.102 M that never see a gradient."""
    assert paper_size(**AUTHORS) == pytest.approx(33.157 + 0.033 - 1.770 - 0.332, abs=2e-3)


def test_paper_and_code_are_told_apart() -> None:
    for data, size, clips in (("mini/s4", 512, 2), ("mini/ms3", 512, 2), ("mini/avss", 224, 4)):
        recipe = find_recipe("avsegformer", data)
        paper, code = recipe.schedule("full"), recipe.schedule("authors")
        assert (paper.size, paper.batch_size) == (224, 4)
        assert (code.size, code.batch_size) == (size, clips)
        assert paper.epochs == code.epochs == (60 if data == "mini/ms3" else 30)
        assert paper.optimiser.lr == code.optimiser.lr == 2e-5
        assert (paper.frozen_epochs, code.frozen_epochs) == (0, {"mini/s4": 5, "mini/ms3": 10}.get(data, 0))
        assert recipe.weights == {"mask": 1.0, "intermediate": 0.1}


def test_both_backbones_and_all_tasks() -> None:
    for data in ("avsbench/s4", "avsbench/ms3", "avss"):
        recipe = find_recipe("avsegformer", data, data_dir="anywhere")
        for name in ("full", "full-pvt", "authors", "authors-pvt"):
            wanted = recipe.schedule(name).model.keywords  # type: ignore[attr-defined]
            assert wanted["backbone"] == ("pvt_v2_b5" if "pvt" in name else "resnet50")
            assert wanted["classes"] == (71 if data == "avss" else 1)
    rows = [(row.data, row.backbone) for row in PUBLISHED["avsegformer"]]
    assert len(rows) == 12 and all("pixels" in row.source for row in PUBLISHED["avsegformer"])


@pytest.mark.parametrize("row", TABLE_2)
def test_every_row_of_table_2_is_a_recipe(row: str) -> None:
    recipe = find_recipe(f"avsegformer-{row}", "mini/ms3")
    assert recipe.name in ABLATIONS and set(recipe.schedules) == {"smoke", "reduced", "full", "full-pvt"}
    plan = recipe.schedule("smoke")
    scenes = recipe.datasets("train", plan, 0, 0)
    batch = collate([scenes[0]], recipe.front_end())
    model = plan.model()
    for criterion, weights in ((recipe.criterion(), recipe.weights), (plan.criterion(), plan.weights)):  # type: ignore[misc]
        terms = criterion(model(batch), batch)
        assert terms.keys() == weights.keys()
        assert all(torch.isfinite(term) for term in terms.values())


def test_semantic_labels(tmp_path: Path) -> None:
    recipe = find_recipe("avsegformer", "mini/avss")
    plan = recipe.schedule("smoke")
    batch = collate([recipe.datasets("train", plan, 0, 0)[0]], recipe.front_end())
    prediction = plan.model()(batch)
    assert prediction.logits.shape[2] == 9
    assert plan.criterion()(prediction, batch).keys() == plan.weights.keys()  # type: ignore[misc]


def test_unknown_names_are_told() -> None:
    with pytest.raises(UserError, match="choose one of: mini/ms3"):
        find_recipe("avsegformer", "s4")
    with pytest.raises(UserError, match="unknown recipe 'avsegformer-no-ears'"):
        find_recipe("avsegformer-no-ears", "mini/ms3")


def test_smoke_runs(tmp_path: Path) -> None:
    record = train(Run(find_recipe("avsegformer", "mini/ms3"), "smoke"), out=tmp_path)
    assert record.metrics.keys() == {"test", "test-seen"}
    assert set(record.listening) == {"right", "silence", "noise", "absent", "visible", "mirrored"}
