"""Where a method, a data set and a schedule meet: `find_run("tpavi", "mini/ms3", "reduced")`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from avslib.data.registry import DataSpec, find_data
from avslib.errors import UserError
from avslib.methods import METHODS
from avslib.methods.method import Method, Pretraining, Recipe, Schedule
from avslib.methods.own import load_file
from avslib.methods.run import Run, differences


def find_run(
    method: str | Method,
    data: str | DataSpec,
    schedule: str = "reduced",
    *,
    fold: int = 0,
    seed: int = 0,
    sound_blind: bool = False,
    data_dir: Path | str | None = None,
) -> Run:
    """The run of a method (or of a variant, e.g. "pcmanet-no-masking") on `data`.

    method:   a name, a `Method`, or a Python file that defines METHOD and, for data of its own, DATASETS
    data:     a name of `DATASETS`, or a `DataSpec`
    data_dir: the folder of a benchmark, for data that is not AVS-Mini's

    Raises UserError: unknown method, variant, data or schedule, listing the known ones.
    """
    found = Found(method) if isinstance(method, Method) else find_method(method)
    spec = data if isinstance(data, DataSpec) else find_data(data, found.datasets)
    folder = None if data_dir is None else Path(data_dir)
    recipe = meet(found.method, spec, found.variant)
    return Run(
        found.method, spec, recipe, schedule, found.variant, fold, seed, sound_blind, folder, found.file
    )


@dataclass(frozen=True)
class Found:
    """A method by its name: which variant of it, its file if it is not the library's, and the file's own data."""

    method: Method
    variant: str = ""
    file: str = ""
    datasets: Mapping[str, DataSpec] = field(default_factory=dict)


def find_method(name: str) -> Found:
    """The method or variant called `name`, or in the Python file `name`. Raises UserError as `find_run` does."""
    if name.endswith(".py"):
        return _in_file(Path(name))
    if name in METHODS:
        return Found(METHODS[name])
    for own, method in METHODS.items():
        if name.startswith(f"{own}-"):
            method.changes(variant := name.removeprefix(f"{own}-"))
            return Found(method, variant)
    raise UserError(f"unknown method {name!r}; choose one of: {', '.join(METHODS)}, or give a .py file")


def meet(method: Method, data: DataSpec, variant: str = "") -> Recipe:
    """The method's recipe with the data's classes, what the variant changes, and what files ask of a schedule."""
    changes = method.changes(variant)
    recipe = method.recipe(data, {**changes, **method.recipe_variants.get(variant, {})})
    plans = {
        name: replace(plan, model=partial(plan.model, classes=data.classes, **changes))
        for name, plan in recipe.schedules.items()
    }
    return replace(recipe, schedules=plans if data.composed else _on_files(plans, data))


def _on_files(plans: Mapping[str, Schedule], data: DataSpec) -> dict[str, Schedule]:
    """AVS-Mini's schedules on a benchmark: epochs are one pass, and no encoder is pretrained on its scenes.

    "full-8" is "full" with at least eight clips a step, one for each of eight processes. Without a validation split the
    last weights are kept.
    """
    files = {
        name: replace(
            plan, steps_per_epoch=plan.steps_per_epoch if name == "smoke" else None, train_seconds=None,
            turns=False, clips={}, pretraining=Pretraining(), keep=plan.keep if data.validates else "last",
        ) for name, plan in plans.items()
    }  # fmt: skip
    return files | (
        {"full-8": replace(files["full"], batch_size=max(8, files["full"].batch_size))}
        if "full" in files
        else {}
    )


def _in_file(path: Path) -> Found:
    if not path.is_file():
        raise UserError(f"{path}: no such file; give the path of a Python file that defines METHOD")
    defined = vars(load_file(path))
    if not isinstance(defined.get("METHOD"), Method):
        raise UserError(f"{path}: defines no METHOD; see avslib/methods/tpavi/__init__.py for one")
    return Found(defined["METHOD"], file=str(path), datasets=defined.get("DATASETS", {}))


def read_run(folder: Path, *, data_dir: Path | str | None = None) -> Run:
    """The run whose files are in `folder`.

    data_dir: where the benchmark lies now, if not where it lay when the run was trained

    Raises UserError when there is no run, or its recipe has changed since, telling the difference.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder}: holds no run (no config.json); give a folder that avslib train wrote")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        told, _ = config.pop("data_dir", None), config.pop("imported", None)
        old = "recipe" in config
        names = {"method": "recipe", "variant": "", "sound_blind": "deaf"} if old else {}
        title = config[names.get("method", "method")]
        title = title if old or not config["variant"] else f"{title}-{config['variant']}"
        run = find_run(
            title, config["data"], config["schedule"], fold=config["fold"], seed=config["seed"],
            sound_blind=config[names.get("sound_blind", "sound_blind")], data_dir=data_dir or told,
        )  # fmt: skip
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: damaged ({error!r}); train again into another --out") from None
    if old:
        warnings.warn(
            f"{path}: from an earlier version of avslib; its recipe cannot be compared", stacklevel=2
        )
    elif changed := differences(config, run.config()):
        raise UserError(
            f"{path}: the recipe has changed since this run ({'; '.join(changed)}); use the version of avslib "
            "that trained it (commit in record.json), or train again"
        )
    return run
