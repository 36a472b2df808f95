"""The anchors explorer: one pixel under one sound, and which others a contrast draws near or pushes away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avslib.errors import UserError
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.explorers.packing import as_text
from avslib.figures.html import Floats, Pixels, picture_uri

KINDS = ("itself", "positive", "hard negative", "easy negative")
COLOURS = ("#FFFFFF", "#56B4E9", "#D55E00", "#E69F00")


@dataclass(frozen=True)
class Anchors:
    """M pixels. panel: (M,) which panel each lies in; place: (M, 2) across and down, 0 to 1; sound, seen: (M,) the class that
    is heard there and the class that is seen, 0 for neither; embedding: (M, C)."""

    panel: npt.NDArray[np.int64]
    place: Floats
    sound: npt.NDArray[np.int64]
    seen: npt.NDArray[np.int64]
    embedding: Floats

    def kinds(self) -> npt.NDArray[np.uint8]:
        """(M, M): row i says what each is to anchor i, as a place in `KINDS` (CAVP, eq. 3; for background its rule)."""
        truth = np.where(self.sound == self.seen, self.seen, 0)  # what is to be marked there
        same = truth[:, None] == truth
        half = (self.sound[:, None] == self.sound) | (self.seen[:, None] == self.seen)
        kinds = np.where(same, 1, np.where(half, 2, 3)).astype(np.uint8)
        np.fill_diagonal(kinds, 0)
        return kinds


class AnchorsExplorer(Explorer):
    """Panels of pictures under sounds, three to a row; dots are pixels; the slider steps through the anchors.

    pictures: P times (3, H, W) uint8, one a panel; titles: P texts, e.g. "dog, hears a cat"
    names:    {class: name}, 0 for the background

    Raises UserError when the arrays do not agree.
    """

    name = "anchors-explorer"

    def __init__(
        self,
        *,
        pictures: Sequence[Pixels],
        titles: Sequence[str],
        anchors: Anchors,
        names: dict[int, str],
        start: int = 0,
        caption: str,
        alt: str,
        licence: str | None = None,
    ) -> None:
        count = len(anchors.panel)
        if any(len(each) != count for each in vars(anchors).values()) or not 0 <= start < count:
            raise UserError(f"{count} anchors, start={start}: give as many of each, and a start among them")
        if len(pictures) != len(titles) or anchors.panel.max() >= len(pictures):
            raise UserError(f"{len(pictures)} pictures, {len(titles)} titles: give one each for every panel")
        self.pictures, self.titles, self.anchors, self.names, self.start = (
            pictures,
            titles,
            anchors,
            names,
            start,
        )
        super().__init__(caption=caption, alt=alt, licence=licence)

    def data(self) -> dict[str, Any]:
        rows = self.anchors.embedding / np.linalg.norm(self.anchors.embedding, axis=1, keepdims=True)
        likeness = np.round(127 + 127 * np.clip(rows @ rows.T, -1, 1)).astype(np.uint8)
        return {
            "pictures": [picture_uri(picture) for picture in self.pictures],
            "panels": self.anchors.panel.tolist(),
            "places": self.anchors.place.round(3).tolist(),
            "sounds": [self.names[int(k)] for k in self.anchors.sound],
            "seen": [self.names[int(k)] for k in self.anchors.seen],
            "kinds": as_text(self.anchors.kinds()),
            "likeness": as_text(likeness),
            "names": KINDS,
            "colours": COLOURS,
        }

    def body(self) -> str:
        height, width = self.pictures[0].shape[1:]
        scale = max(1, round(256 / width))
        cards = "".join(
            f'<div class="avs-card"><p class="avs-title">{title}</p>'
            f"{canvas('panel', width=scale * width, height=scale * height, label=title)}</div>"
            for title in self.titles
        )
        return (
            f"{slider('anchor', label='anchor', last=len(self.anchors.panel) - 1, start=self.start)}"
            f"{choice('kind', label='show', options=['all', *KINDS[1:]])}"
            f'<div class="avs-cards avs-threes">{cards}</div>'
        )
