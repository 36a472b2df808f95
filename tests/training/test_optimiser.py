"""Optimisers and learning rates, against values computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import toy

from avslib.errors import UserError
from avslib.methods import Optimiser, Schedule
from avslib.training.optimiser import build_optimiser, learning_rate, set_learning_rate

PLAN = Schedule(
    model=toy.ToyModel, optimiser=Optimiser("adam", lr=0.1), epochs=1, batch_size=1, size=16, warmup_steps=4
)


def test_warm_up_then_constant_or_cosine() -> None:
    assert [learning_rate(PLAN, s, 10) for s in (0, 1, 3, 4, 9)] == pytest.approx(
        [0.025, 0.05, 0.1, 0.1, 0.1]
    )
    cosine = replace(PLAN, decay="cosine")
    assert [learning_rate(cosine, s, 10) for s in (3, 4, 7, 10)] == pytest.approx([0.1, 0.1, 0.05, 0.0])


def test_each_group_gets_its_factor() -> None:
    model = toy.ToyModel()
    model.head.weight.requires_grad_(False)
    optimiser = build_optimiser(model, Optimiser("adamw", 0.1, weight_decay=0.3, lr_scale={"audio.": 0.5}))
    set_learning_rate(optimiser, 0.02)
    rate = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert rate[id(model.audio.layer.weight)] == pytest.approx(0.01)
    assert rate[id(model.visual.weight)] == pytest.approx(0.02)
    assert id(model.head.weight) not in rate
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.3}


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_the_recipe_chooses_the_optimiser(name: str, kind: type[torch.optim.Optimizer]) -> None:
    assert type(build_optimiser(toy.ToyModel(), Optimiser(name, 0.1))) is kind  # type: ignore[arg-type]


def test_a_misspelt_part_is_refused() -> None:
    with pytest.raises(UserError, match="lr_scale names 'visaul'"):
        build_optimiser(toy.ToyModel(), Optimiser("sgd", 0.1, lr_scale={"visaul": 0.1}))
