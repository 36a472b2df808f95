from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from avslib.errors import UserError
from avslib.methods.key_map import KeyMap
from avslib.methods.tpavi import checkpoint as tpavi

GOLDEN = Path(__file__).parent.parent / "golden"

SMALL = KeyMap(
    [("enc{stage}.{n}.mlp.inner.", "stages.{stage}.{n}.inner."), ("enc{stage}.", "stages.{stage}.")],
    dead=("spare.",),
)


def names(backbone: str) -> list[str]:
    if backbone == "resnet":
        return list(json.loads((GOLDEN / "tpavi_resnet_s4_224.json").read_text(encoding="utf-8"))["keys"])
    return [
        line.split()[0]
        for line in (GOLDEN / "tpavi_pvt_s4_keys.txt").read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize("backbone", ["resnet", "pvt"])
def test_every_name_of_the_authors_has_one_of_ours(backbone: str) -> None:
    alive = [name for name in names(backbone) if not name.startswith(tpavi.KEY_MAP.dead)]
    ours = [tpavi.KEY_MAP.ours(name) for name in alive]
    assert None not in ours and len(set(ours)) == len(alive)
    assert [tpavi.KEY_MAP.theirs(name) for name in ours if name] == alive


def test_the_first_pair_that_fits_and_the_two_ways_of_counting() -> None:
    assert SMALL.ours("enc3.7.mlp.inner.weight") == "stages.2.7.inner.weight"
    assert SMALL.ours("enc3.7.mlp.outer.weight") == "stages.2.7.mlp.outer.weight"
    assert SMALL.theirs("stages.2.7.inner.weight") == "enc3.7.mlp.inner.weight"
    assert SMALL.ours("x.enc3.weight") is None


def test_translation_sorts_the_names() -> None:
    state = {name: torch.zeros(1) for name in ("enc1.w", "spare.w", "spare.b", "other.w")}
    translation = SMALL.translate(state)
    assert list(translation.state) == ["stages.0.w"]
    assert translation.dead == {"spare.": 2} and translation.unknown == ("other.w",)
    assert str(translation) == "1 tensors; never used by the authors' model: spare.* (2)"


def test_loading_drops_axes_of_one_and_names_what_is_wrong() -> None:
    model = nn.Module()
    model.stages = nn.ModuleList([nn.Linear(2, 3), nn.BatchNorm1d(3)])
    norm = {f"enc2.{n}": torch.ones(3) for n in ("weight", "bias", "running_mean", "running_var")}
    state = {"enc1.weight": torch.ones(3, 2, 1, 1, 1), "enc1.bias": torch.ones(3), **norm}
    SMALL.load(model, state)
    assert model.stages[0].weight.sum() == 6  # type: ignore[union-attr,operator]
    wrong = {**state, "enc1.bias": torch.ones(3, 2), "enc9.bias": torch.ones(1), "odd": torch.ones(1)}
    del wrong["enc2.weight"]
    with pytest.raises(UserError) as error:
        SMALL.load(model, wrong)
    for text in ("enc2.weight is missing", "enc9.bias has no place", "enc1.bias is (3, 2)", "odd is unknown"):
        assert text in str(error.value)
