"""Which query answers for which mask: the matcher of Mask2Former (Cheng et al., CVPR 2022), after DETR's."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from avslib.errors import UserError
from avslib.losses.mask_targets import MaskTargets
from avslib.losses.point_samples import Seen, at_shared_points, seen

VALUES = 2**21
"""How many logits in points are looked at together: 8 MB. With more a CPU waits for fresh memory."""

DECIDED = -80.0
"""Logits below it count as this one: the logarithm of a share of pixels below e^-87 is lost in float32."""


class HungarianMatcher:
    """The assignment of queries to masks that costs least, one to one, for each picture alone.

    A pair costs `classes` x minus the probability of the class + `mask` x binary cross-entropy + `dice` x Dice.

    classes, mask, dice: the weights
    points: so many are drawn anywhere in each picture, the same for all its masks; None: all pixels of the labels,
            which need Q maps of their size at once

    Costs are computed for as many pictures at once as fit into `VALUES`, and reach the CPU in one transfer for all.
    """

    def __init__(
        self, *, classes: float = 2.0, mask: float = 5.0, dice: float = 5.0, points: int | None = 12544
    ) -> None:
        self.classes, self.mask, self.dice, self.points = classes, mask, dice, points

    @torch.no_grad()
    def __call__(self, class_logits: Tensor, mask_logits: Tensor, targets: MaskTargets) -> Tensor:
        """class_logits (N, Q, K+1; the last is no object), mask_logits (N, Q, h, w) -> (N, M) long: each mask's query.

        -1 for padding, and for the masks that are left over where a picture has more of them than queries.
        Raises UserError when a cost is NaN or infinite: then the network's answers are.
        """
        costs = self.costs(class_logits, mask_logits, targets).cpu().numpy()  # N Q M
        real = (targets.classes >= 0).cpu().numpy()
        if not np.isfinite(costs).all():
            picture = int(np.nonzero(~np.isfinite(costs))[0][0])
            told = "the network's logits hold NaN or infinity; try a lower learning rate, or precision 'no'"
            raise UserError(f"picture {picture} of the batch cannot be matched: {told}")
        found = np.full(real.shape, -1)
        for row, cost, own in zip(found, costs, real):
            queries, masks = linear_sum_assignment(cost[:, own])
            row[np.nonzero(own)[0][masks]] = queries
        return torch.from_numpy(found).to(mask_logits.device)

    def costs(self, class_logits: Tensor, mask_logits: Tensor, targets: MaskTargets) -> Tensor:
        """(N, Q, M) in float32. The columns of padding mean nothing."""
        probable = class_logits.float().softmax(dim=-1)
        columns = targets.classes.clamp(min=0)[:, None].expand(-1, probable.shape[1], -1)
        found = -self.classes * probable.gather(2, columns)
        number = self.points or targets.masks.shape[-2:].numel()
        points = None
        if self.points is not None:
            points = torch.rand(len(mask_logits), number, 2, device=mask_logits.device)
        block = max(1, VALUES // (number * mask_logits.shape[1]))
        for start in range(0, len(mask_logits), block):
            some = slice(start, start + block)
            places = seen(
                mask_logits[some].float().clamp(min=DECIDED), targets.masks[some], targets.ignored[some],
                points if points is None else points[some], at_shared_points,
            )  # fmt: skip
            found[some] += self._of_masks(places)
        return found

    def _of_masks(self, places: Seen) -> Tensor:
        """(N, Q, M), by products of matrices.

        Cross-entropy is linear in the truth: x - log sigmoid(x) - x * truth. So no pair of query and mask is looked at in a
        point, and what Dice needs serves both: a softplus of its own would cost more than the two together.
        """
        weights = torch.cat([places.masks * places.counts, places.counts], dim=1)  # N M+1 P
        maps = places.logits.mT  # N P Q, overwritten: fresh memory would cost more than the arithmetic
        summed, both, negated = weights @ maps, weights @ maps.sigmoid_(), weights[:, -1:] @ maps.log_()
        size, points = weights.sum(2, keepdim=True).tensor_split([-1], dim=1)
        apart = (summed[:, -1:] - negated - summed[:, :-1]) / points.clamp(min=1)
        dice = 1 - (2 * both[:, :-1] + 1) / (both[:, -1:] + size + 1)
        return (self.mask * apart + self.dice * dice).mT
