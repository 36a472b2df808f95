"""From queries and a map of pixels to masks, in AVSegFormer's way (eq. 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MaskHead(nn.Module):
    """M = Linear(F + MLP(F . Q)): every pixel is compared with every query, and keeps what it was besides.

    The MLP runs at each pixel over its Q products; it is the dearest part of the published model.

    dim:          D of pixels and queries
    queries:      Q
    hidden:       width of the MLP
    classes:      K
    convolutions: the authors' code has three convolutions, which also enlarge the map four times, in the
                  place of the paper's linear layer
    """

    def __init__(
        self,
        *,
        dim: int = 256,
        queries: int = 300,
        hidden: int = 2048,
        classes: int = 1,
        convolutions: bool = False,
    ) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Conv2d(queries, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, hidden, 1), nn.ReLU(),
            nn.Conv2d(hidden, dim, 1),
        )  # fmt: skip
        self.score: nn.Module = nn.Conv2d(dim, classes, 1)
        if convolutions:
            self.score = nn.Sequential(
                nn.Conv2d(dim, dim // 2, 3, padding=1),
                nn.Upsample(scale_factor=4, mode="bilinear"),
                nn.Conv2d(dim // 2, dim // 8, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(dim // 8, classes, 1, bias=False),
            )

    def forward(self, pixels: Tensor, queries: Tensor, size: tuple[int, int]) -> Tensor:
        """pixels (N, D, h, w) at stride 4, queries (N, Q, D), the frames' size -> logits (N, K, *size)."""
        products = torch.einsum("nqd,ndhw->nqhw", queries, pixels)
        logits: Tensor = self.score(pixels + self.mlp(products))
        if logits.shape[-2:] == size:
            return logits
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)
