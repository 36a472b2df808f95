"""AVSegFormer's loss: Dice of the mask and of every decoder layer's own mask (paper, eq. 4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.losses.auxiliary import response_loss
from avslib.losses.mask_loss import mask_loss
from avslib.methods.avsegformer.dice import dice_loss
from avslib.types import Batch, Prediction


class AVSegFormerCriterion(nn.Module):
    """{"mask", "intermediate"}; the recipe weighs them 1 and lambda = 0.1 (paper, eq. 4).

    mask:         Dice for binary tasks, as paper and code; for classes cross-entropy, as the code
    intermediate: Dice of every decoder layer's mask against "something sounds here", summed over layers
    of_mask_feature: the authors' code knows no intermediate masks. It takes the Dice loss of *one* map in their
                  place, the mean over channels of the mixed map. Such a model needs no reformer
    auxiliary:        also {"presence"}: cross-entropy per pixel, and {"response"}: `response_loss`. Neither is the
                  paper's; they let a schedule of minutes arrive, and the model must be `auxiliary`

    Means are over annotated frames; pixels labelled 255 count nowhere. On silent frames Dice has no gradient.
    """

    def __init__(
        self, *, of_mask_feature: bool = False, intermediate: bool = True, auxiliary: bool = False
    ) -> None:
        super().__init__()
        self.of_mask_feature, self.intermediate, self.auxiliary = of_mask_feature, intermediate, auxiliary

    def forward(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Prediction and batch -> {term: scalar}, unweighted."""
        logits, labels, annotated = prediction.logits, batch.labels, batch.annotated
        if logits.shape[2] == 1:
            terms = {"mask": dice_loss(logits[:, :, 0], labels, annotated)}
        else:
            terms = {"mask": mask_loss(logits, labels, annotated)}
        if self.of_mask_feature:
            mean = prediction.extras["mask_feature"].mean(dim=2, keepdim=True)  # B T 1 h w
            terms["intermediate"] = _intermediate_loss(mean, labels, annotated)
        elif self.intermediate:
            terms["intermediate"] = _intermediate_loss(_masks_of_layers(prediction), labels, annotated)
        if self.auxiliary:
            terms["presence"] = mask_loss(logits, labels, annotated)
            terms["response"] = response_loss(prediction, batch)
        return terms


def _masks_of_layers(prediction: Prediction) -> Tensor:
    """(B, T, layers, h, w)."""
    return torch.stack([layer["mask"] for layer in prediction.layers], dim=2)


def _intermediate_loss(masks: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
    """masks (B, T, layers, h, w), enlarged to the labels (B, T, H, W): Dice, summed over layers."""
    size = (labels.shape[-2], labels.shape[-1])
    large = F.interpolate(masks.flatten(0, 1), size, mode="bilinear", align_corners=False)
    large = large.view(*masks.shape[:3], *size)  # B T layers H W
    return torch.stack([dice_loss(mask, labels, annotated) for mask in large.unbind(2)]).sum()
