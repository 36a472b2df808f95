"""Pictures and masks from disk, in the size that is asked for."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from avslib.errors import UserError

Pixels = npt.NDArray[np.uint8]
Fit = Literal["squash", "crop"]
"""How a picture becomes a square: "squash" changes its shape, "crop" resizes the short side and cuts the rest
off on both ends of the long one. AVSBench-semantic trains on crops and tests on squashed pictures."""

Mode = Literal["RGB", "L", "as stored"]
FORMATS = ("PNG", "JPEG")
"""Of the releases. Others need not be harmless: PIL hands PostScript to another program."""
BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What PIL raises for files that are damaged, or too large."""


def read_image(
    path: Path, *, size: int | None, fit: Fit = "squash", mode: Mode = "RGB", nearest: bool = False
) -> Pixels:
    """(H, W, 3) uint8, or (H, W) where `mode` or the file has one channel.

    size:    side of the square, pixels; None for the picture as it is
    mode:    "RGB"; "L" for grey; "as stored" for a map of class numbers
    nearest: for masks: no new values arise. Else bilinear. Both are PIL's, as in the published loaders

    Raises UserError for a missing, damaged or cut-off file, one of absurd size, or one with several channels
    where one is needed.
    """
    if fit not in ("squash", "crop"):
        raise UserError(f"unknown fit {fit!r}; choose squash or crop")
    try:
        with Image.open(path, formats=FORMATS) as file:
            image = file if mode == "as stored" else file.convert(mode)
            image.load()
            if size is not None:
                way = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
                image = _square(image, size, fit, way)
            pixels = np.array(image)
    except FileNotFoundError:
        raise UserError(f"{path}: missing; see what is there with: avslib doctor") from None
    except BROKEN as error:
        raise UserError(f"{path}: cannot be read as a picture ({error}); extract it again") from None
    if mode == "as stored" and pixels.ndim != 2:
        raise UserError(f"{path}: has {pixels.shape[-1]} channels where a mask has one; extract it again")
    return pixels.astype(np.uint8, copy=False)


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
