"""The smallest piece: something a notebook displays as HTML, with every picture and sound inside it."""

from __future__ import annotations

import base64
import html
import io
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from avslib.errors import UserError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]
Masks = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Html:
    """A piece of a page. Notebooks and the book show `page`; a text console shows `text`."""

    page: str
    text: str = ""

    def _repr_html_(self) -> str:
        return self.page

    def __repr__(self) -> str:
        return self.text or f"<Html, {len(self.page)} characters>"


def data_uri(content: bytes, mime: str) -> str:
    """The bytes as a `data:` address, so that no request leaves the page."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def encode(picture: Array | Image.Image, form: str = "WEBP", quality: int = 85) -> bytes:
    """A picture, (3, H, W) or (H, W, 3) or (H, W), uint8, as a file of `form`; "PNG" is exact."""
    buffer = io.BytesIO()
    as_image(picture).save(buffer, form, quality=quality)
    return buffer.getvalue()


def picture_uri(picture: Array | Image.Image, *, exact: bool = False) -> str:
    """A picture as a `data:` address: WebP, or PNG when the pixel values are data (`exact`)."""
    return data_uri(encode(picture, "PNG"), "image/png") if exact else data_uri(encode(picture), "image/webp")


def as_image(picture: Array | Image.Image) -> Image.Image:
    """(3, H, W), (H, W, 3) or (H, W) uint8 -> a PIL picture. Raises UserError for other arrays."""
    if isinstance(picture, Image.Image):
        return picture
    pixels = np.asarray(picture)
    if pixels.dtype != np.uint8:
        raise UserError(f"a picture must be uint8, 0 to 255, not {pixels.dtype}; convert it first")
    if pixels.ndim == 3 and pixels.shape[0] == 3:
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim != 2 and pixels.shape[2:] != (3,):
        raise UserError(f"a picture must be (3, H, W), (H, W, 3) or (H, W), not {pixels.shape}")
    return Image.fromarray(np.ascontiguousarray(pixels))


def escape(text: str) -> str:
    """Text that may stand in the page or in a quoted attribute."""
    return html.escape(text, quote=True)


def fresh_id(name: str) -> str:
    """An element id that no other figure of the page has."""
    return f"avs-{name}-{uuid.uuid4().hex[:10]}"


def opening(tag: str, names: str, licence: str | None, *, more: str = "") -> str:
    """'<tag class="names" more>', marked as a published scene when there is a licence.

    Raises UserError for a scene whose files may not be published together.
    """
    if licence is None:
        return f'<{tag} class="{names}" {more}>'
    if licence.startswith("mixed"):
        raise UserError(
            "this scene mixes files that may not be published under one licence; "
            'compose it with MiniScenes(..., family="GPL") or family="CC-BY-SA"'
        )
    return f'<{tag} class="{names} avs-scene" data-licence="{escape(licence)}" {more}>'


def figcaption(caption: str, licence: str | None) -> str:
    """The caption, and after it the licence of the scene that is shown."""
    credit = f" Scene: {licence}; authors on the credits page." if licence else ""
    return (
        '<figcaption style="font-size:.92em;line-height:1.45;margin-top:.5em;text-align:left;color:inherit;font-weight:inherit;font-family:inherit">'
        f'{escape(caption)}<span style="opacity:.75">{escape(credit)}</span></figcaption>'
    )


def check_words(caption: str, alt: str) -> None:
    """Raises UserError when a figure comes without its caption or its text alternative."""
    if not caption.strip() or not alt.strip():
        raise UserError("a figure needs a caption and an alt text; write both")
