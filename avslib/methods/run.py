"""One run, named: a method, a data set, a schedule, a fold, a seed, and whether it may hear."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from avslib.data.registry import DataSpec
from avslib.errors import UserError
from avslib.methods.learner import Learner
from avslib.methods.method import Method, Recipe, Schedule, plain
from avslib.methods.segmenter import Preprocessing
from avslib.types import Clips, Criterion, FrontEnd


class SoundBlind:
    """A front end that hears nothing: zeros in the shape of `front_end`'s output.

    Training with it gives the sound-blind control: what a method reaches by looking alone.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self.front_end = front_end

    def __call__(self, waveform: Tensor, sample_rate: int, frames: int) -> Tensor:
        return torch.zeros_like(self.front_end(waveform, sample_rate, frames=frames))


@dataclass(frozen=True)
class Run:
    """What decides a run; `train` makes it, `avslib evaluate` reads it back.

    method, data, recipe: where they meet, see `avslib.methods.resolve.find_run`, which makes runs
    schedule:    of the recipe, by name
    variant:     of the method; "" for the method itself
    fold:        which instances are held out;  seed: of weights, order and scenes
    sound_blind: the control that hears zeros
    data_dir:    the folder of a benchmark. Not part of what decides the run: folders move
    file:        the Python file that the method was read from; "" for the library's own

    Raises UserError for a schedule that the recipe does not have.
    """

    method: Method
    data: DataSpec
    recipe: Recipe
    schedule: str
    variant: str = ""
    fold: int = 0
    seed: int = 0
    sound_blind: bool = False
    data_dir: Path | None = None
    file: str = ""

    def __post_init__(self) -> None:
        if self.schedule not in self.recipe.schedules:
            known = ", ".join(self.recipe.schedules)
            raise UserError(f"unknown schedule {self.schedule!r} of {self.title}; choose one of: {known}")

    @property
    def plan(self) -> Schedule:
        """The schedule's numbers."""
        return self.recipe.schedules[self.schedule]

    @property
    def title(self) -> str:
        """The method, or its variant: tpavi, or pcmanet-no-masking."""
        return f"{self.method.name}-{self.variant}" if self.variant else self.method.name

    @property
    def name(self) -> str:
        """E.g. tpavi-mini-ms3-reduced-f0-s0, or ...-sound-blind."""
        data, ending = self.data.name.replace("/", "-"), "-sound-blind" if self.sound_blind else ""
        return f"{self.title}-{data}-{self.schedule}-f{self.fold}-s{self.seed}{ending}"

    def model(self, *, pretrained: bool = True) -> nn.Module:
        """The schedule's model with the preprocessing it needs; `pretrained`: from the encoders' public weights."""
        model = self.plan.model() if pretrained else self.plan.model(pretrained=False)
        model.preprocessing = Preprocessing(  # type: ignore[assignment]
            self.front_end(), self.test_size, self.data.seconds, self.data.names
        )
        return model

    def learner(self) -> Learner:
        """What the loop trains: a fresh model and its criterion."""
        return self.recipe.learner(model=self.model(), criterion=self.criterion())

    def clips(self, split: str, **wanted: Any) -> Clips:
        """The data set's `split`, as the schedule wants it; `wanted`: fields of `Wanted` to have otherwise."""
        plan = self.plan
        size = plan.size if split == "train" else self.test_size
        own = {
            "size": size,
            "fold": self.fold,
            "seed": self.seed,
            "seconds": plan.train_seconds,
            "turns": plan.turns,
        }
        length = {"length": plan.clips[split]} if split in plan.clips else {}
        sound = {"sound_seconds": max(1.0, float(getattr(self.front_end(), "seconds", 1.0)))}
        return self.data.open(split, folder=self.data_dir, **{**own, **length, **sound, **wanted})

    @property
    def test_size(self) -> int | None:
        """Side of the pictures that are scored, pixels; None for each picture's own size."""
        return None if self.plan.test_size == "own" else self.plan.test_size or self.plan.size

    @property
    def test_batch_size(self) -> int:
        """Clips that are scored together: one, where each picture keeps its size."""
        return 1 if self.plan.test_size == "own" else self.plan.test_batch_size or self.plan.batch_size

    def front_end(self) -> FrontEnd:
        """The recipe's front end, or one that hears zeros."""
        front_end = self.recipe.front_end()
        return SoundBlind(front_end) if self.sound_blind else front_end

    def criterion(self) -> Criterion:
        """A fresh criterion: the schedule's own, or the recipe's."""
        return (self.plan.criterion or self.recipe.criterion)()

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """The factor of every term of `criterion`."""
        return self.plan.loss_weights or self.recipe.loss_weights

    def config(self) -> dict[str, Any]:
        """Everything that decides the run, as JSON data."""
        plan = {f.name: plain(getattr(self.plan, f.name)) for f in fields(self.plan) if f.name not in APART}
        return {
            "method": self.file or self.method.name,
            "variant": self.variant,
            "data": self.data.name,
            "schedule": self.schedule,
            "fold": self.fold,
            "seed": self.seed,
            "sound_blind": self.sound_blind,
            "learner": plain(self.recipe.learner),
            "criterion": plain(self.plan.criterion or self.recipe.criterion),
            "loss_weights": plain(self.loss_weights),
            "summed": plain(self.recipe.summed),
            "front_end": described(self.recipe.front_end()),
            "protocols": [protocol.name for protocol in self.data.protocols()],
            "data_spec": {
                f.name: plain(getattr(self.data, f.name)) for f in fields(self.data) if f.name not in APART
            },
            "plan": plan,
        }


APART = ("expected", "criterion", "loss_weights", "read", "protocols", "names")
"""Fields that decide nothing, or stand in the configuration by themselves."""


def described(front_end: FrontEnd) -> dict[str, Any]:
    """A front end by its name and its settings."""
    settings = (
        {name: value for name, value in vars(front_end).items()} if hasattr(front_end, "__dict__") else {}
    )
    return {"name": plain(front_end), **{name: plain(value) for name, value in settings.items()}}


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What two configurations disagree in, as "plan.optimiser.lr: 0.1 then, 0.2 now"."""
    found: list[str] = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {before} then, {after} now")
    return found


def fingerprint(config: Mapping[str, Any]) -> str:
    """A hash of everything in `config`."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
