"""The groups explorer: whose each pixel is when queries share a picture out, and which prototypes each query takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from avslib.errors import UserError
from avslib.figures.colours import MASKS
from avslib.figures.explorers.frame import Explorer, canvas, slider
from avslib.figures.explorers.packing import as_text
from avslib.figures.html import Floats, Pixels, picture_uri

MOST_QUERIES = 256  # one byte a pixel


class GroupsExplorer(Explorer):
    """A picture in the colours of the queries that group its pixels; one query is brought out, with what it takes.

    picture: (3, H, W) uint8
    groups:  (h, w) whole numbers, the query of each pixel: "vct.group" of `recording()`, as a map
    weights: (Q, K), how much each query takes of each prototype; rows add up to 1
    names:   of the K prototypes
    bars:    so many prototypes are shown, the query's largest
    start:   the query at first; by default that with the most pixels

    The slider, or a click on the picture, chooses the query. Colours come round after eight; lines part the groups.
    Raises UserError when the arrays do not agree.
    """

    name = "groups-explorer"

    def __init__(
        self,
        *,
        picture: Pixels,
        groups: npt.NDArray[np.integer[Any]],
        weights: Floats,
        names: Sequence[str],
        bars: int = 8,
        start: int | None = None,
        caption: str,
        alt: str,
        licence: str | None = None,
    ) -> None:
        self.picture, self.groups, self.weights = picture, np.asarray(groups), np.asarray(weights)
        self.names, self.bars = list(names), bars
        self._check()
        self.start = int(np.bincount(self.groups.ravel()).argmax()) if start is None else start
        if not 0 <= self.start < len(self.weights):
            raise UserError(f"start={start}: give a query from 0 to {len(self.weights) - 1}")
        super().__init__(caption=caption, alt=alt, licence=licence)

    def _check(self) -> None:
        if self.weights.ndim != 2 or self.weights.shape[1] != len(self.names):
            raise UserError(f"weights {self.weights.shape} of {len(self.names)} prototypes; give (Q, K)")
        sums = self.weights.sum(axis=1)
        if not np.isfinite(sums).all() or self.weights.min() < 0 or np.abs(sums - 1).max() > 0.01:
            raise UserError(
                "weights of prototypes must be at least 0 and add up to 1; take the softmax first"
            )
        known = range(min(len(self.weights), MOST_QUERIES))
        whole = self.groups.ndim == 2 and np.issubdtype(self.groups.dtype, np.integer) and self.groups.size
        if not whole or self.groups.min() not in known or self.groups.max() not in known:
            raise UserError(
                f"groups of {self.groups.shape}: give (h, w) whole numbers from 0 to {len(known) - 1}, one query a pixel"
            )

    def data(self) -> dict[str, Any]:
        first = np.argsort(-self.weights, axis=1, kind="stable")[:, : self.bars]
        return {
            "pictures": [picture_uri(self.picture)],
            "colours": MASKS,
            "names": self.names,
            "height": self.groups.shape[0],
            "width": self.groups.shape[1],
            "groups": as_text(self.groups.astype(np.uint8)),
            "takes": [
                [[int(k), round(float(row[k]), 3)] for k in order] for row, order in zip(self.weights, first)
            ],
        }

    def body(self) -> str:
        height, width = self.picture.shape[1:]
        scale = max(1, round(512 / width))
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('map', width=scale * width, height=scale * height, label=self.alt)}</div>"
            '<div class="avs-act">'
            f"{slider('query', label='query', last=len(self.weights) - 1, start=self.start)}"
            '<p class="avs-title">what it takes of the prototypes</p><div data-part="bars"></div></div></div>'
        )
