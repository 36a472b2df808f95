"""A few queries and the masks of one picture on a small grid: what each pair costs, and who matches whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.errors import UserError
from avslib.figures.html import Array, Floats, Masks
from avslib.losses.hungarian import HungarianMatcher
from avslib.losses.mask_targets import MaskTargets, mask_targets
from avslib.types import Prediction

WEIGHTS = (2.0, 5.0, 5.0)
"""Of class, mask and Dice, as in `HungarianMatcher`."""

LARGEST_GRID, MOST_TARGETS, MOST_QUERIES = 32, 5, 8
"""What a page can send, show, and search through for the best assignment."""


@dataclass(frozen=True)
class Pairs:
    """Q queries, and M targets: the classes that are present, 0 (background) among them.

    labels:       (h, w) whole numbers, at most 32 by 32
    class_logits: (Q, K + 1), the last is "no object"
    mask_logits:  (Q, h, w), of which two decimals count: so many a page is sent
    numbers:      which of a model's queries these are, from 0

    Costs and matches are those of `HungarianMatcher` in all pixels of the grid. Raises UserError when the arrays do not
    agree, or for more targets than queries.
    """

    labels: npt.NDArray[np.integer[Any]]
    class_logits: Floats
    mask_logits: Floats
    numbers: Sequence[int]

    def __post_init__(self) -> None:
        size, count, classes = self.labels.shape, len(self.numbers), self.class_logits.shape[-1] - 1
        if len(size) != 2 or not 0 < max(size) <= LARGEST_GRID or not 0 < count <= MOST_QUERIES:
            told = f"at most {LARGEST_GRID} rows and columns, and {MOST_QUERIES} queries"
            raise UserError(f"labels {size}, {count} queries: give {told}")
        shapes, due = (
            (self.class_logits.shape, self.mask_logits.shape),
            ((count, classes + 1), (count, *size)),
        )
        if shapes != due:
            raise UserError(f"class_logits, mask_logits {shapes}: give {due}")
        if not np.isfinite(self.class_logits).all() or not np.isfinite(self.mask_logits).all():
            raise UserError("the logits hold NaN or infinity")
        whole = np.issubdtype(self.labels.dtype, np.integer)
        if not whole or self.labels.min() < 0 or self.labels.max() >= classes:
            raise UserError(f"labels must be whole numbers from 0 to {classes - 1}")
        if len(self.targets) > min(count, MOST_TARGETS):
            told = f"at most {MOST_TARGETS} classes, and a query for each"
            raise UserError(f"{len(self.targets)} classes, {count} queries: give {told}")

    @classmethod
    def of(
        cls, prediction: Prediction, labels: Tensor, *, second: int = 0, count: int = 6, side: int = 16
    ) -> Pairs:
        """Of the first clip of a mask transformer's prediction, and the labels (H, W) of its `second`.

        count: of queries: those that match, and the cheapest of the others; side: of the grid
        """
        classes, masks = (
            prediction.extras[name][0, [second]].detach().float().cpu()
            for name in ("class_logits", "mask_logits")
        )
        masks = F.interpolate(masks, (side, side), mode="area")
        small = F.interpolate(labels[None, None].float().cpu(), (side, side), mode="nearest-exact")[0].long()
        asked = (classes, masks, mask_targets(small, classes.shape[-1] - 1, background=True))
        matcher = HungarianMatcher(points=None)
        cheapest = matcher.costs(*asked)[0].min(dim=1).values  # Q
        cheapest[matcher(*asked)[0]] = -torch.inf
        some = cheapest.argsort()[:count].sort().values
        return cls(small[0].numpy(), classes[0, some].numpy(), masks[0, some].numpy(), some.tolist())

    @property
    def targets(self) -> list[int]:
        """The M classes that are present, in rising order."""
        return [int(label) for label in np.unique(self.labels)]

    @property
    def probable(self) -> Floats:
        """(Q, K + 1), rows add up to 1."""
        return torch.from_numpy(self.class_logits).float().softmax(dim=-1).numpy()

    def masks(self, shifts: Mapping[int, int] | None = None) -> Masks:
        """(M, h, w). shifts: {class: how many columns to the right its mask is moved}; the background is what is left."""
        masks = [moved(self.labels == k, (shifts or {}).get(k, 0)) for k in self.targets if k]
        if 0 in self.targets:
            masks.insert(0, ~np.any([np.zeros(self.labels.shape, bool), *masks], axis=0))
        return np.stack(masks)

    def costs(self, weights: Sequence[float] = WEIGHTS, shifts: Mapping[int, int] | None = None) -> Floats:
        """(M, Q). weights: of class, mask, Dice; shifts: see `masks`."""
        return self._matcher(weights).costs(*self._asked(shifts))[0].T.numpy()

    def matched(
        self, weights: Sequence[float] = WEIGHTS, shifts: Mapping[int, int] | None = None
    ) -> list[int]:
        """The column of each of the M targets in the assignment that costs least."""
        return [int(column) for column in self._matcher(weights)(*self._asked(shifts))[0]]

    def _matcher(self, weights: Sequence[float]) -> HungarianMatcher:
        return HungarianMatcher(classes=weights[0], mask=weights[1], dice=weights[2], points=None)

    def _asked(self, shifts: Mapping[int, int] | None) -> tuple[Tensor, Tensor, MaskTargets]:
        known = torch.zeros(1, *self.labels.shape, dtype=torch.bool)
        masks = torch.from_numpy(self.masks(shifts))[None]
        classes, logits = (
            torch.from_numpy(x)[None].float() for x in (self.class_logits, self.mask_logits.round(2))
        )
        return classes, logits, MaskTargets(torch.tensor([self.targets]), masks, known)


def moved(mask: Array, by: int) -> Masks:
    """(h, w) moved by so many columns to the right; what leaves the frame is lost."""
    out: Masks = np.zeros(mask.shape, bool)
    width = mask.shape[1]
    out[:, max(by, 0) : width + min(by, 0)] = mask[:, max(-by, 0) : width - max(by, 0)]
    return out
