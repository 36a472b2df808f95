"""Plots of runs: how the losses and the scores went, and how much a score owes to the sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from avslib.errors import UserError
from avslib.figures.captions import STYLE
from avslib.figures.colours import OKABE_ITO

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOT_LOSSES = ("epoch", "step", "lr", "val")
MARKS = "osD^vPX*"


def training_curves(lines: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss terms on the left, validation scores on the right, epoch by epoch.

    lines: of a run's `log.jsonl`, one dict an epoch: {"epoch": 1, "loss": 0.7, ..., "val": {protocol:
    {metric: value}}}. Raises UserError when there is no line.
    """
    import matplotlib
    from matplotlib.figure import Figure

    if not lines:
        raise UserError("this run has logged no epoch yet; let it finish one")
    epochs = [line["epoch"] for line in lines]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, 3))
        left, right = figure.subplots(1, 2)
        losses = [name for name in lines[0] if name not in NOT_LOSSES]
        _lines(left, epochs, {name: [line[name] for line in lines] for name in losses})
        _lines(right, epochs, _scores(lines))
        left.set(title="loss", xlabel="epoch", ylim=(0, None))
        right.set(title="score on the validation scenes", xlabel="epoch", ylim=(0, 1))
    return figure


def _scores(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """{"protocol metric": one value an epoch}."""
    return {
        f"{protocol} {metric}": [line["val"][protocol][metric] for line in lines]
        for protocol, metrics in lines[0].get("val", {}).items()
        for metric in metrics
    }


def _lines(axes: Axes, epochs: Sequence[int], curves: Mapping[str, Sequence[float]]) -> None:
    """Marks as well as colours: told apart in print, too."""
    from matplotlib.ticker import MaxNLocator

    for number, (name, values) in enumerate(curves.items()):
        axes.plot(
            epochs, values, marker=MARKS[number % len(MARKS)], markersize=4.5, label=name,
            color=OKABE_ITO[number % len(OKABE_ITO)],
        )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if curves:
        axes.legend(fontsize=9)


def listen_bars(scores: Mapping[str, Sequence[float]], *, label: str = "foreground IoU") -> Figure:
    """One bar for each sound: the mean over folds or seeds, each of them as a dot.

    scores: {"right": [0.61, 0.58, ...], "silence": [...], ...}; label: of the value axis.
    Raises UserError when a sound has no score.
    """
    import matplotlib
    from matplotlib.figure import Figure

    if not scores or not all(len(values) for values in scores.values()):
        raise UserError("every sound needs at least one score; run the evaluation first")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 0.5 * len(scores) + 0.9))
        axes = figure.subplots()
        for row, values in enumerate(scores.values()):
            axes.barh(row, np.mean(values), height=0.62, color=OKABE_ITO[0 if row == 0 else 4])
            axes.plot(values, [row] * len(values), "o", color="black", markersize=4, alpha=0.75)
            axes.text(max(values) + 0.012, row, f"{np.mean(values):.2f}", va="center", fontsize=10)
        axes.set(yticks=range(len(scores)), yticklabels=list(scores), xlabel=label, xlim=(0, 1))
        axes.invert_yaxis()
    return figure
