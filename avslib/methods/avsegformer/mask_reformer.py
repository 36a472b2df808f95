"""The mask reformer: a mask out of what a decoder layer looked at (AVSegFormer, fig. 5)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.deformable_attention import Sizes


class MaskReformer(nn.Module):
    """Attention scores of the queries over three maps -> one mask at stride 4, through a small FPN.

    Query-mixed (QR, the paper's choice): each pixel receives the queries that looked at it, by their scores.
    Attention-only (AR): the scores themselves are the pixel's channels. All decoder layers share one.
    The published code has no trace of it but unused weights, so width, depth and norm of the FPN are this
    course's.

    dim:            D
    width:          channels of the FPN; D if not given
    attention_only: how many queries there are, for AR; None for QR
    """

    def __init__(
        self, *, dim: int = 256, width: int | None = None, levels: int = 3, attention_only: int | None = None
    ) -> None:
        super().__init__()
        width, self.mixes = width or dim, attention_only is None
        self.take = nn.Linear(attention_only or dim, width)
        self.norm = nn.LayerNorm(width)  # scores have no bound, and a saturated mask no Dice gradient
        self.up = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(levels))
        self.score = nn.Conv2d(width, 1, 1)

    def forward(self, scores: Tensor, queries: Tensor, sizes: Sizes, size: tuple[int, int]) -> Tensor:
        """scores (N, Q, L), queries (N, Q, D), sizes of the L pixels' maps, fine to coarse -> (N, *size) logits."""
        pixels = scores.transpose(1, 2)  # N L Q
        if self.mixes:
            pixels = pixels @ queries  # N L D
        pixels = self.norm(self.take(pixels)).transpose(1, 2)  # N width L
        maps = [
            x.reshape(*x.shape[:2], *s) for x, s in zip(pixels.split([h * w for h, w in sizes], dim=2), sizes)
        ]
        x, finer = maps[-1], [size, *sizes[:-1]]
        for level in reversed(range(len(maps))):
            x = self.up[level](F.interpolate(x, finer[level], mode="bilinear", align_corners=False)).relu()
            if level:
                x = x + maps[level - 1]
        mask: Tensor = self.score(x)
        return mask[:, 0]
