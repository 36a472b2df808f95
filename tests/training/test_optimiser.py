"""Optimisers and learning rates, against values computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import toy
from torch import nn

from avslib.errors import UserError
from avslib.methods.learner import Learner
from avslib.methods.method import Optimiser, Schedule
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


def test_what_is_left_to_a_power() -> None:
    """0.1 (1 - (s - 4) / 10)^power after the warm-up, by hand; 1 would be a line, 0 a constant."""
    polynomial = replace(PLAN, decay="polynomial")
    assert [learning_rate(polynomial, s, 14) for s in (0, 3)] == pytest.approx([0.025, 0.1])
    # 0.5^0.9 = 0.535887, 0.2^0.9 = 0.234924, 0.1^0.9 = 0.125893
    rates = [learning_rate(polynomial, s, 14) for s in (4, 9, 12, 13, 14)]
    assert rates == pytest.approx([0.1, 0.0535887, 0.0234924, 0.0125893, 0.0], abs=1e-7)
    line, square = (replace(polynomial, power=power) for power in (1.0, 2.0))
    assert [learning_rate(line, s, 14) for s in (4, 9, 13)] == pytest.approx([0.1, 0.05, 0.01])
    assert [learning_rate(square, s, 14) for s in (4, 9, 13)] == pytest.approx([0.1, 0.025, 0.001])
    without_warm_up = replace(polynomial, warmup_steps=0)
    assert [learning_rate(without_warm_up, s, 10) for s in (0, 5)] == pytest.approx(
        [0.1, 0.0535887], abs=1e-7
    )


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


class Mixed(nn.Module):
    """A layer, each kind of norm, and an embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.GroupNorm(2, 4))
        self.norm = nn.LayerNorm(4)
        self.queries = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 1)


def groups_of(optimiser: torch.optim.Optimizer, model: nn.Module) -> dict[str, tuple[float, float]]:
    """{parameter: (factor, weight decay)}; each is in one group."""
    names = {p: name for name, p in model.named_parameters()}
    found = [(names[p], g["factor"], g["weight_decay"]) for g in optimiser.param_groups for p in g["params"]]
    assert len(found) == len(names)
    return {name: (factor, decay) for name, factor, decay in found}


def test_norms_and_embeddings_can_be_kept_from_decay() -> None:
    model = Mixed()
    spec = Optimiser("adamw", 0.1, weight_decay=0.3, lr_scale={"visual.": 0.5}, decay_norms=False)
    found = groups_of(build_optimiser(model, spec), model)
    assert found == {
        "visual.0.weight": (0.5, 0.3), "visual.0.bias": (0.5, 0.3),
        "visual.1.weight": (0.5, 0.0), "visual.1.bias": (0.5, 0.0),
        "visual.2.weight": (0.5, 0.0), "visual.2.bias": (0.5, 0.0),
        "norm.weight": (1.0, 0.0), "norm.bias": (1.0, 0.0), "queries.weight": (1.0, 0.0),
        "head.weight": (1.0, 0.3), "head.bias": (1.0, 0.3),
    }  # fmt: skip
    everything = groups_of(build_optimiser(model, replace(spec, decay_norms=True)), model)
    assert {decay for _, decay in everything.values()} == {0.3}


def test_a_parameter_without_decay_does_not_shrink() -> None:
    model = Mixed()
    optimiser = build_optimiser(model, Optimiser("sgd", 0.1, weight_decay=0.5, decay_norms=False))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.equal(model.norm.weight, before["norm.weight"])
    assert torch.equal(model.queries.weight, before["queries.weight"])
    torch.testing.assert_close(model.head.weight, 0.95 * before["head.weight"])  # 1 - 0.1 x 0.5


class WithTemperature(Learner):
    """A learner with a parameter of its own."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model=model, criterion=toy.criterion)
        self.temperature = nn.Parameter(torch.ones(()))


def test_a_learner_s_model_goes_by_its_own_names() -> None:
    learner = WithTemperature(toy.ToyModel())
    spec = Optimiser("adamw", 0.1, weight_decay=0.3, lr_scale={"audio.": 0.5, "temperature": 0.1})
    found = groups_of(build_optimiser(learner, spec), learner)
    assert {name: factor for name, (factor, _) in found.items()} == {
        "temperature": 0.1, "model.audio.layer.weight": 0.5, "model.audio.layer.bias": 0.5,
        "model.visual.weight": 1.0, "model.visual.bias": 1.0, "model.head.weight": 1.0, "model.head.bias": 1.0,
    }  # fmt: skip
    with pytest.raises(UserError, match=r"lr_scale names 'model\.audio\.'"):
        build_optimiser(learner, replace(spec, lr_scale={"model.audio.": 0.5}))
    plain = Learner(model=toy.ToyModel(), criterion=toy.criterion)
    assert len(build_optimiser(plain, Optimiser("adam", 0.1, lr_scale={"audio.": 0.5})).param_groups) == 2
