"""Cross-entropy per pixel: the loss of masks that every method of the course has."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from avslib.types import IGNORE


def mask_loss(logits: Tensor, labels: Tensor, annotated: Tensor, *, of_probabilities: bool = False) -> Tensor:
    """(B, T, K, H, W), (B, T, H, W), (B, T) -> mean cross-entropy over the pixels that are annotated.

    of_probabilities: for K = 1 taken of the sigmoid, as the authors of TPAVI and PCMANet do. In float32 a sigmoid
                      saturates: from a logit of 17 on, a false alarm costs 100 and has no gradient
    """
    counts = annotated[:, :, None, None] & (labels != IGNORE)
    if logits.shape[2] == 1:
        target = (labels > 0).to(logits.dtype)
        if of_probabilities:
            each = F.binary_cross_entropy(logits[:, :, 0].sigmoid(), target, reduction="none")
        else:
            each = F.binary_cross_entropy_with_logits(logits[:, :, 0], target, reduction="none")
    else:
        each = F.cross_entropy(
            logits.flatten(0, 1), labels.flatten(0, 1), ignore_index=IGNORE, reduction="none"
        )
        each = each.view(labels.shape)
    return (each * counts).sum() / counts.sum().clamp(min=1)
