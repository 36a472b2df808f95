"""Colours that colour-blind readers can tell apart (Okabe and Ito, 2008), and the maps made of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Blue, orange, green, purple, sky, vermilion, yellow, black."""

MASKS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#D55E00", "#CC79A7", "#0072B2", "#FFFFFF")
"""The same for masks, in the order that is best seen on photographs, white for black."""

TRUTH, PREDICTION = "#F0E442", "#D55E00"
"""Outlines over a photograph or a heat map: yellow for the truth, vermilion for what a model says."""

VALUES, SIGNED = "cividis", "PuOr"
"""Colour maps: of values from nought upwards, and of values with a sign (orange below, purple above)."""


def rgb(colour: str) -> npt.NDArray[np.uint8]:
    """'#0072B2' -> (3,) uint8."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8)


def class_colour(label: int) -> str:
    """The colour of label 1, 2, ... over a photograph; after eight they come round again."""
    return MASKS[(label - 1) % len(MASKS)]


def lookup_table(name: str) -> npt.NDArray[np.uint8]:
    """(256, 3) uint8: a matplotlib colour map as a table."""
    import matplotlib

    return (matplotlib.colormaps[name](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
