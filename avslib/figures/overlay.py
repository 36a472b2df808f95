"""Masks over pictures: a translucent area with an opaque edge, one colour for each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_erosion

from avslib.errors import UserError
from avslib.figures.colours import class_colour, rgb
from avslib.figures.html import Array, Masks, Pixels
from avslib.types import IGNORE


def paint(
    picture: Array,
    labels: Array,
    *,
    colours: Sequence[str] | None = None,
    fill: float = 0.5,
    dim: float = 0.35,
) -> Pixels:
    """The picture with every label painted in its colour; what has label 0 or 255 is only dimmed.

    picture: (3, H, W) uint8; labels: (H, W) bool or class indices; gives (3, H, W) uint8.
    colours: of label 1, 2, ...; by default `class_colour`. fill: opacity of the area; dim: darkening of the rest.
    Raises UserError when the two differ in size.
    """
    labels = np.asarray(labels).astype(int)
    if labels.shape != picture.shape[1:]:
        raise UserError(f"labels {labels.shape} on a picture {picture.shape[1:]}; resize the labels")
    present = [int(label) for label in np.unique(labels) if label not in (0, IGNORE)]
    out = np.asarray(picture, dtype=np.float32).copy()
    if present:
        out[:, (labels == 0) | (labels == IGNORE)] *= 1 - dim
    for label in present:
        colour = rgb(colours[label - 1] if colours else class_colour(label)).astype(np.float32)[:, None]
        mask = labels == label
        out[:, mask] = (1 - fill) * out[:, mask] + fill * colour
        out[:, edge(mask)] = colour
    return out.round().astype(np.uint8)


def outline(picture: Array, mask: Array, colour: str, *, thick: int = 1) -> Pixels:
    """The picture with the edge of one mask (H, W) drawn on it, `thick` pixels wide; (3, H, W) uint8."""
    out = np.asarray(picture, dtype=np.uint8).copy()
    out[:, edge(np.asarray(mask, bool), thick)] = rgb(colour)[:, None]
    return out


def edge(mask: Masks, thick: int = 1) -> Masks:
    """The pixels of the mask that lie within `thick` steps of its border."""
    inner: Masks = binary_erosion(mask, iterations=thick, border_value=1)
    return mask & ~inner
