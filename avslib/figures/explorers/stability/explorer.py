"""The stability explorer: which query got which class in each epoch, of several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avslib.errors import UserError
from avslib.figures.colours import OKABE_ITO, VALUES
from avslib.figures.explorers.frame import Explorer, canvas, slider
from avslib.figures.explorers.packing import as_text, colour_bytes
from avslib.figures.html import Floats, Masks, escape
from avslib.metrics.stability import stability

COLOURS = (OKABE_ITO[0], OKABE_ITO[1], OKABE_ITO[2], OKABE_ITO[3])


class StabilityExplorer(Explorer):
    """A heat map a run: rows are classes, columns queries, and a cell how much of the class the query got in that epoch.

    runs:  {title: (E, C, Q) whole numbers}, how often each query got each class: `Watch.assigned`; one to four, all of
           the same epochs and classes
    names: of the C classes; those that never occur are left out

    Below, each run's STS, epoch by epoch. Raises UserError when the runs and the names do not agree.
    """

    name = "stability-explorer"

    def __init__(
        self, runs: Mapping[str, npt.NDArray[np.integer[Any]]], *, names: Sequence[str], caption: str, alt: str
    ) -> None:  # fmt: skip
        self.runs, self.names = {title: np.asarray(counts) for title, counts in runs.items()}, list(names)
        kinds = {counts.shape[:2] for counts in self.runs.values()}
        wrong = any(counts.ndim != 3 or counts.min(initial=0) < 0 for counts in self.runs.values())
        if wrong or len(kinds) != 1 or not 1 <= len(self.runs) <= len(COLOURS):
            shapes = {title: counts.shape for title, counts in self.runs.items()}
            raise UserError(f"runs {shapes}: give one to four, (E, C, Q) each, of the same E and C")
        if kinds.pop()[1] != len(self.names) or not self.occurring.any():
            raise UserError(f"{len(self.names)} names: give one for each class, of which some occur")
        super().__init__(caption=caption, alt=alt, licence=None)

    @property
    def occurring(self) -> Masks:
        """(C,) bool: which classes any query ever got."""
        found: Masks = np.any([counts.any(axis=(0, 2)) for counts in self.runs.values()], axis=0)
        return found

    @property
    def epochs(self) -> int:
        """E."""
        return len(next(iter(self.runs.values())))

    def shares(self, title: str) -> Floats:
        """(E, C', Q): of the classes that occur, each row adds up to 1, or to 0 where it has not occurred in the epoch."""
        counts = self.runs[title][:, self.occurring].astype(float)
        shares: Floats = counts / counts.sum(axis=2, keepdims=True).clip(min=1)
        return shares

    def scores(self, title: str) -> list[float]:
        """STS of each epoch."""
        return [stability(torch.from_numpy(counts)) for counts in self.runs[title]]

    def data(self) -> dict[str, Any]:
        return {
            "colours": colour_bytes(VALUES),
            "names": [name for name, there in zip(self.names, self.occurring) if there],
            "epochs": self.epochs,
            "runs": [
                {
                    "title": title,
                    "colour": colour,
                    "queries": counts.shape[2],
                    "any": float(np.log(counts.shape[2])),
                    "scores": [round(score, 4) for score in self.scores(title)],
                    "shares": as_text((255 * self.shares(title)).round().astype(np.uint8)),
                }
                for (title, counts), colour in zip(self.runs.items(), COLOURS)
            ],
        }

    def body(self) -> str:
        height = 44 * int(self.occurring.sum()) + 56
        cards = "".join(
            f'<div class="avs-look"><p class="avs-title"><b style="color:{colour}">■</b> {escape(title)}: '
            f'STS <output data-part="score"></output></p>'
            f"{canvas('table', width=720, height=height, label=f'which query got which class: {title}')}</div>"
            for title, colour in zip(self.runs, COLOURS)
        )
        return (
            f"{slider('epoch', label='epoch', last=self.epochs - 1, start=self.epochs - 1)}"
            f'<div class="avs-columns">{cards}</div>'
            '<div class="avs-scale"><span>nothing</span>'
            f"{canvas('legend', width=256, height=1, label='colour scale')}<span>all of the class</span></div>"
            '<p class="avs-title" style="margin-top:12px">STS over the epochs</p>'
            f"{canvas('curve', width=1000, height=260, label=self.alt)}"
        )
