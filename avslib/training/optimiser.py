"""The optimiser a recipe asks for, and its learning rate as a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from avslib.errors import UserError
from avslib.methods.learner import Learner
from avslib.methods.method import Optimiser, Schedule

NORMS = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm, nn.Embedding)
"""Modules whose parameters `decay_norms=False` keeps from weight decay."""


def build_optimiser(trained: nn.Module, spec: Optimiser) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD over the parameters that train, one group for each factor on the rate and decay.

    trained: a module, or a `Learner`, whose model's parameters go by the names that they have in the model

    Each group carries "factor"; `set_learning_rate` multiplies by it. Raises UserError for a
    key of `lr_scale` that no parameter name starts with: a misspelt one would pass unseen.
    """
    strip = "model." if isinstance(trained, Learner) else ""
    named = {name.removeprefix(strip): p for name, p in trained.named_parameters() if p.requires_grad}
    for prefix in spec.lr_scale:
        if not any(name.startswith(prefix) for name in named):
            raise UserError(f"lr_scale names {prefix!r}, but no trained parameter starts with it")
    kept = set() if spec.decay_norms else _of_norms(trained)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in named.items():
        decay = 0.0 if parameter in kept else spec.weight_decay
        groups.setdefault((_factor(name, spec.lr_scale), decay), []).append(parameter)
    parameters = [
        {"params": group, "factor": factor, "weight_decay": decay}
        for (factor, decay), group in groups.items()
    ]
    fused = all(p.device.type in ("cpu", "cuda") for p in named.values())  # faster, and there for sure
    shared: dict[str, Any] = {"lr": spec.lr, "weight_decay": spec.weight_decay, "fused": fused}
    if spec.name == "sgd":
        return torch.optim.SGD(parameters, momentum=spec.momentum, **shared)
    return (torch.optim.AdamW if spec.name == "adamw" else torch.optim.Adam)(parameters, **shared)


def learning_rate(schedule: Schedule, step: int, total: int) -> float:
    """The rate of step `step` of `total`: a linear warm-up, then constant, half a cosine, or a power of what is left."""
    rate, warmup = schedule.optimiser.lr, schedule.warmup_steps
    if step < warmup:
        return rate * (step + 1) / warmup
    if schedule.decay == "constant":
        return rate
    gone = (step - warmup) / max(1, total - warmup)
    if schedule.decay == "polynomial":
        return rate * math.pow(1 - gone, schedule.power)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def pretraining_rate(spec: Optimiser, step: int, total: int) -> float:
    """The rate of a pretraining's step: 20 steps of warm-up under half a cosine to zero."""
    return spec.lr * min(1.0, (step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * step / total))


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group `rate` times its own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]


def _factor(name: str, scale: Mapping[str, float]) -> float:
    return next((factor for prefix, factor in scale.items() if name.startswith(prefix)), 1.0)


def _of_norms(trained: nn.Module) -> set[nn.Parameter]:
    return {p for module in trained.modules() if isinstance(module, NORMS) for p in module.parameters()}
