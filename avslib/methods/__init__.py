"""Recipes: one small file of literal numbers a paper. `find_recipe("tpavi", "mini/ms3")`."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import avslib.methods.avsegformer.recipe as avsegformer
import avslib.methods.pcmanet.recipe as pcmanet
import avslib.methods.tpavi.recipe as tpavi
from avslib.errors import UserError
from avslib.methods.method import Optimiser, Published, Recipe, Schedule
from avslib.methods.resolve import on_files

RECIPES: dict[str, Callable[[str], Recipe]] = {
    "tpavi": tpavi.recipe,
    "avsegformer": avsegformer.recipe,
    "pcmanet": pcmanet.recipe,
}
"""Recipe name -> function from a data name to the recipe; raises UserError for unknown data."""

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "tpavi": tpavi.PUBLISHED,
    "avsegformer": avsegformer.PUBLISHED,
    "pcmanet": pcmanet.PUBLISHED,
}
"""Recipe name -> the paper's own rows, for the ledger."""

DATA: dict[str, tuple[str, ...]] = {
    "tpavi": tuple(tpavi.DATA),
    "avsegformer": tuple(tpavi.DATA),
    "pcmanet": tuple(tpavi.DATA),
}
"""Recipe name -> the data names it knows."""

ABLATIONS: dict[str, Callable[[str], Recipe]] = {
    **{f"avsegformer-{row}": partial(avsegformer.recipe, row=row) for row in avsegformer.TABLE_2},
    **{f"pcmanet-{variant}": partial(pcmanet.recipe, variant=variant) for variant in pcmanet.VARIANTS},
}
"""Rows of the papers' ablation tables, as recipes: `avslib train avsegformer-no-mixer --data mini/ms3`."""

__all__ = [
    "ABLATIONS",
    "DATA",
    "PUBLISHED",
    "RECIPES",
    "Optimiser",
    "Published",
    "Recipe",
    "Schedule",
    "find_recipe",
]


def find_recipe(name: str, data: str, data_dir: Path | str | None = None) -> Recipe:
    """The recipe called `name`, or the function `recipe(data)` of the Python file `name`, for `data`.

    data_dir: the folder of a real benchmark, for data that is not AVS-Mini's

    Raises UserError naming the known recipes, the missing file, or (from the recipe) the known data; and for
    real data without a folder.
    """
    if name.endswith(".py"):
        return on_files(_recipe_of_file(Path(name), data), data_dir)
    known = RECIPES | ABLATIONS
    if name not in known:
        raise UserError(f"unknown recipe {name!r}; choose one of: {', '.join(RECIPES)}, or give a .py file")
    return on_files(known[name](data), data_dir)


def _recipe_of_file(path: Path, data: str) -> Recipe:
    if not path.is_file():
        raise UserError(f"{path}: no such recipe file; give the path of a Python file with recipe(data)")
    build = runpy.run_path(str(path)).get("recipe")
    if not callable(build):
        raise UserError(f"{path}: defines no function recipe(data); see avslib/recipes/tpavi.py for one")
    built = build(data)
    if not isinstance(built, Recipe):
        raise UserError(f"{path}: recipe({data!r}) must return an avslib Recipe, got {type(built).__name__}")
    return replace(built, file=str(path))
