"""Hard assignment in equal parts by Sinkhorn's iterations: the E-step of GMMSeg (Liang et al., NeurIPS 2022), which CPM cites."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def balanced_assignment(
    scores: Tensor, known: Tensor, *, temperature: float = 0.05, iterations: int = 3
) -> Tensor:
    """scores (G, S, M), known (G, S) bool -> (G, S, M): one component for each known row, a row of zeros for the others.

    Each group for itself: scores go through exp(score / (largest |score| x temperature)), then columns (components) and rows
    are scaled to equal sums in turns, and the largest of a row takes it. So the parts are about equal in size, not exactly.
    """
    scores = scores.masked_fill(~known[..., None], 0)
    largest = scores.abs().amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)
    plan = (scores / largest / temperature).exp() * known[..., None]
    for _ in range(iterations):
        plan = F.normalize(plan, p=1, dim=1)
        plan = F.normalize(plan, p=1, dim=2)
    return F.one_hot(plan.argmax(dim=2), scores.shape[2]).to(scores.dtype) * known[..., None]
