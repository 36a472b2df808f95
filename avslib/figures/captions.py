"""`show`: a picture with a caption and a text alternative; `style`: one look for all plots of the course."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from cycler import cycler
from PIL import Image

from avslib.figures.colours import OKABE_ITO
from avslib.figures.html import Array, Html, check_words, data_uri, escape, figcaption, opening, picture_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: Any = {
    "axes.prop_cycle": cycler(color=OKABE_ITO),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.labelsize": 10.5,
    "axes.grid": False,
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 10.5,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
"""Matplotlib settings of the course: Okabe-Ito colours, cividis for values, a white ground on any page."""

CSS_PIXELS_PER_INCH = 96


def style() -> None:
    """Give every plot of this notebook the course's look; call it once, at the top."""
    import matplotlib

    matplotlib.rcParams.update(STYLE)


def show(
    figure: Figure | Image.Image | Array,
    *,
    caption: str,
    alt: str,
    licence: str | None = None,
    dpi: int = 160,
    width: int | None = None,
) -> Html:
    """A figure of the book: the picture inside the page, a caption under it, a text for who cannot see it.

    figure:  a matplotlib Figure, a PIL picture, or an array (3, H, W) / (H, W, 3) uint8
    caption: what to see in it; plain text
    alt:     what is in it, for screen readers; plain text
    licence: `scene.licence` when the figure shows a composed scene; it is named in the caption
    dpi:     dots per inch of a matplotlib figure; width: in the page, pixels, by default its own width

    Raises UserError for an empty caption or alt, or a scene that may not be published.
    """
    check_words(caption, alt)
    if width is None and not isinstance(figure, (Image.Image, np.ndarray)):
        width = round(CSS_PIXELS_PER_INCH * figure.get_figwidth())
    size = f"width:{width}px;" if width else ""
    page = (
        opening("figure", "avs-figure", licence, more='style="margin:1em 0"')
        + f'<img src="{_uri(figure, dpi)}" alt="{escape(alt)}" style="{size}max-width:100%;filter:none">'
        + f"{figcaption(caption, licence)}</figure>"
    )
    return Html(page, caption)


def _uri(figure: Figure | Image.Image | Array, dpi: int) -> str:
    """The picture as WebP. A pyplot figure is closed, or the notebook would show it a second time."""
    if isinstance(figure, (Image.Image, np.ndarray)):
        return picture_uri(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="webp", dpi=dpi, pil_kwargs={"quality": 88, "method": 6})
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)
    return data_uri(buffer.getvalue(), "image/webp")
