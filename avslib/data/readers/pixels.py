"""What the values of a picture file mean, whatever its mode: Pillow's own `convert` cuts 16 bits off at 255,
drops alpha, and stretches 4 bits, all without a word."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from avslib.errors import UserError

Mode = Literal["RGB", "L", "as stored"]
FORMATS = ("PNG", "JPEG")
"""Of the releases. Others need not be harmless: PIL hands PostScript to another program."""
BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What PIL raises for files that are damaged, or too large."""
FULL_16 = 65535
"""White in 16 bits; a 257th of it is white in 8."""
BITS = "avslib bits"
"""Key in `Image.info`: bits a channel in the file. Pillow's modes do not tell."""


def open_picture(file: BinaryIO) -> Image.Image:
    """The png or jpg in `file`, decoded to its end, in Pillow's mode. Raises one of `BROKEN`."""
    image = Image.open(file, formats=FORMATS)
    stored = str(image.tile[0][3]) if image.format == "PNG" and image.tile else ""  # e.g. L;4, I;16B, RGB;16B
    _, _, bits = stored.partition(";")
    image.load()
    image.info[BITS] = int(bits.rstrip("B")) if bits else 1 if image.mode == "1" else 8
    return image


def to_picture(image: Image.Image, mode: Mode = "RGB") -> Image.Image:
    """A picture in 8 bits of mode "RGB" or "L": values keep their share of white. Alpha is left out."""
    if image.mode.startswith(("I", "F")):
        shares = np.asarray(image).astype(np.float64) / (FULL_16 / 255)  # /257
        if shares.min(initial=0) < 0 or shares.max(initial=0) > 255:
            raise UserError(f"its mode {image.mode} has values outside 0..{FULL_16}; save it with 8 bits")
        image = Image.fromarray(shares.round().astype(np.uint8))
    return image.convert(mode)


def to_mask(image: Image.Image, mode: Mode) -> Image.Image:
    """A mask in 8 bits of mode "RGB" (colours) or "L" (grey, soft masks included).

    Raises UserError, without the file's name, where alpha says something else than the colours, and for colours
    of 16 bits: of several channels Pillow keeps half, and one is no colour.
    """
    if image.info.get(BITS) == 16 and not image.mode.startswith("I"):
        raise UserError("has 16 bits in each of several channels; save the mask with 8 bits a channel")
    if mode == "RGB" and image.mode.startswith("I") and np.asarray(image).any():
        raise UserError("has one channel of 16 bits where a mask has colours; save it as RGB of 8 bits")
    flat = to_picture(image, mode)
    values = np.asarray(flat)
    _check_alpha(image, values > 127 if mode == "L" else values.any(axis=-1))
    return flat


def label_values(image: Image.Image) -> npt.NDArray[np.int64]:
    """(H, W) class numbers, exactly as they are stored, in however many bits; of a palette picture the indices.

    Raises UserError, without the file's name, for several channels, alpha that says something else, and for 2
    or 4 bits of grey, which may stand for themselves or for a shade of 8.
    """
    bits, bands = image.info.get(BITS), len(image.getbands())
    if bands > 1 and not (image.mode == "LA" and bits == 8):
        raise UserError(f"has {bands} channels where a mask has one; extract it again")
    values = np.asarray(image.getchannel(0) if bands > 1 else image).astype(np.int64)  # H W
    if image.mode == "L" and bits in (2, 4) and values.any():
        raise UserError(f"grey of {bits} bits: label or shade? Save the class numbers with 8 bits")
    if image.mode.startswith("F"):
        raise UserError("holds fractions where a mask has class numbers; save them with 8 bits")
    _check_alpha(image, values > 0)
    return values


def _check_alpha(image: Image.Image, marked: npt.ArrayLike) -> None:
    """Raises UserError unless what is opaque is all, or just what is `marked` (H, W)."""
    alpha = _alpha(image)
    if alpha is None or (alpha.min() == alpha.max() and alpha.max() > 127):
        return
    if not np.array_equal(alpha > 127, marked):
        raise UserError(
            "its transparency (alpha) says something else than its colours, and either may be the mask; "
            "save it without alpha, the marked pixels in colour"
        )


def _alpha(image: Image.Image) -> npt.NDArray[np.uint8] | None:
    """(H, W), 255 opaque; None for a picture that has none."""
    if image.mode in ("LA", "RGBA", "PA"):
        return np.asarray(image.getchannel("A"))
    clear = image.info.get("transparency")
    if clear is None:
        return None
    if image.mode.startswith("I"):  # one grey value is clear
        return np.where(np.asarray(image) == clear, 0, 255).astype(np.uint8)
    return np.asarray(image.convert("RGBA").getchannel("A"))
