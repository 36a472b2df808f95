"""Pictures side by side, and scores as a grid: two figures that chapters draw again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from avslib.errors import UserError
from avslib.figures.captions import STYLE
from avslib.figures.html import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gallery(
    pictures: Sequence[Array], titles: Sequence[str], *, columns: int | None = None, width: float = 8.0
) -> Figure:
    """Pictures (3, H, W) uint8 with a title each, in rows of `columns` (None: all in one row).

    width: of the figure, inches. Raises UserError when pictures and titles do not pair up.
    """
    import matplotlib
    from matplotlib.figure import Figure

    if not pictures or len(pictures) != len(titles):
        raise UserError(f"{len(pictures)} pictures, {len(titles)} titles: give one title to each picture")
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, rows * (width / columns + 0.25)))
        for number, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
            axes.axis("off")
            if number < len(pictures):
                axes.imshow(np.asarray(pictures[number]).transpose(1, 2, 0))
                axes.set_title(titles[number], fontsize=9.5)
    return figure


def score_grid(
    scores: Array, *, rows: Sequence[str], columns: Sequence[str], top: float = 1.0, width: float = 7.5
) -> Figure:
    """(R, C) numbers as a heat map from 0 to `top`, each written in its cell; names at the left and above.

    Raises UserError when there is not one name to each row and column.
    """
    import matplotlib
    from matplotlib.figure import Figure

    values = np.asarray(scores, dtype=float)
    if values.shape != (len(rows), len(columns)):
        raise UserError(
            f"scores {values.shape} for {len(rows)} rows and {len(columns)} columns; name them all"
        )
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, 0.45 * len(rows) + 0.8))
        axes = figure.subplots()
        axes.imshow(values, vmin=0, vmax=top, aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            ink = "black" if value > 0.55 * top else "white"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink)
        axes.set(xticks=range(len(columns)), xticklabels=columns, yticks=range(len(rows)), yticklabels=rows)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.xaxis.tick_top()
    return figure
