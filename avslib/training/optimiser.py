"""The optimiser a recipe asks for, and its learning rate as a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from avslib.errors import UserError
from avslib.methods.method import Optimiser, Schedule


def build_optimiser(model: nn.Module, spec: Optimiser) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD over the parameters that train, one group for each factor on the rate.

    Each group carries "factor"; `set_learning_rate` multiplies by it. Raises UserError for a
    key of `lr_scale` that no parameter name starts with: a misspelt one would pass unseen.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    for prefix in spec.lr_scale:
        if not any(name.startswith(prefix) for name in names):
            raise UserError(f"lr_scale names {prefix!r}, but no trained parameter starts with it")
    for name in names:
        groups.setdefault(_factor(name, spec.lr_scale), []).append(model.get_parameter(name))
    parameters = [{"params": group, "factor": factor} for factor, group in groups.items()]
    shared: dict[str, Any] = {"lr": spec.lr, "weight_decay": spec.weight_decay}
    if spec.name == "sgd":
        return torch.optim.SGD(parameters, momentum=spec.momentum, **shared)
    return (torch.optim.AdamW if spec.name == "adamw" else torch.optim.Adam)(parameters, **shared)


def learning_rate(schedule: Schedule, step: int, total: int) -> float:
    """The rate of step `step` of `total`: a linear warm-up, then constant or half a cosine to zero."""
    rate, warmup = schedule.optimiser.lr, schedule.warmup_steps
    if step < warmup:
        return rate * (step + 1) / warmup
    if schedule.decay == "constant":
        return rate
    return rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def short_course(spec: Optimiser, step: int, total: int) -> float:
    """The rate of a pretraining's step: 20 steps of warm-up under half a cosine to zero."""
    return spec.lr * min(1.0, (step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * step / total))


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group `rate` times its own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]


def _factor(name: str, scale: Mapping[str, float]) -> float:
    return next((factor for prefix, factor in scale.items() if name.startswith(prefix)), 1.0)
