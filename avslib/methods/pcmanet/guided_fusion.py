"""PCMANet's GF: one step of the decoder."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from avslib.methods.pcmanet.conv_norm_relu import conv_norm_relu


class GuidedFusion(nn.Module):
    """Own map, plus the coarser stage's result, plus the guide of QSCA, mixed (PCMANet, section III-D).

    takes_coarse: False for the coarsest stage. (The authors' code gives it the branch all the same: 0.59 M
                  parameters that never see a gradient.)
    takes_guide:  False without QSCA, as in the first two rows of Table IV
    """

    def __init__(self, *, width: int = 256, takes_coarse: bool = True, takes_guide: bool = True) -> None:
        super().__init__()
        self.coarse = conv_norm_relu(width, width) if takes_coarse else None
        self.guide = conv_norm_relu(width, width) if takes_guide else None
        self.merge = conv_norm_relu(width, width)

    def forward(self, fine: Tensor, coarse: Tensor | None, guide: Tensor | None) -> Tensor:
        """fine (N, C, h, w); coarse and guide (N, C, any size) where they are taken -> (N, C, h, w)."""
        for layer, x in ((self.coarse, coarse), (self.guide, guide)):
            if layer is not None and x is not None:
                fine = fine + layer(F.interpolate(x, fine.shape[-2:], mode="bilinear"))
        merged: Tensor = self.merge(fine)
        return merged
