"""What every chapter needs around its argument: tables, the ledger, a run's log, scenes to look at, answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avslib.data import MiniScenes, Scene
from avslib.evaluation.counterfactual import foreground_iou
from avslib.evaluation.evaluate import Scores
from avslib.figures.captions import show
from avslib.figures.curves import listen_bars
from avslib.figures.explorers.listen.panel import TITLES
from avslib.figures.glance import scene_figure
from avslib.figures.html import Array, Html
from avslib.ledger.record import RUNS, Record
from avslib.ledger.table import Row, number
from avslib.methods.resolve import find_run
from avslib.methods.run import Run

if TYPE_CHECKING:
    from IPython.display import Markdown


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Markdown:
    """A table on the page; cells are written as `str` does."""
    from IPython.display import Markdown

    lines = [head, ["---"] * len(head), *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))  # type: ignore[no-untyped-call]


def find_ledger() -> Path:
    """The folder of records, `results/runs` in this folder or one above; without any, where it would be in this one.

    A chapter alone in a folder of somebody's own json files has no ledger, and does not read those.
    """
    here = Path.cwd()
    return next(filter(Path.is_dir, (folder / RUNS for folder in (here, *here.parents))), here / RUNS)


def ledger_cells(row: Row | None, columns: Sequence[str]) -> list[str]:
    """Cells for a line of the ledger: how many runs, then mean ± spread of each column, or "not run"."""
    if row is None or not row.runs:
        return ["not run"] + ["-"] * len(columns)
    return [row.status, *(number(row, column) for column in columns)]


def score_columns(rows: Iterable[Row]) -> list[str]:
    """Of all that the ledger knows about `rows`, the columns with the scores that papers report."""
    wanted = ("clips) mIoU", "clips) F", "level IoU")
    return list(dict.fromkeys(c for row in rows for c in row.numbers if c.endswith(wanted)))


def main_scores(scores: Mapping[str, Mapping[str, float]]) -> Scores:
    """{protocol: {number: value}}, only the numbers that papers report."""
    few = {"dataset-level": ("IoU",), "coverage": ("coverage",)}
    return {p: {n: v[n] for n in few.get(p, ("mIoU", "F"))} for p, v in scores.items()}


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The epochs of the run in `folder`, for `training_curves`."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line | {"val": main_scores(line["val"])} for line in lines]


FEW = {"val": 12, "test": 40, "test-seen": 8}
"""Scenes that a chapter scores its own runs on, at most."""


def page_run(name: str, data: str, schedule: str) -> Run:
    """`find_run`'s run for a chapter to train: as in the ledger, but scored on no more than `FEW` scenes of a split.

    Raises UserError as `find_run` does.
    """
    run = find_run(name, data, schedule)
    clips = {split: min(count, FEW.get(split, count)) for split, count in run.plan.clips.items()}
    plans = {**run.recipe.schedules, schedule: replace(run.plan, clips=clips)}
    return replace(run, recipe=replace(run.recipe, schedules=plans))


def trained(record: Record, run: Run) -> Markdown:
    """What the training took, and what it started from: the paragraph under a chapter's training cell."""
    from IPython.display import Markdown

    weights = ", ".join(f"{name} {weight}" for name, weight in run.loss_weights.items())
    peak = record.peak_memory_mb
    memory = "memory was not measured" if peak is None else f"{peak:,} MB at the peak"
    return Markdown(  # type: ignore[no-untyped-call]
        f"**{record.steps} steps, {record.duration}**, on {record.device}. Schedule `{run.schedule}`: batches of "
        f"{run.plan.batch_size} clips at {run.plan.size} pixels; {record.trained_parameters / 1e6:.1f} of "
        f"{record.parameters / 1e6:.1f} million parameters are trained; {memory}. Weights of the loss terms: {weights}. Visual encoder: "
        f"{record.weights['visual']}. Audio encoder: {record.weights['audio']}."
    )


def telling(scenes: MiniScenes) -> list[Scene]:
    """Scenes that show whether a model listens.

    Something is heard from the first second on, but not always, and another object in the picture and
    another class could be heard instead.
    """
    found = []
    for scene in map(scenes.scene, range(len(scenes))):
        heard = [source.sounding for source in scene.sources]
        if heard and np.any(heard, axis=0)[0] and not np.all(heard) and all(scene.stand_ins.values()):
            found.append(scene)
    return found


def comparison(scene: Scene, painted: Array, *, method: str, rank: str) -> Html:
    """A scene, its true masks and those that `method` painted, (T, H, W) bool.

    rank: the first words of the caption, for example "The best of them"
    """
    seen, heard = (", ".join(each.name for each in some) for some in (scene.objects, scene.sources))
    true = scene.labels > 0
    return show(
        scene_figure(scene.clip(), rows={"truth": true, method: painted}, log_mel=False),
        caption=f"{rank}: in the picture {seen}; heard, {heard}. IoU {foreground_iou(painted, true):.2f}.",
        alt="Rows of five frames: the picture, the true mask of each second, the predicted "
        "mask of each second; below, the waveform.",
        licence=scene.licence,
    )


def listening(record: Record, *, scenes: int, beside: Mapping[str, Sequence[float]], caption: str) -> Html:
    """Bars: what the run in `record` scores with every sound, and what it is to be judged by.

    scenes:  how many test scenes
    beside:  {title: values}; titles without a value are left out
    caption: its last sentence, on what stands beside
    """
    bars: dict[str, Sequence[float]] = {title: [record.counterfactual[s]] for s, title in TITLES.items()}
    bars |= {title: values for title, values in beside.items() if len(values)}
    return show(
        listen_bars(bars),
        caption=f"Foreground IoU over {scenes} test scenes, schedule {record.schedule}. Dark, the model with "
        f"the right sound; under it, with counterfactual sounds; at the bottom, {caption}",
        alt="; ".join(f"{title}: {np.mean(values):.2f}" for title, values in bars.items()),
    )


def say(check: Callable[[Any], str], answer: Any) -> None:
    """Print what `check` says of the reader's `answer`, once there is one."""
    print("not answered yet" if answer is None else check(answer))
