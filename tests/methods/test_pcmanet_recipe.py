"""PCMANet's recipe: the paper's numbers, the authors', and the rows of Table IV."""

from __future__ import annotations

import pytest

from avslib.methods import METHODS
from avslib.methods.pcmanet.model import PCMANet
from avslib.methods.pcmanet.recipe import DEVIATIONS, PUBLISHED, TABLE_IV, VARIANTS
from avslib.methods.resolve import find_run


@pytest.mark.parametrize(
    ("data", "epochs", "groups", "classes"),
    [("avsbench/s4", 15, 4, 1), ("avsbench/ms3", 30, 8, 1), ("avss", 60, 8, 71), ("vpo-ss", 60, 8, 22)],
)
def test_the_papers_numbers_and_the_authors(data: str, epochs: int, groups: int, classes: int) -> None:
    recipe = find_run("pcmanet", data).recipe
    for suffix, backbone, code_groups in (("", "resnet50", groups), ("-pvt", "pvt_v2_b5", 8)):
        paper, authors = (recipe.schedules[f"{kind}{suffix}"] for kind in ("full", "authors"))
        assert (paper.epochs, paper.batch_size, paper.size, paper.optimiser.lr) == (epochs, 4, 224, 1e-4)
        switches = {"network": PCMANet, "backbone": backbone, "classes": classes}
        assert paper.model.keywords == switches  # type: ignore[attr-defined]
        switches |= {"groups": code_groups, **DEVIATIONS["authors"]}
        assert authors.model.keywords == switches  # type: ignore[attr-defined]
    assert recipe.loss_weights == dict.fromkeys(("stage1", "stage2", "stage3", "stage4"), 1.0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_changes_the_small_model_and_the_papers(variant: str) -> None:
    run = find_run(f"pcmanet-{variant}", "mini/ms3", "smoke")
    assert (run.title, run.method, run.variant) == (f"pcmanet-{variant}", METHODS["pcmanet"], variant)
    plain = list(find_run("pcmanet", "mini/ms3", "smoke").model().parameters())
    for schedule in ("smoke", "full"):
        wanted = run.recipe.schedules[schedule].model.keywords  # type: ignore[attr-defined]
        assert VARIANTS[variant].items() <= wanted.items()
    smaller = {"baseline", "no-cross-attention", "no-continuity"}
    assert (len(list(run.model().parameters())) < len(plain)) == (variant in smaller)


def test_the_tables_rows() -> None:
    assert len(TABLE_IV) == 5 and len(PUBLISHED) == 6, "the sixth row of Table IV is the model itself"
    assert METHODS["pcmanet"].variants == VARIANTS and METHODS["pcmanet"].published == PUBLISHED
