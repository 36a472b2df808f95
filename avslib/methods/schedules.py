"""What the methods' schedules have in common; a recipe says where its paper differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from avslib.methods.method import Optimiser, Pretraining, Schedule

Model = Callable[..., nn.Module]


def smoke(model: Model, **own: Any) -> Schedule:
    """Seconds on any machine, to see that it runs; the score means nothing."""
    shared: dict[str, Any] = {
        "optimiser": Optimiser("adamw", lr=1e-3), "epochs": 2, "steps_per_epoch": 2, "batch_size": 4, "size": 64,
        "clips": {"train": 16, "val": 4, "test": 4, "test-seen": 4}, "channels_last": True,
        "pretraining": Pretraining(visual_steps=2, visual_batch=4, visual_size=64, audio_steps=2, audio_batch=4),
    }  # fmt: skip
    return Schedule(model=model, **shared | own)


def reduced(model: Model, **own: Any) -> Schedule:
    """Minutes on a CPU. Every picture is encoded once and heard three times, as the objects take turns.

    The encoders' pretraining is the same for all methods, so that a machine does it once a fold.
    """
    shared: dict[str, Any] = {
        "batch_size": 16, "train_seconds": 3, "turns": True, "decay": "cosine", "warmup_steps": 30, "clip_norm": 2.0,
        "clips": {"train": 16000, "val": 48, "test": 200, "test-seen": 200}, "channels_last": True,
        "pretraining": Pretraining(visual_steps=100, audio_steps=1600, audio_batch=12),
    }  # fmt: skip
    return Schedule(model=model, **shared | own)


def compare(plan: Schedule) -> Schedule:
    """A `reduced` plan at one size, encoder and budget for all methods, so that their rows may be compared.

    640 steps for each. Learning rates and losses stay the method's own.
    """
    return replace(
        plan, size=128, batch_size=16, epochs=8, steps_per_epoch=80, expected={},
        pretraining=replace(plan.pretraining, visual_steps=300),
    )  # fmt: skip


def full(model: Model, **own: Any) -> Schedule:
    """A GPU: 224 pixels, 4 clips a step, the best weights on validation, as in most papers and their train.py."""
    shared: dict[str, Any] = {
        "steps_per_epoch": 250, "batch_size": 4, "size": 224, "precision": "bf16", "keep": "best",
        "clips": {"train": 1000, "val": 200, "test": 400, "test-seen": 400}, "channels_last": True,
    }  # fmt: skip
    return Schedule(model=model, **shared | own)
