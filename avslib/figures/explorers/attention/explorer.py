"""The attention explorer: maps over one picture, of several kinds, step by step along something that moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from avslib.errors import UserError
from avslib.figures.colours import TRUTH, VALUES
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.explorers.packing import colour_bytes, mask_sheet, pack
from avslib.figures.html import Floats, Masks, Pixels, picture_uri


class AttentionExplorer(Explorer):
    """A heat map over a picture, chosen by kind and step.

    picture: (3, H, W) uint8
    maps:    {kind: (S, h, w) of 0 and more}, e.g. of four activations, or of two models
    steps:   S short texts, what the slider stands at; along: what it is called
    places:  S numbers from 0 (left edge) to 1: a line is drawn there, where the sound stands; None: no line
    truth:   (S, H, W) bool, outlined; None: nothing is

    Each map has its own scale, whose end is printed. Raises UserError when the arrays do not agree.
    """

    name = "attention-explorer"

    def __init__(
        self,
        *,
        picture: Pixels,
        maps: Mapping[str, Floats],
        steps: Sequence[str],
        along: str,
        places: Sequence[float] | None = None,
        truth: Masks | None = None,
        start: int = 0,
        kind: str = "attention",
        caption: str,
        alt: str,
        licence: str | None = None,
    ) -> None:
        self.picture, self.steps, self.along, self.kind = picture, list(steps), along, kind
        self.maps = {name: np.asarray(each) for name, each in maps.items()}
        self.places, self.start = places, start
        self.truth = (
            np.zeros((len(steps), *picture.shape[1:]), bool) if truth is None else np.asarray(truth, bool)
        )
        self._check()
        super().__init__(caption=caption, alt=alt, licence=licence)

    def _check(self) -> None:
        count = len(self.steps)
        for name, each in self.maps.items():
            if each.ndim != 3 or len(each) != count or not np.isfinite(each).all() or each.min() < 0:
                raise UserError(
                    f"{name}: maps must be finite, at least 0 and ({count}, h, w), not {each.shape}"
                )
        if not self.maps or self.truth.shape != (count, *self.picture.shape[1:]):
            raise UserError(
                f"{len(self.maps)} kinds of maps, truth of {self.truth.shape}; give some, and (S, H, W)"
            )
        if self.places is not None and len(self.places) != count:
            raise UserError(f"{len(self.places)} places for {count} steps; give one a step")
        if not 0 <= self.start < count:
            raise UserError(f"start={self.start}: give a step from 0 to {count - 1}")

    def data(self) -> dict[str, Any]:
        return {
            "pictures": [picture_uri(self.picture), picture_uri(mask_sheet(self.truth), exact=True)],
            "colours": colour_bytes(VALUES),
            "truth": TRUTH,
            "along": self.along,
            "kind": self.kind,
            "steps": self.steps,
            "places": None if self.places is None else list(self.places),
            "maps": [{"name": name, **pack(each)} for name, each in self.maps.items()],
        }

    def body(self) -> str:
        height, width = self.picture.shape[1:]
        scale = max(1, round(512 / width))
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('map', width=scale * width, height=scale * height, label=self.alt)}"
            '<div class="avs-scale"><output data-part="low"></output>'
            f"{canvas('legend', width=256, height=1, label='colour scale')}"
            '<output data-part="high"></output></div></div><div class="avs-act">'
            f"{choice('kind', label=self.kind, options=list(self.maps))}"
            f"{slider('step', label=self.along, last=len(self.steps) - 1, start=self.start)}"
            "</div></div>"
        )
