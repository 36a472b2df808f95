"""A second look, at what Segment Anything made of the picture: COMBO's Siam-Encoder, which VCT's checkpoints need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

REDUCTION = 16


class SiamEncoder(nn.Module):
    """f + s * g on every map: f is seen in the frame, g in the frame's regions, s = sigmoid(MLP(mean of g)).

    (Yang et al., "Cooperation Does Matter: Exploring Multi-Order Bilateral Relations for Audio-Visual
    Segmentation", CVPR 2024.) VCT's slides do not mention it; all published checkpoints were trained with it.

    visual: the encoder of the regions, of the frames' kind, with weights of its own
    """

    def __init__(self, *, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual
        self.gates = nn.ModuleList(
            nn.Sequential(nn.Linear(c, narrow), nn.ReLU(), nn.Linear(narrow, c), nn.Sigmoid())
            for c in cast(Sequence[int], visual.channels)
            for narrow in [max(1, c // REDUCTION)]
        )

    def forward(self, maps: Sequence[Tensor], regions: Tensor) -> list[Tensor]:
        """Maps of the frames (N, C, h, w), regions (N, 3, H, W) painted as a picture -> maps as they came."""
        gated = []
        for f, g, gate in zip(maps, self.visual(regions), self.gates):
            gated.append(f + gate(g.mean(dim=(2, 3)))[:, :, None, None] * g)
        return gated
