"""A few training steps are those of the authors' code: every loss, and norms of the weights that come out.

The parity cases compare a model that has been given its weights. Here gradients, criterion, weights of its terms,
optimiser and the batch norms' statistics take part too: a wrong one moves the second loss or a norm. In
float64, because in float32 two runs of one and the same code part after three steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from avslib.methods import METHODS
from avslib.methods.authors_code import AuthorsCode
from avslib.methods.key_map import KeyMap
from avslib.methods.learner import Clock, Learner
from avslib.methods.reference_case import ReferenceCase, Shape, fill
from avslib.methods.resolve import find_run
from avslib.methods.run import Run
from avslib.training.optimiser import build_optimiser
from avslib.types import Batch

GOLDEN = Path(__file__).parent.parent / "golden"
TRACES = (
    "train_tpavi_resnet_s4_64",
    "train_tpavi_resnet_ms3_64",
    "train_avsegformer_resnet_s4_64",
    "train_avsegformer_resnet_ms3_64",
    "train_pcmanet_resnet_s4_224",
)

BRIEFLY = 2
"""Steps of an S4 trace, where MS3 has a whole one: what differs, which frames count, is in the first; its update moves the
second."""

CLOSE = {"tpavi": 5e-9, "avsegformer": 1e-6, "pcmanet": 5e-9}
"""Relative. AVSegFormer, parts of which compute in float32, comes to 8e-8; the others to 7e-11. One
tensor of float32 in TPAVI's interaction moves a norm by 1.5e-8."""


@dataclass(frozen=True)
class Trace:
    """train_*.json: what the authors' code was given, and what it gave.

    case:   the weights, and the inputs of every step, to be drawn
    losses: of each step, before its update;  norms: of some entries of their state dict after the last
    """

    case: ReferenceCase
    optimiser: dict[str, Any]
    losses: list[float]
    norms: dict[str, float]


@pytest.fixture(params=TRACES)
def trace(request: pytest.FixtureRequest) -> Trace:
    path = GOLDEN / f"{request.param}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    size, frames = content["size"], content["frames"]
    shapes = {
        "frames": (frames, 3, size, size),
        "audio128": (frames, 128),
        "logmel": (frames, 1, 96, 64),
        "mask": (frames, size // 8, size // 8),
    }
    inputs = {f"train:{i}:{n}": shape for i in range(len(content["losses"])) for n, shape in shapes.items()}
    given = {name: content[name] for name in ("method", "backbone", "task")}
    keys = {name: tuple(shape) for name, shape in content["keys"].items()}
    case = ReferenceCase(path=path, inputs=inputs, keys=keys, gain={}, **given)
    return Trace(case, content["optimiser"], content["losses"], content["norms"])


def authors(case: ReferenceCase) -> AuthorsCode:
    code = METHODS[case.method].authors
    assert code is not None
    return code


def authors_run(case: ReferenceCase) -> Run:
    """The library's own criterion, weights of its terms and optimiser; AVS-Mini's tasks need no folder of data."""
    return find_run(case.method, f"mini/{case.task}", "authors")


@lru_cache(maxsize=1)
def weights(keys: tuple[tuple[str, Shape], ...]) -> dict[str, Tensor]:
    """Those of a method's traces, which follow one another: drawn once."""
    return {key: fill(key, shape) for key, shape in keys}


@pytest.fixture(scope="module", autouse=True)
def give_back() -> Iterator[None]:
    yield
    weights.cache_clear()  # half a gigabyte


def loaded(case: ReferenceCase) -> nn.Module:
    """Our model as theirs: filled weights, float64, nothing left to chance.

    As built, all of it trains but VGGish, which the authors' AVSegFormer runs without gradient too: its norm
    in the traces is still that of the filled weights.
    """
    state = weights(tuple(case.keys.items()))
    model: nn.Module = authors(case).build(state)
    authors(case).key_map.load(model, state)
    for module in model.modules():
        for name in ("p", "dropout", "drop_prob"):  # of Dropout, MultiheadAttention and DropPath
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    return model.double()


def batch_of(case: ReferenceCase, step: int) -> Batch:
    """One clip. Where the authors' ear stands outside the model, ours is an identity, and tokens are its sound."""
    mask = case.tensor(f"train:{step}:mask") > 0.4
    labels = mask.long().repeat_interleave(8, dim=1).repeat_interleave(8, dim=2)[None]  # B T H W
    valid = torch.ones(labels.shape[:2], dtype=torch.bool)
    annotated = valid.clone()
    annotated[:, 1:] = case.task != "s4"
    tokens = case.tensor(f"train:{step}:audio128").abs().unsqueeze(1)  # T L D, L = 1
    sound = case.tensor(f"train:{step}:logmel") if case.method == "avsegformer" else tokens
    frames = case.tensor(f"train:{step}:frames")
    return Batch(frames.double()[None], sound.double()[None], labels, annotated, valid)


def train(learner: Learner, optimiser: torch.optim.Optimizer, trace: Trace) -> Iterator[float]:
    """The loss of each step; its update follows when the next is asked for."""
    factors, steps = authors_run(trace.case).loss_weights, len(trace.losses)
    for step in range(steps):
        terms = learner(batch_of(trace.case, step), Clock(step, 0, steps))
        assert terms.keys() == factors.keys()
        loss = torch.stack([factors[name] * term for name, term in terms.items()]).sum()
        assert loss.dtype == torch.float64
        yield loss.item()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()


def settings(optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """As traces write them down."""
    numbers = {name: optimiser.defaults[name] for name in ("lr", "weight_decay")}
    kind = {"name": type(optimiser).__name__, "groups": len(optimiser.param_groups)}
    return {**kind, **numbers, "betas": list(optimiser.defaults["betas"])}


def norms_of(state: dict[str, Tensor], names: dict[str, float], key_map: KeyMap) -> dict[str, float]:
    """By their names, but for what their model owns and never uses."""
    alive = {name: key_map.ours(name) for name in names if not name.startswith(key_map.dead)}
    return {theirs: state[str(ours)].norm().item() for theirs, ours in alive.items()}


@pytest.mark.usefixtures("undrawn")
def test_every_step_is_the_authors(trace: Trace) -> None:
    run, model = authors_run(trace.case), loaded(trace.case)
    learner = run.recipe.learner(model=model, criterion=run.criterion()).train()
    optimiser = build_optimiser(learner, run.plan.optimiser)
    assert settings(optimiser) == trace.optimiser
    close = CLOSE[trace.case.method]
    brief = trace.case.task == "s4" and f"train_{trace.case.method}_resnet_ms3_64" in TRACES
    # Step by step, so that the first one to differ ends the test.
    for step, ours in enumerate(train(learner, optimiser, trace)):
        assert ours == pytest.approx(trace.losses[step], rel=close), f"step {step}"
        if brief and step + 1 == BRIEFLY:
            return
    norms = norms_of(model.state_dict(), trace.norms, authors(trace.case).key_map)
    assert len(norms) >= 15, "else little is tested"
    assert norms == pytest.approx({name: trace.norms[name] for name in norms}, rel=close)
