"""A recipe on the files of a real benchmark, in place of AVS-Mini's scenes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from avslib.data.open import CLASSES, open_data
from avslib.errors import UserError
from avslib.methods.method import Clips, Recipe, Schedule


def on_files(recipe: Recipe, folder: Path | str | None) -> Recipe:
    """`recipe`, reading its data from `folder`; unchanged where its data is composed on the fly.

    Raises UserError when real data comes without a folder, or a folder without real data.
    """
    if recipe.data in CLASSES:
        if folder is None:
            raise UserError(
                f"{recipe.data} is not part of avslib: give the folder of the release with --data-dir DIR"
            )
        read = partial(clips, recipe.data, str(folder))
        return replace(recipe, datasets=read, data_dir=str(folder), tests=("test",))
    if folder is not None:
        known = ", ".join(CLASSES)
        raise UserError(f"--data-dir {folder}: {recipe.data} needs no folder; real data are {known}")
    return recipe


def clips(data: str, folder: str, split: str, schedule: Schedule, fold: int, seed: int) -> Clips:
    """One split of real data in the schedule's size. Raises UserError for a fold: real data has one split."""
    if fold:
        raise UserError(f"fold {fold}: {data} comes with one split; folds are AVS-Mini's")
    return cast(Clips, open_data(data, folder, split, size=schedule.size, vpo_seconds=1.0))


def plans_on_files(plans: Mapping[str, Schedule], data: str) -> dict[str, Schedule]:
    """The schedules of AVS-Mini on real data: epochs are one pass, and eye and ear cannot be taught.

    "full-8" is "full" with eight clips a step, one for each of eight processes. On VPO, which has no
    validation split, the last weights are kept.
    """
    files = {
        name: replace(
            plan, steps_per_epoch=plan.steps_per_epoch if name == "smoke" else None, train_seconds=None,
            clips={}, eye_steps=0, ear_steps=0, keep="last" if data.startswith("vpo") else plan.keep,
            expected=plan.expected if name == "smoke" else "not run",
        ) for name, plan in plans.items()
    }  # fmt: skip
    return files | {"full-8": replace(files["full"], batch_size=8)}
