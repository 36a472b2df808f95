"""PCMANet's CIM: which pixels has a stage not made up its mind about?"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ConfidenceInducedMask(nn.Module):
    """True where a prediction lies in (1 - c, c): not sure yet (PCMANet, section III-D and eq. 7).

    With classes, the prediction is the largest of the softmax. It is never below 1/K, so the lower bound
    only acts in binary tasks.

    threshold:   c; 0.99 in the paper
    progression: a pixel that was confident at the coarser stage stays confident. False is the paper's
                 "w/o P" (Table IV)
    """

    def __init__(self, *, threshold: float = 0.99, progression: bool = True) -> None:
        super().__init__()
        self.threshold, self.progression = threshold, progression

    def forward(self, logits: Tensor, coarser: Tensor | None) -> Tensor:
        """logits (N, K, h, w), the coarser stage's mask (N, h', w') or None -> (N, h, w) bool."""
        sure = logits[:, 0].sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1).amax(dim=1)
        unsure = (sure > 1 - self.threshold) & (sure < self.threshold)  # N h w
        if coarser is None or not self.progression:
            return unsure
        enlarged = F.interpolate(coarser.unsqueeze(1).float(), unsure.shape[-2:], mode="nearest")
        return unsure & (enlarged[:, 0] > 0)
