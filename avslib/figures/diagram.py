"""Boxes and arrows: the pictures of how a method is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, float]


def box(axes: Axes, x: float, y: float, width: float, text: str, colour: str, *, height: float = 0.6) -> None:
    """A tinted box with `text`; x of its left side and y of its middle, in units of the data."""
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((x, y - height / 2), width, height, facecolor=colour + "33", edgecolor=colour, lw=1.4)
    )
    axes.text(x + width / 2, y, text, ha="center", va="center", fontsize=9.5)


def arrow(axes: Axes, *points: Point, colour: str = "#555555", style: str = "-") -> None:
    """An arrow through all `points`, two or more."""
    *start, corner, end = points
    if start:
        axes.plot(*zip(*start, corner), color=colour, lw=1.3, ls=style)
    axes.annotate("", end, corner, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.3, "ls": style})
