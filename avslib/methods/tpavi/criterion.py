"""TPAVI's loss: cross-entropy, and the mapping that pulls masked visual features towards the sound (paper, eq. 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.losses.auxiliary import overlap_loss, response_loss
from avslib.losses.mask_loss import mask_loss
from avslib.types import Batch, Prediction


class TPAVICriterion(nn.Module):
    """Terms of the paper's loss: {"mask"} and, with `mapping=True`, {"mapping"}, which the recipe weighs 0.5.

    mask:    cross-entropy per pixel over annotated frames (binary for K = 1): S4 sees its first frame only
    mapping: `audio_visual_mapping`, used for MS3 and AVSS; the authors' S4 schedule leaves it out
    auxiliary:   {"overlap"} and {"response"}: `overlap_loss` and `response_loss`, which are not the paper's and
             let a schedule of minutes arrive; the model must be `auxiliary`
    of_probabilities: cross-entropy of the sigmoid, as the authors' code; see `mask_loss`

    Pixels labelled 255 count nowhere; without any annotated pixel the term is 0.
    """

    def __init__(
        self, *, mapping: bool = True, auxiliary: bool = False, of_probabilities: bool = False
    ) -> None:
        super().__init__()
        self.mapping, self.auxiliary, self.of_probabilities = mapping, auxiliary, of_probabilities

    def forward(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Prediction and batch -> {term: scalar}, unweighted."""
        logits, labels, annotated = prediction.logits, batch.labels, batch.annotated
        terms = {"mask": mask_loss(logits, labels, annotated, of_probabilities=self.of_probabilities)}
        if self.mapping:
            terms["mapping"] = audio_visual_mapping(prediction, batch)
        if self.auxiliary:
            terms["overlap"] = overlap_loss(logits, labels, annotated)
            terms["response"] = response_loss(prediction, batch)
        return terms


def audio_visual_mapping(prediction: Prediction, batch: Batch) -> Tensor:
    """KL(sound || masked visual feature), softmax over channels, mean over stages (paper, eq. 3).

    As the authors' code has it, and as the two tasks differ there. Binary: the mask is the sigmoid of the
    pooled logits, with gradient; the divergence is *summed* over frames. Semantic: the mask is "not
    background", without gradient; the mean over annotated frames. The masked feature is divided by the
    whole area, not by the mask's.
    """
    logits, extras = prediction.logits, prediction.extras
    binary = logits.shape[2] == 1
    stages = sorted(int(name[3:]) for name in extras if name.startswith("map"))
    frames = torch.zeros_like(batch.annotated, dtype=logits.dtype)
    for stage in stages:
        maps = extras[f"map{stage}"]  # B T C h w
        area = (logits if binary else (logits.argmax(2, keepdim=True) != 0).to(logits.dtype)).flatten(0, 1)
        size = (maps.shape[-2], maps.shape[-1])
        mask = F.adaptive_avg_pool2d(area, size).view(*maps.shape[:2], 1, *size)  # B T 1 h w
        feature = (maps * (mask.sigmoid() if binary else mask)).mean(dim=(3, 4))  # B T C
        sound = extras[f"audio{stage}"].softmax(-1)
        frames = frames + F.kl_div(feature.log_softmax(-1), sound, reduction="none").sum(-1) / len(stages)
    if binary:
        return (frames * batch.valid).sum()
    return (frames * batch.annotated).sum() / batch.annotated.sum().clamp(min=1)
