"""The Dice loss as V-Net wrote it, with squares in the denominator; AVSegFormer uses no other on binary masks."""

from __future__ import annotations

from torch import Tensor

from avslib.types import IGNORE


def dice_loss(logits: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
    """logits (B, T, H, W), labels (B, T, H, W), annotated (B, T) -> mean over annotated frames; 0 without any.

    1 - 2 sum(p g) / (sum p^2 + sum g^2 + 0.002), sums over a frame's pixels that are not 255, p the sigmoid,
    g whether the label is not background. In a frame where nothing sounds this is exactly 1, whatever
    the prediction: such a frame has no gradient, and teaches no model to keep silent.
    """
    counts = (labels != IGNORE).to(logits.dtype)
    truth = (labels != 0).to(logits.dtype) * counts
    marked = logits.sigmoid() * counts
    both = (marked * truth).sum(dim=(2, 3))
    sizes = marked.square().sum(dim=(2, 3)) + truth.square().sum(dim=(2, 3)) + 0.002
    return mean_over(1 - 2 * both / sizes, annotated)


def mean_over(frames: Tensor, annotated: Tensor) -> Tensor:
    """(B, T), (B, T) bool -> the mean over the annotated ones; 0 without any."""
    return (frames * annotated).sum() / annotated.sum().clamp(min=1)
