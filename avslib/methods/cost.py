"""What a paper says its model costs, and what its authors' code carries for nothing: counted in `avslib.ledger.cost`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

FRAMES, SIZE = 5, 224
"""The clip that papers count with."""


@dataclass(frozen=True)
class PublishedCost:
    """A row of a paper's table of costs: millions of parameters, billions of multiply-adds, frames a second."""

    parameters: float
    multiply_adds: float
    frames_per_second: float
    source: str


@dataclass(frozen=True)
class Unused:
    """What the authors' code carries and computes beyond ours, without any effect on its result.

    why: one line for the table's note
    """

    parameters: int = 0
    multiply_adds: int = 0
    why: str = ""


def nothing_unused(model: nn.Module) -> Unused:
    """For a method whose authors' code carries nothing beyond ours, or where nobody counted it."""
    return Unused()


@dataclass(frozen=True)
class Costs:
    """A method's part of the table of costs.

    published: {backbone: the paper's own counts};  unused: our model -> what theirs carries for nothing
    changes:   switches that the model is counted with
    sound:     (L, D), how many tokens a second has, and their width: one of 128 over VGGish
    """

    published: Mapping[str, PublishedCost] = field(default_factory=dict)
    unused: Callable[[nn.Module], Unused] = nothing_unused
    changes: Mapping[str, Any] = field(default_factory=dict)
    sound: tuple[int, int] = (1, 128)


def parameters_of(modules: Iterable[nn.Module]) -> int:
    """Together."""
    return sum(p.numel() for module in modules for p in module.parameters())


def second_half(model: nn.Module) -> int:
    """Parameters of the copy of layers 3 and 4 that AVSBench's ResNet-50 carries, and nothing calls."""
    net: nn.Module = model.visual.net  # type: ignore[union-attr,assignment]
    return parameters_of(part for name, part in net.named_children() if name in ("layer3", "layer4"))
