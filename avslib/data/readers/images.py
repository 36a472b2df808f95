"""Pictures and masks from disk, in the size that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from avslib.data.readers.pixels import BROKEN, Mode, label_values, open_picture, to_mask, to_picture
from avslib.errors import UserError
from avslib.types import IGNORE

Pixels = npt.NDArray[np.uint8]
Fit = Literal["squash", "crop"]
"""How a picture becomes a square: "squash" changes its shape, "crop" resizes the short side and cuts the rest
off on both ends of the long one. AVSBench-semantic trains on crops and tests on squashed pictures."""


def read_image(
    path: Path, *, size: int | None, fit: Fit = "squash", mode: Mode = "RGB", nearest: bool = False
) -> Pixels:
    """(H, W, 3) uint8, or (H, W) where `mode` has one channel.

    size:    side of the square, pixels; None for the picture as it is
    mode:    "RGB"; "L" for grey; "as stored" for a map of class numbers, 0 to 255
    nearest: for masks, as maps of class numbers always are: no new values arise, and what alpha hides is told.
             Else bilinear. Both are PIL's, as in the published loaders

    16 bits are scaled to 8, class numbers never. Raises UserError for a missing, damaged or cut-off file, one of
    absurd size, one with several channels where one is needed, and as `to_mask` does.
    """
    if fit not in ("squash", "crop"):
        raise UserError(f"unknown fit {fit!r}; choose squash or crop")
    image = load(path)
    try:
        if mode == "as stored":
            image = _narrow(label_values(image))
        else:
            image = to_mask(image, mode) if nearest else to_picture(image, mode)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if size is not None:
        mask = nearest or mode == "as stored"
        image = _square(image, size, fit, Image.Resampling.NEAREST if mask else Image.Resampling.BILINEAR)
    return np.array(image)


def load(path: Path) -> Image.Image:
    """The picture as it is stored, decoded. Raises UserError when it is missing, damaged or too large."""
    try:
        with path.open("rb") as file:
            return open_picture(file)
    except FileNotFoundError:
        raise UserError(f"{path}: missing; see what is there with: avslib doctor") from None
    except BROKEN as error:
        raise UserError(f"{path}: cannot be read as a picture ({error}); extract it again") from None


def _narrow(labels: npt.NDArray[np.int64]) -> Image.Image:
    """Labels in 8 bits, where they fit."""
    odd = labels[(labels < 0) | (labels > IGNORE)]
    if len(odd):
        raise UserError(f"holds the value {odd[0]}; class numbers end at {IGNORE}, so store them as 8 bits")
    return Image.fromarray(labels.astype(np.uint8))


def _square(image: Image.Image, size: int, fit: Fit, way: Image.Resampling) -> Image.Image:
    width, height = image.size
    if fit == "squash":
        return image if (width, height) == (size, size) else image.resize((size, size), way)
    if width > height:
        width, height = int(1.0 * width * size / height), size
    else:
        width, height = size, int(1.0 * height * size / width)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.resize((width, height), way).crop((left, top, left + size, top + size))
