"""The PCMANet recipes: the paper's numbers, the authors', and the rows of Table IV."""

from __future__ import annotations

import pytest

from avslib.errors import UserError
from avslib.methods import ABLATIONS, find_recipe
from avslib.methods.pcmanet.recipe import DEVIATIONS, PUBLISHED, TABLE_IV, VARIANTS, recipe


@pytest.mark.parametrize(
    ("data", "epochs", "groups", "classes"), [("s4", 15, 4, 1), ("ms3", 30, 8, 1), ("avss", 60, 8, 71)]
)
def test_the_papers_numbers_and_the_authors(data: str, epochs: int, groups: int, classes: int) -> None:
    name = data if data == "avss" else f"avsbench/{data}"
    plans = recipe(name).schedules
    for suffix, backbone, code_groups in (("", "resnet50", groups), ("-pvt", "pvt_v2_b5", 8)):
        paper, authors = (plans[f"{kind}{suffix}"] for kind in ("full", "authors"))
        assert (paper.epochs, paper.batch_size, paper.size, paper.optimiser.lr) == (epochs, 4, 224, 1e-4)
        assert paper.model.keywords == {"backbone": backbone, "classes": classes}  # type: ignore[attr-defined]
        switches = {"backbone": backbone, "classes": classes, "groups": code_groups, **DEVIATIONS["authors"]}
        assert authors.model.keywords == switches  # type: ignore[attr-defined]
    assert recipe(name).weights == dict.fromkeys(("stage1", "stage2", "stage3", "stage4"), 1.0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_changes_the_small_model_and_the_papers(variant: str) -> None:
    found = find_recipe(f"pcmanet-{variant}", "mini/ms3")
    assert found.name == f"pcmanet-{variant}" in ABLATIONS and not found.published
    plain = dict(find_recipe("pcmanet", "mini/ms3").schedule("smoke").model().named_parameters())
    model = found.schedule("smoke").model()
    assert VARIANTS[variant].items() <= found.schedule("full").model.keywords.items()  # type: ignore[attr-defined]
    smaller = {"baseline", "no-cross-attention", "no-continuity"}
    assert (len(list(model.parameters())) < len(plain)) == (variant in smaller)


def test_the_tables_rows() -> None:
    assert len(TABLE_IV) == 5 and len(PUBLISHED) == 6, "the sixth row of Table IV is the model itself"
    with pytest.raises(UserError, match="choose one of: mini/ms3"):
        recipe("vpo")
