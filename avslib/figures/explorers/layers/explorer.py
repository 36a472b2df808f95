"""The layers explorer: what each query, and all together, say before the first layer of a decoder and after each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from avslib.errors import UserError
from avslib.figures.colours import TRUTH, VALUES, class_colour
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.explorers.packing import as_text, colour_bytes, mask_sheet
from avslib.figures.html import Floats, Masks, Pixels, picture_uri
from avslib.types import Prediction

VIEWS = ("one query", "all together")


class LayersExplorer(Explorer):
    """A decoder's predictions over a picture, from early to late: one before the first layer and one after each.

    picture: (3, H, W) uint8
    masks:   (S, Q, h, w) in 0..1, S = 1 + layers
    classes: (S, Q, K + 1) probabilities; the last is "no object"
    names:   of the K classes, the first that of the background
    looks:   what the layers look at, over and over, as ("sound", "stride 32", "stride 16", "stride 8")
    queries: which may be chosen; None: all. All of them make the common map
    truth:   (H, W) bool, outlined; None: nothing is

    Raises UserError when the arrays do not agree.
    """

    name = "layers-explorer"

    def __init__(
        self,
        *,
        picture: Pixels,
        masks: Floats,
        classes: Floats,
        names: Sequence[str],
        looks: Sequence[str],
        queries: Sequence[int] | None = None,
        truth: Masks | None = None,
        caption: str,
        alt: str,
        licence: str | None = None,
    ) -> None:
        self.picture, self.masks, self.classes = picture, np.asarray(masks), np.asarray(classes)
        self.names, self.looks = list(names), list(looks)
        self.truth = np.zeros(picture.shape[1:], bool) if truth is None else np.asarray(truth, bool)
        self._check()
        self.queries = list(range(self.masks.shape[1]) if queries is None else queries)
        if not self.queries or not set(self.queries) <= set(range(self.masks.shape[1])):
            raise UserError(f"queries {self.queries}: give some from 0 to {self.masks.shape[1] - 1}")
        super().__init__(caption=caption, alt=alt, licence=licence)

    @classmethod
    def of(cls, prediction: Prediction, *, second: int = 0, **shown: Any) -> LayersExplorer:
        """Of the first clip of a mask transformer's prediction. shown: the other arguments of the explorer."""
        names = ("class_logits", "mask_logits")
        steps = [
            [p[name][0, second].detach().float().cpu() for name in names]
            for p in (*prediction.layers, prediction.extras)
        ]
        return cls(
            masks=np.stack([masks.sigmoid().numpy() for _, masks in steps]),
            classes=np.stack([classes.softmax(dim=-1).numpy() for classes, _ in steps]),
            **shown,
        )

    def _check(self) -> None:
        masks, classes = self.masks.shape, self.classes.shape
        if len(masks) != 4 or classes != (*masks[:2], len(self.names) + 1):
            raise UserError(
                f"masks {masks} and classes {classes} of {len(self.names)} names; give (S, Q, h, w) and (S, Q, K + 1)"
            )
        for name, each in {"masks": self.masks, "classes": self.classes}.items():
            if not ((each >= 0) & (each <= 1)).all():
                raise UserError(f"{name} must lie in 0..1; take the sigmoid or the softmax of logits first")
        if not self.looks or self.truth.shape != self.picture.shape[1:]:
            raise UserError(
                f"looks {self.looks}, truth {self.truth.shape}: say what layers look at, and give (H, W)"
            )

    def labels(self) -> tuple[np.ndarray[Any, np.dtype[np.intp]], Floats]:
        """(S, h, w) the class of the largest score of all queries together, and (S, h, w) that score."""
        scores = np.einsum("sqk,sqhw->skhw", self.classes[..., :-1], self.masks)
        return scores.argmax(axis=1), scores.max(axis=1)

    def data(self) -> dict[str, Any]:
        labels, scores = self.labels()
        shown, height = self.masks[:, self.queries], self.masks.shape[2]
        return {
            "pictures": [picture_uri(self.picture), picture_uri(mask_sheet(self.truth), exact=True)],
            "colours": colour_bytes(VALUES),
            "truth": TRUTH,
            "height": height,
            "width": self.masks.shape[3],
            "names": [*self.names, "no object"],
            "classes": [class_colour(label) for label in range(len(self.names))],
            "looks": self.looks,
            "queries": self.queries,
            "masks": as_text((255 * shown).round().astype(np.uint8)),
            "answers": [
                [[int(row.argmax()), round(float(row.max()), 3)] for row in step]
                for step in self.classes[:, self.queries]
            ],
            "labels": as_text(labels.astype(np.uint8)),
            "found": [
                [[int(k), round(float(s[m == k].mean()), 3)] for k in np.unique(m) if k]
                for m, s in zip(labels, scores)
            ],
        }

    def body(self) -> str:
        height, width = self.picture.shape[1:]
        scale = max(1, round(512 / width))
        surest = self.classes[-1, self.queries, 1:-1].max(axis=1, initial=0).argmax()
        last = len(self.masks) - 1
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('map', width=scale * width, height=scale * height, label=self.alt)}"
            f'<div class="avs-scale"><output data-part="low"></output>{canvas("legend", width=256, height=1, label="colour scale")}'
            '<output data-part="high"></output></div></div><div class="avs-act">'
            f"{slider('step', label='layer', last=last, start=last)}"
            f"{choice('view', label='show', options=VIEWS)}"
            f"{slider('query', label='query', last=len(self.queries) - 1, start=int(surest))}"
            '<div data-part="key"></div></div></div>'
        )
