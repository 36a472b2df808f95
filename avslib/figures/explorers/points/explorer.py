"""The points explorer: embeddings in the plane, of several models, class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from avslib.errors import UserError
from avslib.figures.colours import class_colour
from avslib.figures.explorers.frame import Explorer, canvas, choice, slider
from avslib.figures.html import Floats


class PointsExplorer(Explorer):
    """Points in the plane, coloured by class; one class can be brought to the front.

    points:  {model: (P, 2)}, in any units: each is fitted into the frame
    labels:  {model: (P,) whole numbers}, which class each point is of
    classes: {label: name}; label 0, the background, is grey

    Raises UserError when points and labels do not agree.
    """

    name = "points-explorer"

    def __init__(
        self,
        *,
        points: Mapping[str, Floats],
        labels: Mapping[str, npt.NDArray[np.integer[Any]]],
        classes: Mapping[int, str],
        caption: str,
        alt: str,
    ) -> None:
        self.points, self.labels, self.classes = points, labels, classes
        for name, each in points.items():
            known = labels.get(name, np.empty(0))
            if each.shape != (len(known), 2) or not np.isfinite(each).all():
                raise UserError(f"{name}: points {each.shape} for {len(known)} labels; give (P, 2), finite")
            if not set(np.unique(known)) <= set(classes):
                raise UserError(f"{name}: labels {sorted(set(np.unique(known)) - set(classes))} have no name")
        super().__init__(caption=caption, alt=alt, licence=None)

    def data(self) -> dict[str, Any]:
        order = list(self.classes)
        return {
            "classes": [
                {"name": n, "colour": class_colour(label) if label else "#999999"}
                for label, n in self.classes.items()
            ],
            "models": [
                {
                    "name": name,
                    "places": [[round(float(v), 3) for v in place] for place in _fitted(each)],
                    "labels": [order.index(int(label)) for label in self.labels[name]],
                }
                for name, each in self.points.items()
            ],
        }

    def body(self) -> str:
        names: Sequence[str] = list(self.points)
        return (
            '<div class="avs-columns"><div class="avs-look">'
            f"{canvas('plane', width=960, height=720, label=self.alt)}</div>"
            f'<div class="avs-act">{choice("model", label="model", options=names)}'
            f"{slider('front', label='in front', last=len(self.classes))}</div></div>"
        )


def _fitted(points: Floats) -> Floats:
    """(P, 2) between 0 and 1 along the longer side."""
    low, high = points.min(axis=0), points.max(axis=0)
    fitted: Floats = (points - (low + high) / 2) / max(float((high - low).max()), 1e-9) + 0.5
    return fitted
