"""AVSegFormer's recipe: the paper's numbers and the code's, and the rows of Table 2."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from avslib.methods import METHODS
from avslib.methods.avsegformer.build import build
from avslib.methods.avsegformer.recipe import AUTHORS, PUBLISHED, TABLE_2
from avslib.methods.resolve import find_run


class NoEncoder(nn.Module):
    """Stands where an encoder would be, and only has its channels."""

    channels = (256, 512, 1024, 2048)


def paper_size(**changes: Any) -> float:
    """Millions of parameters without both encoders."""
    model = build(visual=NoEncoder(), audio=nn.Identity(), **changes)
    return sum(p.numel() for p in model.parameters()) / 1e6


def test_the_authors_model_has_the_reference_s_parameters() -> None:
    """33.157 M of head and 0.033 M of audio_proj, without 2.102 M that never see a gradient."""
    assert paper_size(**AUTHORS) == pytest.approx(33.157 + 0.033 - 1.770 - 0.332, abs=2e-3)


@pytest.mark.parametrize(
    ("data", "size", "clips", "epochs", "frozen"),
    [
        ("mini/s4", 512, 2, 30, 5), ("mini/ms3", 512, 2, 60, 10), ("mini/avss", 224, 4, 30, 0),
        ("avsbench/s4", 512, 2, 30, 5), ("avsbench/ms3", 512, 2, 60, 10), ("avss", 224, 4, 30, 0),
    ],
)  # fmt: skip
def test_paper_and_code_are_told_apart(data: str, size: int, clips: int, epochs: int, frozen: int) -> None:
    recipe = find_run("avsegformer", data).recipe
    for suffix in ("", "-pvt"):
        paper, code = (recipe.schedules[f"{kind}{suffix}"] for kind in ("full", "authors"))
        assert (paper.size, paper.batch_size) == (224, 4)
        assert (code.size, code.batch_size) == (size, clips)
        assert paper.epochs == code.epochs == epochs
        assert paper.optimiser.lr == code.optimiser.lr == 2e-5
        assert (paper.frozen_epochs, code.frozen_epochs) == (0, frozen)
    assert recipe.loss_weights == {"mask": 1.0, "intermediate": 0.1}


def test_both_backbones_and_all_tasks() -> None:
    for data in ("avsbench/s4", "avsbench/ms3", "avss"):
        recipe = find_run("avsegformer", data).recipe
        for name in ("full", "full-pvt", "authors", "authors-pvt"):
            wanted = recipe.schedules[name].model.keywords  # type: ignore[attr-defined]
            assert wanted["backbone"] == ("pvt_v2_b5" if "pvt" in name else "resnet50")
            assert wanted["classes"] == (71 if data == "avss" else 1)
    assert METHODS["avsegformer"].published == PUBLISHED and len(PUBLISHED) == 12
    assert all("pixels" in row.source for row in PUBLISHED)


def test_the_rows_of_table_2_are_its_variants() -> None:
    assert METHODS["avsegformer"].variants == TABLE_2 and len(TABLE_2) == 8


@pytest.mark.parametrize("row", ["no-reformer", "no-mixer"])
def test_without_a_reformer_nothing_weighs_its_masks(row: str) -> None:
    run = find_run(f"avsegformer-{row}", "mini/ms3", "smoke")
    for weights in (run.loss_weights, run.recipe.loss_weights):
        assert ("intermediate" in weights) == (row == "no-mixer")
