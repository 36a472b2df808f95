"""One minus the intersection over union of soft masks."""

from __future__ import annotations

from torch import Tensor

from avslib.types import IGNORE


def soft_iou_loss(logits: Tensor, labels: Tensor, annotated: Tensor, *, smooth: float = 1.0) -> Tensor:
    """1 - (sum p g + s) / (sum p + sum g - sum p g + s) a frame; mean over annotated frames (PCMANet, eq. 9).

    logits (B, T, 1, H, W), labels (B, T, H, W), annotated (B, T) -> scalar; 0 without an annotated frame.

    smooth: s, 1 pixel in the authors' code. The paper's equation has none, and so no gradient where nothing
            sounds: its loss is 1 there, whatever is marked
    """
    counts = (labels != IGNORE) & annotated[:, :, None, None]
    truth = ((labels > 0) & counts).flatten(2).to(logits.dtype)  # B T HW
    marked = logits[:, :, 0].sigmoid().flatten(2) * counts.flatten(2)
    both = (marked * truth).sum(dim=-1)
    either = marked.sum(dim=-1) + truth.sum(dim=-1) - both
    frames = 1 - (both + smooth) / (either + smooth).clamp(min=1e-6)  # B T
    return (frames * annotated).sum() / annotated.sum().clamp(min=1)
