"""One clip at a glance: its frames, what is painted on them, and under them its sound on the same clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from avslib.audio.frontends import VGGishLogMel
from avslib.figures.captions import STYLE
from avslib.figures.colours import OKABE_ITO, class_colour
from avslib.figures.html import Array
from avslib.figures.overlay import paint
from avslib.types import IGNORE, Clip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, RIGHT = OKABE_ITO[0], OKABE_ITO[5]


def scene_figure(
    clip: Clip,
    *,
    rows: Mapping[str, Array] | None = None,
    names: Sequence[str] = (),
    log_mel: bool = True,
    width: float = 8.0,
) -> Figure:
    """Columns are the clip's T seconds; rows are the pictures, then each of `rows`, then its sound.

    rows:    {title: (T, H, W) labels or bool}, painted over the frames; by default {"truth": clip.labels}
    names:   of label 1, 2, ..., for the legend; without names there is no legend
    log_mel: also show what VGGish is given: 64 mel bins in windows of 0.96 s; shown for the first seconds
    width:   of the figure, inches

    The figure belongs to nobody until `show(figure, caption=..., alt=...)` puts it on the page.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rows = {"truth": clip.labels.numpy()} if rows is None else rows
    seconds = len(clip.labels)
    tall = width / max(seconds, 2)
    heights = [tall] * (1 + len(rows)) + [0.75] + [0.9] * log_mel
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, sum(heights) + 0.55 + 0.3 * bool(names)))
        grid = figure.add_gridspec(len(heights), seconds, height_ratios=heights)
        _frames(figure, grid, clip, rows)
        _waveform(figure.add_subplot(grid[1 + len(rows), :]), clip, last=not log_mel)
        if log_mel:
            _log_mel(figure.add_subplot(grid[2 + len(rows), :]), clip)
        if names:
            _legend(figure, [np.asarray(labels) for labels in rows.values()], names)
    return figure


def _frames(figure: Figure, grid: object, clip: Clip, rows: Mapping[str, Array]) -> None:
    seconds = len(clip.labels)
    frames = clip.frames.expand(seconds, -1, -1, -1).numpy()
    for number, (title, labels) in enumerate([("picture", None), *rows.items()]):
        for second in range(seconds):
            axes = figure.add_subplot(grid[number, second])  # type: ignore[index]
            picture = frames[second] if labels is None else paint(frames[second], np.asarray(labels)[second])
            axes.imshow(picture.transpose(1, 2, 0))
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if second == 0:
                axes.set_ylabel(title)
            if number == 0:
                axes.set_title(f"second {second + 1}", fontsize=9.5)


def _waveform(axes: Axes, clip: Clip, last: bool) -> None:
    """Left upwards, right downwards: which side is louder is seen at once."""
    seconds = len(clip.labels)
    sound = clip.waveform[:, : seconds * clip.sample_rate].numpy()
    steps = np.array_split(np.arange(sound.shape[1]), 150 * seconds)
    middle = np.array([part.mean() for part in steps]) / clip.sample_rate
    for channel, sign, colour, name in ((0, 1, LEFT, "left"), (-1, -1, RIGHT, "right")):
        loud = np.array([np.abs(sound[channel, part]).max(initial=0.0) for part in steps])
        axes.fill_between(middle, 0, sign * loud, color=colour, linewidth=0, label=name)
    top = max(0.05, float(np.abs(sound).max(initial=0.0)))
    axes.set(xlim=(0, seconds), ylim=(-1.1 * top, 1.1 * top), yticks=[], xticks=range(seconds + 1))
    axes.set_ylabel("sound")
    if len(sound) == 2:
        axes.text(0.004, 0.96, "left", color=LEFT, fontsize=8.5, va="top", transform=axes.transAxes)
        axes.text(0.004, 0.04, "right", color=RIGHT, fontsize=8.5, va="bottom", transform=axes.transAxes)
    _seconds(axes, seconds, last)


def _log_mel(axes: Axes, clip: Clip) -> None:
    seconds = len(clip.labels)
    with torch.no_grad():
        windows = VGGishLogMel()(clip.waveform, clip.sample_rate, frames=seconds)  # (T, 1, F, M)
    for second, window in enumerate(windows[:, 0].numpy()):  # (F, M)
        extent = (0.96 * second, 0.96 * second + 0.96, 0, window.shape[1])
        axes.imshow(window.T, aspect="auto", origin="lower", cmap="magma", extent=extent,
                    vmin=float(windows.min()), vmax=float(windows.max()))  # fmt: skip
    axes.set(xlim=(0, seconds), ylim=(0, windows.shape[-1]), yticks=[], xticks=range(seconds + 1))
    axes.set_ylabel("log-mel")
    _seconds(axes, seconds, True)


def _seconds(axes: Axes, seconds: int, last: bool) -> None:
    for second in range(1, seconds):
        axes.axvline(second, color="#888888", linewidth=0.6, linestyle=":")
    axes.tick_params(labelbottom=last, length=3 if last else 0)
    if last:
        axes.set_xlabel("time, seconds")


def _legend(figure: Figure, rows: Sequence[Array], names: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    present = sorted({int(label) for labels in rows for label in np.unique(labels)} - {0, IGNORE})
    patches = [
        Patch(facecolor=class_colour(label), edgecolor="#666666", label=names[label - 1]) for label in present
    ]
    figure.legend(handles=patches, loc="outside upper center", ncols=max(1, len(patches)), fontsize=9.5)
