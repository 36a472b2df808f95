"""Two losses for schedules of minutes. Neither is from a paper; recipes that use them say so."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from avslib.types import IGNORE, Batch, Prediction


def overlap_loss(logits: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
    """Dice loss of the foreground, the mean over annotated frames in which something sounds; 0 without any.

    logits (B, T, K, H, W): K = 1, or K classes of which 0 is the background.
    """
    counts = (labels != IGNORE) & annotated[:, :, None, None]
    truth = ((labels > 0) & counts).flatten(2).to(logits.dtype)  # B T HW
    foreground = logits[:, :, 0].sigmoid() if logits.shape[2] == 1 else 1 - logits.softmax(dim=2)[:, :, 0]
    marked = foreground.flatten(2) * counts.flatten(2)
    both, sizes = (marked * truth).sum(-1), marked.sum(-1) + truth.sum(-1)
    sounding = truth.sum(-1) > 0
    dice = 1 - (2 * both + 1) / (sizes + 1)
    return (dice * sounding).sum() / sounding.sum().clamp(min=1)


def response_loss(prediction: Prediction, batch: Batch) -> Tensor:
    """Binary cross-entropy between each stage's response, divided by 8, and the mask at its size.

    It tells query and key directly what the mask loss lets them find out in the end: that a pixel should
    answer to the sound of its own object. Mean over stages and annotated frames.
    """
    masks = ((batch.labels > 0) & (batch.labels != IGNORE)).float() * batch.annotated[:, :, None, None]
    stages = [value for name, value in prediction.extras.items() if name.startswith("response")]
    losses = []
    for response in stages:
        height, width = response.shape[-2:]
        target = F.adaptive_avg_pool2d(masks, (height, width))  # B T h w
        each = F.binary_cross_entropy_with_logits(response / 8, target, reduction="none").mean(dim=(2, 3))
        losses.append((each * batch.annotated).sum() / batch.annotated.sum().clamp(min=1))
    return torch.stack(losses).mean()
