"""PCMANet's loss: cross-entropy and soft IoU at each of four stages (paper, eqs. 9-11)."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.losses.auxiliary import overlap_loss
from avslib.losses.mask_loss import mask_loss
from avslib.methods.pcmanet.model import by_clip
from avslib.methods.pcmanet.soft_iou import soft_iou_loss
from avslib.types import IGNORE, Batch, Prediction

COARSEST = 4
"""The stage that the first of the layers belongs to."""


class PCMANetCriterion(nn.Module):
    """Terms {"stage1"}, ..., {"stage4"} of the paper's loss (eq. 11); the recipe weighs each by 1.

    Binary: cross-entropy per pixel plus `soft_iou_loss` (eq. 10). With classes: cross-entropy alone, as the
    authors' code has it. Every stage's logits are enlarged to the labels' size. Annotated frames only: S4 sees
    its first frame.

    auxiliary: for schedules of minutes, and not the paper's. Also {"agreement"}: `agreement_loss`, for which the
           model must be `auxiliary`; and `overlap_loss`, which silent frames do not enter, for the soft IoU
    of_probabilities: cross-entropy of the sigmoid, as the authors' code; see `mask_loss`
    """

    def __init__(self, *, auxiliary: bool = False, of_probabilities: bool = False) -> None:
        super().__init__()
        self.auxiliary, self.of_probabilities = auxiliary, of_probabilities

    def forward(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Prediction and batch -> {term: scalar}, unweighted."""
        finest = COARSEST - len(prediction.layers)
        loss = partial(stage_loss, auxiliary=self.auxiliary, of_probabilities=self.of_probabilities)
        terms = {f"stage{finest}": loss(prediction.logits, batch)}
        for above, layer in enumerate(prediction.layers):
            stage, logits = COARSEST - above, layer["logits"]
            full = F.interpolate(logits.flatten(0, 1), batch.labels.shape[-2:], mode="bilinear")
            terms[f"stage{stage}"] = loss(by_clip(full, batch.valid), batch)
        if self.auxiliary:
            terms["agreement"] = agreement_loss(prediction, batch)
        return terms


def stage_loss(
    logits: Tensor, batch: Batch, *, auxiliary: bool = False, of_probabilities: bool = False
) -> Tensor:
    """logits (B, T, K, H, W) -> cross-entropy, plus soft IoU if K is 1; see `PCMANetCriterion`."""
    labels, annotated = batch.labels, batch.annotated
    loss = mask_loss(logits, labels, annotated, of_probabilities=of_probabilities)
    if logits.shape[2] > 1:
        return loss
    overlap = overlap_loss if auxiliary else soft_iou_loss
    return loss + overlap(logits, labels, annotated)


def agreement_loss(prediction: Prediction, batch: Batch) -> Tensor:
    """Cross-entropy between AVGA's cosines, averaged over groups, and the mask at each stage's size.

    A cosine of 0.35 counts as undecided, and 12 times its distance from there as the logit. The loss
    tells AVGA directly what the mask losses let it find out in the end: that a pixel should agree with the sound
    of its own object. Mean over stages and annotated frames. For schedules of minutes; not the paper's.
    """
    masks = ((batch.labels > 0) & (batch.labels != IGNORE)).float() * batch.annotated[:, :, None, None]
    losses = []
    for name, cosine in prediction.extras.items():
        if name.startswith("agreement"):
            target = F.adaptive_avg_pool2d(masks, (cosine.shape[-2], cosine.shape[-1]))  # B T h w
            each = F.binary_cross_entropy_with_logits(12 * (cosine - 0.35), target, reduction="none")
            frames = each.mean(dim=(2, 3))  # B T
            losses.append((frames * batch.annotated).sum() / batch.annotated.sum().clamp(min=1))
    return torch.stack(losses).mean()
