"""What a mask transformer is to find in a picture: one binary mask for each class that is present."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.types import IGNORE


@dataclass(frozen=True)
class MaskTargets:
    """The masks of N pictures, padded to the same number M.

    classes: (N, M) long, the classes of each picture in rising order; -1 pads
    masks:   (N, M, H, W) bool, nothing where `classes` is -1
    ignored: (N, H, W) bool, pixels of which nothing is known
    """

    classes: Tensor
    masks: Tensor
    ignored: Tensor


def classes_present(labels: Tensor, classes: int) -> Tensor:
    """(..., H, W) labels -> (..., K) bool: which of K classes, 0 = background among them, have a pixel.

    Raises UserError when a label is neither one of the classes nor IGNORE.
    """
    found = torch.zeros(*labels.shape[:-2], IGNORE + 1, dtype=torch.bool, device=labels.device)
    found.scatter_(-1, labels.flatten(-2), torch.ones_like(labels, dtype=torch.bool).flatten(-2))
    if bool(found[..., classes:IGNORE].any()):
        largest = int(found[..., classes:IGNORE].nonzero()[:, -1].max()) + classes
        raise UserError(
            f"label {largest}, but the model knows {classes} classes: check the data set's classes"
        )
    return found[..., :classes]


def mask_targets(labels: Tensor, classes: int, *, background: bool) -> MaskTargets:
    """(N, H, W) labels -> one mask for each of K classes that is present.

    background: class 0 is an object like others (VCT: for S4 and MS3 too); else it is no target

    Raises UserError when a label is neither one of the classes nor IGNORE.
    """
    present = classes_present(labels, classes)
    if not background:
        present[:, 0] = False
    most = int(present.sum(dim=1).max()) if len(labels) else 0
    # Stable: the classes that are present come first, each part in its order.
    order = present.logical_not().long().argsort(dim=1, stable=True)[:, :most]
    numbers = order.where(present.gather(1, order), -1)
    masks = labels[:, None] == numbers[:, :, None, None]
    return MaskTargets(numbers, masks, labels == IGNORE)
