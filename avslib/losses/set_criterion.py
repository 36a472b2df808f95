"""The loss of a set of masks (Mask2Former, Cheng et al., CVPR 2022, after DETR): each query answers for one or for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as distributed
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.losses.hungarian import HungarianMatcher
from avslib.losses.mask_targets import MaskTargets, mask_targets
from avslib.losses.point_samples import seen, uncertain_points
from avslib.types import IGNORE, Batch, Prediction


class SetCriterion(nn.Module):
    """{"class", "mask", "dice"}, each the sum over layers; VCT weighs them 2, 5 and 5.

    class: cross-entropy of every query with its mask's class, or with "no object"
    mask:  binary cross-entropy of the matched queries, summed over masks and divided by the number of masks in the
           batch; with several processes by the mean of their numbers, as gradients are averaged
    dice:  Dice, likewise

    `Prediction.extras`, and each of `Prediction.layers`, hold
    class_logits: (B, T, Q, K+1); the last is "no object"
    mask_logits:  (B, T, Q, h, w)

    A frame counts when it is annotated and a pixel of it is known. Its targets are one mask for each class present. In
    pixels labelled IGNORE nothing is asked of a mask: points that touch them have no weight, in the matching and in the
    loss, and are the last to be chosen as uncertain. Without frames that count every term is 0.

    background: the background (class 0) is a target like others (VCT); else none
    matcher:    which query answers for which mask; asked for each layer anew
    no_object:  weight of "no object" in {"class"}
    points:     in which masks are compared; None: in all pixels of the labels
    oversample, importance: how points are chosen, see `uncertain_points`
    focal:      gamma of the focal loss (Lin et al., ICCV 2017) in place of {"mask"}'s cross-entropy, where it is not 0
    """

    def __init__(
        self,
        *,
        background: bool = True,
        matcher: HungarianMatcher | None = None,
        no_object: float = 0.1,
        points: int | None = 12544,
        oversample: float = 3.0,
        importance: float = 0.75,
        focal: float = 0.0,
    ) -> None:
        super().__init__()
        self.focal = focal
        self.background, self.no_object, self.points = background, no_object, points
        self.oversample, self.importance = oversample, importance
        self.matcher = HungarianMatcher(points=points) if matcher is None else matcher

    def forward(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Prediction and batch -> {term: scalar}, unweighted.

        Raises UserError when a label is none of the classes, or when logits hold NaN or infinity.
        """
        return self.matched(prediction, batch)[0]

    def matched(self, prediction: Prediction, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """The terms of `forward`, and (B, T, Q) long, the class of the mask for which each query of the last layer
        answers: K is "no object", and -1 stands in frames that do not count."""
        prediction = prediction.in_float32()  # in bfloat16 points would fall on a grid of 128 places
        labels = batch.labels.flatten(0, 1)
        counted = batch.annotated.flatten() & (labels != IGNORE).any(dim=(1, 2))
        queries, classes = prediction.extras["class_logits"].shape[2:]
        targets = mask_targets(labels[counted], classes - 1, background=self.background)
        number = mean_over_processes((targets.classes >= 0).sum().float()).clamp(min=1)
        every = labels.new_full((len(labels), queries), -1)
        layers: list[Tensor] = []
        for layer in (prediction.extras, *prediction.layers):
            class_logits, mask_logits = (
                layer[name].flatten(0, 1)[counted] for name in ("class_logits", "mask_logits")
            )
            terms, named = self._of_layer(class_logits, mask_logits, targets, number)
            if not layers:
                every[counted] = named
            layers.append(terms)
        return self._summed(layers), torch.unflatten(every, 0, batch.labels.shape[:2])

    def told(self, layers: Sequence[Mapping[str, Tensor]], targets: MaskTargets) -> dict[str, Tensor]:
        """The same terms where query m is asked for mask m, so that nothing is matched (CPM, eq. 6).

        layers: "class_logits" (N, M, K+1) and "mask_logits" (N, M, h, w) each; where `targets.classes` is -1 nobody asks
        """
        asked = targets.classes >= 0
        number = mean_over_processes(asked.sum().float()).clamp(min=1)
        masks, ignored = targets.masks[asked], targets.ignored[asked.nonzero()[:, 0]]
        found = []
        for layer in layers:
            parts = self._of_masks(layer["mask_logits"].float()[asked], masks, ignored)
            named = self._of_classes(layer["class_logits"].float()[asked][None], targets.classes[asked][None])
            found.append(torch.stack([named, *(part / number for part in parts)]))
        return self._summed(found)

    @staticmethod
    def _summed(layers: list[Tensor]) -> dict[str, Tensor]:
        return dict(zip(("class", "mask", "dice"), torch.stack(layers).sum(dim=0).unbind()))

    def _of_layer(
        self, class_logits: Tensor, mask_logits: Tensor, targets: MaskTargets, number: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(3,): class, mask, Dice of (N, Q, K+1) and (N, Q, h, w); and the class (N, Q) for which each query answers."""
        found = self.matcher(class_logits, mask_logits, targets)  # N M
        picture, mask = (found >= 0).nonzero(as_tuple=True)  # of every matched pair
        query = found[picture, mask]
        named = class_logits.new_full(class_logits.shape[:2], class_logits.shape[-1] - 1, dtype=torch.long)
        named[picture, query] = targets.classes[picture, mask]
        parts = self._of_masks(
            mask_logits[picture, query], targets.masks[picture, mask], targets.ignored[picture]
        )
        return torch.stack([self._of_classes(class_logits, named), *(part / number for part in parts)]), named

    def _of_classes(self, logits: Tensor, named: Tensor) -> Tensor:
        """Weighted mean over queries: (N, Q, K+1), (N, Q) -> scalar."""
        weight = logits.new_ones(logits.shape[-1])
        weight[-1] = self.no_object
        each = F.cross_entropy(logits.flatten(0, 1), named.flatten(), weight, reduction="sum")
        return each / weight[named].sum().clamp(min=1e-6)

    def _of_masks(self, logits: Tensor, masks: Tensor, ignored: Tensor) -> tuple[Tensor, Tensor]:
        """Sums over R pairs of (R, h, w) logits and (R, H, W) masks: cross-entropy and Dice."""
        points = None
        if self.points is not None:
            points = uncertain_points(
                logits[:, None], ignored, self.points, oversample=self.oversample, importance=self.importance
            )
        answers, truth, counts = (x[:, 0] for x in seen(logits[:, None], masks[:, None], ignored, points))
        each = F.binary_cross_entropy_with_logits(answers, truth, reduction="none") * counts
        if self.focal:  # (1 - p)^gamma, p the probability of the truth
            each = each * (truth - answers.sigmoid()).abs() ** self.focal
        apart = each.sum(-1) / counts.sum(-1).clamp(min=1)
        shares, truth = answers.sigmoid() * counts, truth * counts
        dice = 1 - (2 * (shares * truth).sum(-1) + 1) / (shares.sum(-1) + truth.sum(-1) + 1)
        return apart.sum(), dice.sum()


def mean_over_processes(value: Tensor) -> Tensor:
    """A scalar's mean over all processes, the same on each; without gradient. Every process has to ask."""
    value = value.detach()
    if not (distributed.is_available() and distributed.is_initialized()):
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()
