"""The colours of AVSBench-semantic: label <-> colour, and what to do with colours that are nobody's."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from avslib.types import IGNORE

Pixels = npt.NDArray[np.uint8]
Unknown = Literal["background", "ignore"]
"""What a pixel of an unknown colour becomes. The authors' loader makes it background."""


@lru_cache(maxsize=8)
def palette(classes: int = 71) -> Pixels:
    """(K, 3) uint8, the colour of every label; label 0, the background, is black.

    Pascal VOC's rule: the bits of the label are dealt out in turn to red, green and blue, the first ones to
    the highest bits of the colour (AVSBench, avss/color_dataloader.py).
    """
    label = np.arange(classes)
    colours = np.zeros((classes, 3), np.uint8)
    for bit in range(8):
        channel, rank = bit % 3, 7 - bit // 3
        colours[:, channel] |= (((label >> bit) & 1) << rank).astype(np.uint8)
    colours.setflags(write=False)
    return colours


def to_colours(labels: npt.NDArray[np.integer], classes: int = 71) -> Pixels:
    """(..., ) labels 0 .. K-1 -> (..., 3) RGB."""
    colours: Pixels = palette(classes)[labels]
    return colours


def to_labels(
    rgb: Pixels, classes: int = 71, *, unknown: Unknown = "background"
) -> tuple[npt.NDArray[np.int64], dict[tuple[int, int, int], int]]:
    """(..., 3) RGB -> labels, and {colour that is not in the palette: number of its pixels}.

    Stray pixels of other colours do occur in AVSBench-semantic, at the seams of objects.
    """
    codes, order = _codes(classes)
    seen = _code(rgb)
    place = np.searchsorted(codes, seen).clip(max=classes - 1)
    labels: npt.NDArray[np.int64] = order[place]
    stray = codes[place] != seen
    if not stray.any():
        return labels, {}
    labels[stray] = IGNORE if unknown == "ignore" else 0
    values, counts = np.unique(seen[stray], return_counts=True)
    colours = [(int(v) >> 16, int(v) >> 8 & 255, int(v) & 255) for v in values]
    return labels, dict(zip(colours, counts.tolist()))


def _code(rgb: Pixels) -> npt.NDArray[np.int32]:
    """One number for a colour."""
    red, green, blue = (rgb[..., k].astype(np.int32) for k in range(3))
    return (red << 16) | (green << 8) | blue


@lru_cache(maxsize=8)
def _codes(classes: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """The palette's numbers in rising order, and the label of each."""
    codes = _code(palette(classes))
    order = np.argsort(codes)
    return codes[order], order
