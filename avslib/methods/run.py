"""One run, named: a recipe, one of its schedules, a fold, a seed, and whether it may hear."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.methods import find_recipe
from avslib.methods.method import Clips, FrontEnd, Recipe, Schedule, plain


class Deaf:
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

    fold: which instances are held out; seed: of weights, order and scenes; deaf: the sound-blind
    control, which hears zeros. Raises UserError for a schedule that the recipe does not have.
    """

    recipe: Recipe
    schedule: str
    fold: int = 0
    seed: int = 0
    deaf: bool = False

    def __post_init__(self) -> None:
        self.recipe.schedule(self.schedule)

    @property
    def plan(self) -> Schedule:
        """The schedule's numbers."""
        return self.recipe.schedule(self.schedule)

    @property
    def name(self) -> str:
        """E.g. tpavi-mini-ms3-reduced-f0-s0, or ...-deaf."""
        data = self.recipe.data.replace("/", "-")
        ending = "-deaf" if self.deaf else ""
        return f"{self.recipe.name}-{data}-{self.schedule}-f{self.fold}-s{self.seed}{ending}"

    def clips(self, split: str) -> Clips:
        """The data set's `split`."""
        return self.recipe.datasets(split, self.plan, self.fold, self.seed)

    def front_end(self) -> FrontEnd:
        """The recipe's front end, or one that hears zeros."""
        front_end = self.recipe.front_end()
        return Deaf(front_end) if self.deaf else front_end

    def criterion(self) -> Callable[..., dict[str, Tensor]]:
        """A fresh criterion: the schedule's own, or the recipe's."""
        return (self.plan.criterion or self.recipe.criterion)()

    @property
    def weights(self) -> Mapping[str, float]:
        """The factor of every term of `criterion`."""
        return self.plan.weights or self.recipe.weights

    def config(self) -> dict[str, Any]:
        """Every number that decides the run, as JSON data."""
        numbers = plain(self.plan)
        del numbers["expected"]
        folder = {"data_dir": self.recipe.data_dir} if self.recipe.data_dir else {}
        return {
            "recipe": self.recipe.file or self.recipe.name,
            "data": self.recipe.data,
            **folder,
            "schedule": self.schedule,
            "fold": self.fold,
            "seed": self.seed,
            "deaf": self.deaf,
            "weights": plain(self.weights),
            "plan": numbers,
        }


def read_run(folder: Path) -> Run:
    """The run whose files are in `folder`. Raises UserError when there is none, or its recipe has changed."""
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder}: holds no run (no config.json); give a folder that avslib train wrote")
    try:
        config = json.loads(path.read_text())
        recipe = find_recipe(config["recipe"], config["data"], config.get("data_dir"))
        return Run(recipe, config["schedule"], config["fold"], config["seed"], config["deaf"])
    except (json.JSONDecodeError, KeyError) as error:
        raise UserError(f"{path}: damaged ({error}); train again into another --out") from None
