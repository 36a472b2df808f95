"""The matching explorer: what each pair of a mask and a query costs, and which assignment costs least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from avslib.errors import UserError
from avslib.figures.colours import VALUES, class_colour
from avslib.figures.explorers.frame import Explorer, slider
from avslib.figures.explorers.matching.pairs import WEIGHTS, Pairs
from avslib.figures.explorers.matching.table import cost_table
from avslib.figures.explorers.packing import as_text, colour_bytes
from avslib.figures.html import Pixels, picture_uri

BACKGROUND = "#999999"


class MatchingExplorer(Explorer):
    """Costs of masks (rows) and queries (columns) as a table; masks and weights can be moved, and the matching follows.

    picture: (3, H, W) uint8, behind the masks
    pairs:   the masks and the queries
    names:   of the K classes, the first that of the background

    The page computes what `pairs.costs` and `pairs.matched` give. Raises UserError for another number of names.
    """

    name = "matching-explorer"

    def __init__(
        self,
        *,
        picture: Pixels,
        pairs: Pairs,
        names: Sequence[str],
        caption: str,
        alt: str,
        licence: str | None = None,
    ) -> None:
        self.picture, self.pairs, self.names = picture, pairs, list(names)
        if len(self.names) != pairs.class_logits.shape[1] - 1:
            raise UserError(
                f"{len(self.names)} names for {pairs.class_logits.shape[1] - 1} classes: give one each"
            )
        super().__init__(caption=caption, alt=alt, licence=licence)

    def data(self) -> dict[str, Any]:
        pairs = self.pairs
        return {
            "pictures": [picture_uri(self.picture)],
            "colours": colour_bytes(VALUES),
            "height": pairs.labels.shape[0],
            "width": pairs.labels.shape[1],
            "targets": [
                {
                    "name": self.names[label],
                    "colour": class_colour(label) if label else BACKGROUND,
                    "rest": label == 0,
                    "mask": as_text(mask.astype(np.uint8)),
                }
                for label, mask in zip(pairs.targets, pairs.masks())
            ],
            "queries": [
                {
                    "number": number + 1,
                    "probable": [round(float(p), 5) for p in probable],
                    "logits": [round(float(x), 2) for x in logits.ravel()],
                }
                for number, probable, logits in zip(
                    pairs.numbers, pairs.probable[:, pairs.targets], pairs.mask_logits
                )
            ],
        }

    def body(self) -> str:
        pairs, says = self.pairs, [*self.names, "no object"]
        reach = pairs.labels.shape[1] // 2
        shifts = "".join(
            slider("shift", label=f"move {self.names[label]}", last=2 * reach, start=reach)
            for label in pairs.targets
            if label
        )
        weights = "".join(
            slider("weight", label=f"weight of {term}", last=10, start=int(weight))
            for term, weight in zip(("class", "mask", "Dice"), WEIGHTS)
        )
        queries = [
            (f"query {number + 1}", f"{says[int(row.argmax())]} {row.max():.2f}")
            for number, row in zip(pairs.numbers, pairs.probable)
        ]
        targets = [self.names[label] for label in pairs.targets]
        return (
            f"{cost_table(targets, queries, pairs.costs(), pairs.matched())}"
            f'<div class="avs-columns"><div class="avs-act">{shifts}</div><div class="avs-act">{weights}</div></div>'
        )
